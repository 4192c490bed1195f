"""Timers that stay true: what the backend keeps is compared with what the schedules want, and mended.

The change in Postgres is committed first; whatever fails after that is found here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from chalicelib.db import Database
from chalicelib.errors import UnavailableError
from chalicelib.observability import logger

from .repository import ScheduleRepository
from .rules import expressions
from .schemas import Timing
from .timers import PREFIX, ActualTimer, Timer, TimerBackend, name_of, prefix_of

ATTEMPTS = 3
"""How often a schedule is brought in line that someone changes meanwhile."""


class ScheduleSync:
    """`backend` keeps the timers; the others are cleared of ours, so that switching moves them all."""

    def __init__(self, database: Database, backend: TimerBackend, others: Iterable[TimerBackend]) -> None:
        self._database = database
        self._backend = backend
        self._others = tuple(others)

    def sync(self, workflow_id: UUID) -> None:
        """Bring the timers of one workflow in line; of one that is gone there are none. Raises UnavailableError."""
        wanted = self._wanted(workflow_id)
        for _ in range(ATTEMPTS):
            self._mend(wanted, list(self._backend.find(prefix_of(workflow_id))), Counter())
            before, wanted = wanted, self._wanted(workflow_id)
            if wanted == before:
                return

    def try_sync(self, workflow_id: UUID) -> None:
        """Bring the timers of one workflow in line; what can't be done now is done by the next `sync_all`."""
        try:
            self.sync(workflow_id)
        except UnavailableError:
            logger.exception("schedule not in sync yet", workflow_id=str(workflow_id))

    def differences(self, workflow_id: UUID) -> list[str]:
        """What is off with the timers of a workflow, in words; nothing where all is well."""
        wanted = self._wanted(workflow_id)
        try:
            actual = {timer.name: timer for timer in self._backend.find(prefix_of(workflow_id))}
        except UnavailableError as error:
            return [f"it can't be told now: {error.detail}"]
        found = [_difference(timer, actual.get(timer.name)) for timer in wanted]
        extra = [f"{name} is there and should not be" for name in actual.keys() - {timer.name for timer in wanted}]
        return [*filter(None, found), *sorted(extra)]

    def sync_all(self) -> dict[str, int]:
        """Bring everything in line; what was done, and how often: `{"put": 2, "deleted": 1}`. Raises
        UnavailableError."""
        done: Counter[str] = Counter()
        actual: dict[UUID | None, list[ActualTimer]] = {}
        for timer in self._backend.find(PREFIX):
            actual.setdefault(timer.workflow_id, []).append(timer)
        with self._database.connection() as connection:
            timings = list(ScheduleRepository(connection).list_all())
        for timing in timings:
            self._mend(_timers(timing), actual.pop(timing.workflow_id, []), done)
        for workflow_id in actual:
            if workflow_id is not None:
                self.sync(workflow_id)  # it may have come since we looked
                done["deleted"] += 1
        for backend in self._others:
            for timer in list(backend.find(PREFIX)):
                backend.delete(timer.name)
                done["moved"] += 1
        report = {what: count for what, count in done.items() if count}
        if report:
            logger.info("schedules reconciled", report=report)
        return report

    def _wanted(self, workflow_id: UUID) -> list[Timer]:
        with self._database.connection() as connection:
            timing = ScheduleRepository(connection).find(workflow_id)
        return _timers(timing) if timing else []

    def _mend(self, wanted: list[Timer], actual: list[ActualTimer], done: Counter[str]) -> None:
        """What is missing comes first: a timer too many does no harm, the trigger decides."""
        found = {timer.name: timer for timer in actual}
        for timer in wanted:
            there = found.pop(timer.name, None)
            if there is None or not there.does(timer):
                self._backend.put(timer)
                done["put"] += 1
        for name in found:
            self._backend.delete(name)
            done["deleted"] += 1


def _timers(timing: Timing) -> list[Timer]:
    if timing.cron is None:
        return []
    found = expressions(timing.parsed, timing.zone, datetime.now(UTC))
    return [Timer(name_of(timing.workflow_id, number), text, timing.enabled) for number, text in enumerate(found)]


def _difference(wanted: Timer, actual: ActualTimer | None) -> str | None:
    if actual is None:
        return f"{wanted.name} is missing"
    if actual.does(wanted):
        return None
    if actual.is_enabled != wanted.is_enabled:
        is_on, should = ("on", "off") if actual.is_enabled else ("off", "on")
        return f"{wanted.name} is {is_on} and should be {should}"
    if actual.expression != wanted.expression:
        return f"{wanted.name} is {actual.expression} and should be {wanted.expression}"
    return f"{wanted.name} does not call the trigger as it should"
