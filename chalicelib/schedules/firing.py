"""What timers call for: a run, if it is time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chalicelib.errors import MalformedError, NotFoundError
from chalicelib.observability import about, logger, measure
from chalicelib.runs.state import NewRun

from .fire_times import fires_at, last_fire_time, next_fire_times
from .repository import ScheduleRepository
from .timers import workflow_of
from .timing import fire_time
from .zones import MINUTE

if TYPE_CHECKING:
    from chalicelib.db import Database
    from chalicelib.runs.service import RunService

    from .pausing import Pausing
    from .timing import Timing

MISSED_AFTER = timedelta(minutes=2)
"""A fire that did not come by then is missed; one that comes even later finds that it was made up for."""


class Firing:
    """Starts the runs of schedules. `runs` is asked for when there is one to start: most calls of a timer whose cron
    no rule can say are for nothing."""

    def __init__(self, database: Database, runs: Callable[[], RunService], pausing: Pausing) -> None:
        self._database = database
        self._runs = runs
        self._pausing = pausing

    def answer(self, event: Any) -> Mapping[str, str | None]:
        """What a timer sends, `{timer, time}` or a rule's own Scheduled Event, becomes a run, whose id is given, or
        none. Raises MalformedError for what no timer of ours sends."""
        run_id = self.fire(*_read(event))
        return {"run_id": str(run_id) if run_id else None}

    def fire(self, workflow_id: UUID, moment: datetime) -> UUID | None:
        """A timer says that it may be time. Start a run if the cron fires in the minute of this moment; None where it
        does not, or where that minute has its run already."""
        minute = moment.astimezone(UTC).replace(second=0, microsecond=0)
        with self._database.connection() as connection:
            timing = ScheduleRepository(connection).find(workflow_id)
        if timing is None or not timing.enabled or minute <= timing.since:
            return None
        if not fires_at(timing.parsed, timing.zone, minute) or self._pausing.pause_if_failing(timing):
            return None
        return self._start(timing, minute)

    def _start(self, timing: Timing, minute: datetime) -> UUID | None:
        scheduled_for = fire_time(minute, timing.zone)
        new = NewRun({"scheduled_for": scheduled_for}, "schedule", None, fire_at=minute, limits=timing.limits)
        try:
            run_id = self._runs().start(timing.workspace_id, timing.workflow_id, new)
        except NotFoundError:
            return None  # it was deleted while we looked
        if run_id:
            with about(run_id=run_id, workflow_id=timing.workflow_id, workspace_id=timing.workspace_id):
                logger.info("schedule fired", fire_at=str(minute))
                measure("ScheduleLag", (datetime.now(UTC) - minute).total_seconds())
        return run_id

    def catch_up(self) -> dict[str, int]:
        """Make up for the last fire that each schedule missed, where it is to; how many there were, and how many are
        put off until the next time because they can't be made up for now."""
        done: Counter[str] = Counter()
        now = datetime.now(UTC)
        with self._database.connection() as connection:
            timings = [each for each in ScheduleRepository(connection).list_all() if each.catches_up]
        for timing in timings:
            try:
                done["caught_up"] += self._catch_up(timing, now)
            except Exception:  # noqa: BLE001 - whatever it is, the others are looked after
                logger.exception("schedule not caught up", workflow_id=str(timing.workflow_id))
                done["catch_up_put_off"] += 1
        return {what: count for what, count in done.items() if count}

    def _catch_up(self, timing: Timing, now: datetime) -> bool:
        until = now - MISSED_AFTER
        with self._database.connection() as connection:
            made = ScheduleRepository(connection).fires_since(timing.workflow_id, timing.accounted_until)
        missed = _last_missed(timing, until, made)
        if missed and _stands_still(timing, missed, now, made):
            return False
        started = self.fire(timing.workflow_id, missed) if missed else None
        with self._database.connection() as connection:
            ScheduleRepository(connection).account_until(timing.workflow_id, until)
        return started is not None


def _last_missed(timing: Timing, until: datetime, made: Collection[datetime]) -> datetime | None:
    missed = last_fire_time(timing.parsed, timing.zone, timing.accounted_until, until)
    while missed and missed in made:
        missed = last_fire_time(timing.parsed, timing.zone, timing.accounted_until, missed - MINUTE)
    return missed


def _stands_still(timing: Timing, missed: datetime, now: datetime, made: Collection[datetime]) -> bool:
    """Whether the fire after one that was missed has not come either, so that it may be the last that was missed."""
    following = next_fire_times(timing.parsed, timing.zone, missed, 1)
    return any(moment <= now and moment not in made for moment in following)


def _read(event: Any) -> tuple[UUID, datetime]:
    try:
        timer = event["timer"] if "timer" in event else event["resources"][0].rpartition("/")[2]
        workflow_id, moment = workflow_of(timer), datetime.fromisoformat(event["time"])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise MalformedError(f"a timer sends its name and the time, not {str(event)[:200]}") from None
    if workflow_id is None or moment.tzinfo is None:
        raise MalformedError(f"{str(event)[:200]} is sent by no timer of ours")
    return workflow_id, moment
