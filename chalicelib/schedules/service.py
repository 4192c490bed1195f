"""What users do with schedules: say when a workflow is to run."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from croniter import CroniterBadDateError, CroniterError, croniter

from chalicelib.db import Database
from chalicelib.errors import InvalidError
from chalicelib.jsontext import iso8601

from .repository import ScheduleRepository
from .schemas import FireTime, PutSchedule, Schedule, Timing

SHOWN_FIRE_TIMES = 10
_NUMBERS = r"[\d*,/-]+"
_MONTHS = r"([\d*,/-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)+"
_DAYS = r"([\d*,/-]|sun|mon|tue|wed|thu|fri|sat)+"
FIELDS = {"minute": _NUMBERS, "hour": _NUMBERS, "day": _NUMBERS, "month": _MONTHS, "weekday": _DAYS}
NICKNAMES = frozenset({"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"})
"""Vixie cron's names for common schedules (crontab(5)), without @reboot."""


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
            _check(after)
            row = repository.update(workflow_id, after)
        return cast("Schedule", row | {"next_fire_times": _fire_times(after, datetime.now(UTC))})


def _changed(before: Timing, schedule: PutSchedule) -> Timing:
    return Timing(
        cron=schedule.cron if "cron" in schedule.model_fields_set else before.cron,
        timezone=schedule.timezone or before.timezone,
        enabled=(schedule.cron is not None) if schedule.enabled is None else schedule.enabled,
    )


def _check(timing: Timing) -> None:
    if timing.timezone not in _zones():
        raise _invalid("timezone", f'"{timing.timezone}" is no IANA time zone, such as Europe/Berlin')
    if timing.cron is None:
        if timing.enabled:
            raise _invalid("cron", "there is no cron to enable; send one, such as 30 8 * * 1-5")
        return
    fields = timing.cron.split()
    if timing.cron not in NICKNAMES and len(fields) != len(FIELDS):
        raise _invalid("cron", f"a cron has five fields, {', '.join(FIELDS)}; this one has {len(fields)}")
    for name, text in zip(FIELDS, fields, strict=False):
        if timing.cron not in NICKNAMES and not re.fullmatch(FIELDS[name], text, re.IGNORECASE):
            raise _invalid("cron", f'"{text}" is no {name}; a field has numbers, *, and with them - / and ,')
    try:
        croniter.expand(timing.cron)
    except (CroniterError, ValueError) as error:
        raise _invalid("cron", f'"{timing.cron}" is no cron expression: {error}') from None
    if timing.enabled and not _fire_times(timing, datetime.now(UTC)):
        raise _invalid("cron", f'"{timing.cron}" never fires')


@cache
def _zones() -> set[str]:
    return available_timezones()


def _invalid(path: str, message: str) -> InvalidError:
    return InvalidError(message, [{"code": f"bad_{path}", "message": message, "path": path}])


def _fire_times(timing: Timing, now: datetime) -> list[FireTime]:
    if not timing.enabled or timing.cron is None:
        return []
    times = croniter(timing.cron, now.astimezone(ZoneInfo(timing.timezone)), ret_type=datetime)
    found: list[FireTime] = []
    try:
        for _ in range(SHOWN_FIRE_TIMES):
            moment = times.get_next()
            found.append({"local": moment.isoformat(), "utc": iso8601(moment)})
    except CroniterBadDateError:
        return found
    return found
