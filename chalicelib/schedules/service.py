"""What users do with schedules: say when a workflow is to run."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from chalicelib.db import Database
from chalicelib.errors import InvalidError
from chalicelib.jsontext import iso8601

from .cron import Cron, CronError, parse
from .fire_times import next_fire_times
from .repository import ScheduleRepository
from .schemas import FireTime, PutSchedule, Schedule, Timing

SHOWN_FIRE_TIMES = 10


class ScheduleService:
    """Use cases of schedules."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, workspace_id: UUID, workflow_id: UUID, schedule: PutSchedule) -> Schedule:
        """Store a schedule; what is not sent stays. Raises InvalidError for a cron or a zone that means nothing."""
        with self._database.transaction() as connection:
            repository = ScheduleRepository(connection)
            before = repository.lock(workspace_id, workflow_id)
            after = _changed(before, schedule)
            cron = _checked(after)
            row = repository.update(workflow_id, after)
        times = _fire_times(cron, after.timezone, datetime.now(UTC)) if cron and after.enabled else []
        return cast("Schedule", row | {"next_fire_times": times})


def _changed(before: Timing, schedule: PutSchedule) -> Timing:
    return Timing(
        cron=schedule.cron if "cron" in schedule.model_fields_set else before.cron,
        timezone=schedule.timezone or before.timezone,
        enabled=(schedule.cron is not None) if schedule.enabled is None else schedule.enabled,
    )


def _checked(timing: Timing) -> Cron | None:
    """The cron that is on or kept, if there is one. Raises InvalidError."""
    if timing.timezone not in _zones():
        raise _invalid("timezone", f'"{timing.timezone}" is no IANA time zone, such as Europe/Berlin')
    if timing.cron is None:
        if timing.enabled:
            raise _invalid("cron", "there is no cron to enable; send one, such as 30 8 * * 1-5")
        return None
    try:
        cron = parse(timing.cron)
    except CronError as error:
        raise _refused(error) from None
    if timing.enabled and cron.never_fires:
        raise _invalid("cron", f'"{timing.cron}" never fires')
    return cron


@cache
def _zones() -> set[str]:
    return available_timezones()


def _invalid(path: str, message: str) -> InvalidError:
    return InvalidError(message, [{"code": f"bad_{path}", "message": message, "path": path}])


def _refused(error: CronError) -> InvalidError:
    problems = [
        {"code": each.code, "message": f"{each.message}; {each.hint}", "path": "cron", "hint": each.hint}
        for each in error.problems
    ]
    return InvalidError(str(error), problems)


def _fire_times(cron: Cron, timezone: str, now: datetime) -> list[FireTime]:
    zone = ZoneInfo(timezone)
    moments = next_fire_times(cron, zone, now, SHOWN_FIRE_TIMES)
    return [{"local": moment.astimezone(zone).isoformat(), "utc": iso8601(moment)} for moment in moments]
