"""What users do with schedules: say when a workflow is to run, and read when it will and did."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import available_timezones

from chalicelib.errors import InvalidError
from chalicelib.jsontext import iso8601

from .cron import CronError, parse
from .fire_times import next_fire_times
from .misread import misreadings
from .repository import ScheduleRepository
from .schemas import Fire, PutSchedule, Schedule
from .summer_time import summer_time
from .timing import fire_time
from .words import describe

if TYPE_CHECKING:
    from chalicelib.db import Database

    from .sync import ScheduleSync
    from .timing import Timing

SHOWN_FIRE_TIMES = 10
SHOWN_CHARACTERS = 64
"""Of a zone that there is not."""


class ScheduleService:
    """Use cases of schedules."""

    def __init__(self, database: Database, sync: ScheduleSync) -> None:
        self._database = database
        self._sync = sync

    def get(self, workspace_id: UUID, workflow_id: UUID) -> Schedule:
        """A workflow's schedule with its next and its last fires. Raises NotFoundError."""
        with self._database.connection() as connection:
            repository = ScheduleRepository(connection)
            timing = repository.get(workspace_id, workflow_id)
            fires = repository.list_fires(workflow_id, SHOWN_FIRE_TIMES)
        shown = [
            Fire(**fire_time(fire["fire_at"], timing.zone), run_id=fire["run_id"], run_status=fire["run_status"])
            for fire in fires
        ]
        return _schedule(timing, shown, self._sync.differences(workflow_id))

    def put(self, workspace_id: UUID, workflow_id: UUID, schedule: PutSchedule) -> Schedule:
        """Store a schedule; what is not sent stays. Raises InvalidError for a cron or a zone that means nothing."""
        with self._database.transaction() as connection:
            repository = ScheduleRepository(connection)
            repository.lock(workflow_id)
            after = _changed(repository.get(workspace_id, workflow_id), schedule, datetime.now(UTC))
            _check(after)
            repository.save(after)
        self._sync.try_sync(workflow_id)
        return self.get(workspace_id, workflow_id)


def _changed(before: Timing, schedule: PutSchedule, now: datetime) -> Timing:
    sent = schedule.model_fields_set
    after = replace(
        before,
        cron=schedule.cron if "cron" in sent else before.cron,
        timezone=before.timezone if schedule.timezone is None else schedule.timezone,
        enabled=_is_on(before, schedule),
        overlap=schedule.overlap or before.overlap,
        catch_up=schedule.catch_up or before.catch_up,
        pause_after_failures=(
            schedule.pause_after_failures if "pause_after_failures" in sent else before.pause_after_failures
        ),
    )
    if (after.cron, after.timezone, after.enabled) == (before.cron, before.timezone, before.enabled):
        return replace(after, accounted_until=before.accounted_until if before.catch_up == "last" else now)
    after = replace(after, since=now, accounted_until=now)
    stays_paused = not after.enabled and schedule.enabled is None
    return after if stays_paused else replace(after, paused_at=None, paused_reason=None)


def _is_on(before: Timing, schedule: PutSchedule) -> bool:
    """The first cron that is sent is on unless it is said to be off."""
    if schedule.enabled is not None:
        return schedule.enabled
    if "cron" not in schedule.model_fields_set or (schedule.cron and before.cron):
        return before.enabled
    return schedule.cron is not None


def _check(timing: Timing) -> None:
    """Raises InvalidError."""
    if timing.timezone not in _zones():
        raise _unknown_zone(timing.timezone)
    if timing.cron is None:
        if timing.enabled:
            raise _invalid("no_cron", "cron", "there is no cron to enable", "send one, such as 30 8 * * 1-5")
        return
    try:
        parse(timing.cron)
    except CronError as error:
        raise _refused(error) from None


@cache
def _zones() -> set[str]:
    """All of IANA's; what a machine adds of its own would mean something else on the next one."""
    return available_timezones() - {"localtime", "Factory"}


def _unknown_zone(name: str) -> InvalidError:
    shown, by_lower_case = name[:SHOWN_CHARACTERS], {zone.lower(): zone for zone in _zones()}
    close = get_close_matches(shown.strip().lower(), by_lower_case, n=1)
    hint = f"did you mean {by_lower_case[close[0]]}?" if close else "write a name such as Europe/Berlin, or UTC"
    return _invalid("unknown_timezone", "timezone", f'"{shown}" is no IANA time zone', hint)


def _invalid(code: str, path: str, message: str, hint: str) -> InvalidError:
    told = f"{message}; {hint}"
    return InvalidError(told, [{"code": code, "message": told, "path": path, "hint": hint}])


def _refused(error: CronError) -> InvalidError:
    problems = [
        {"code": each.code, "message": f"{each.message}; {each.hint}", "path": "cron", "hint": each.hint}
        for each in error.problems
    ]
    return InvalidError(str(error), problems)


def _schedule(timing: Timing, fires: list[Fire], out_of_sync: list[str]) -> Schedule:
    now, zone = datetime.now(UTC), timing.zone
    cron = timing.parsed if timing.cron else None
    next_times = next_fire_times(cron, zone, now, SHOWN_FIRE_TIMES) if cron else []
    return Schedule(
        workflow_id=timing.workflow_id,
        schedule_cron=timing.cron,
        schedule_timezone=timing.timezone,
        schedule_enabled=timing.enabled,
        overlap=timing.overlap,
        catch_up=timing.catch_up,
        pause_after_failures=timing.pause_after_failures,
        paused_at=timing.paused_at,
        paused_reason=timing.paused_reason,
        description=describe(cron, timing.timezone) if cron else None,
        warnings=[{"code": each.code, "message": each.message} for each in misreadings(cron, zone, now)]
        if cron
        else [],
        next_fire_times=[fire_time(moment, zone) for moment in next_times],
        summer_time=[
            {
                "at": iso8601(each.at),
                "local_before": each.local_before.isoformat(),
                "local_after": each.local_after.isoformat(),
                "minutes": each.minutes,
                "effect": each.kind.value,
                "description": each.words,
            }
            for each in (summer_time(cron, zone, now) if cron else [])
        ],
        last_fires=fires,
        in_sync=not out_of_sync,
        out_of_sync=out_of_sync,
    )
