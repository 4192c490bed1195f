"""What users do with schedules: say when a workflow is to run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from croniter import CroniterBadDateError, CroniterError, croniter

from chalicelib.db import Database
from chalicelib.errors import InvalidError
from chalicelib.jsontext import iso8601

from .repository import ScheduleRepository
from .schemas import FireTime, PutSchedule, Schedule

SHOWN_FIRE_TIMES = 10


class ScheduleService:
    """Use cases of schedules."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, workspace_id: UUID, workflow_id: UUID, schedule: PutSchedule) -> Schedule:
        """Store a schedule. Raises InvalidError for a cron or a zone that means nothing."""
        _check(schedule)
        with self._database.connection() as connection:
            row = ScheduleRepository(connection).update(workspace_id, workflow_id, schedule)
        times = list(_fire_times(schedule, datetime.now(UTC))) if schedule.enabled else []
        return cast("Schedule", row | {"next_fire_times": times})


def _check(schedule: PutSchedule) -> None:
    if schedule.timezone not in available_timezones():
        raise _invalid("timezone", f'"{schedule.timezone}" is no IANA time zone, such as Europe/Berlin')
    fields = schedule.cron.split()
    if len(fields) != 5 and not schedule.cron.startswith("@"):
        raise _invalid("cron", f"a cron has five fields (minute hour day month weekday); this one has {len(fields)}")
    try:
        croniter.expand(schedule.cron)
    except (CroniterError, ValueError) as error:
        raise _invalid("cron", f'"{schedule.cron}" is no cron expression: {error}') from None


def _invalid(path: str, message: str) -> InvalidError:
    return InvalidError(message, [{"code": f"bad_{path}", "message": message, "path": path}])


def _fire_times(schedule: PutSchedule, now: datetime) -> Iterator[FireTime]:
    zone = ZoneInfo(schedule.timezone)
    times = croniter(schedule.cron, now.astimezone(zone), ret_type=datetime)
    try:
        for _ in range(SHOWN_FIRE_TIMES):
            moment = times.get_next()
            yield {"local": moment.isoformat(), "utc": iso8601(moment.astimezone(UTC))}
    except CroniterBadDateError:
        return
