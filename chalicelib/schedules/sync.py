"""Timers that stay true: what the backend keeps is compared with what the schedules want, and mended.

The change in Postgres is committed first; whatever fails after that is found here, and told until it is mended.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from chalicelib.errors import UnavailableError
from chalicelib.observability import logger

from .repository import ScheduleRepository
from .rules import expressions
from .timers import AT_ONCE, PREFIX, ActualTimer, Timer, TimerBackend, name_of, prefix_of

if TYPE_CHECKING:
    from chalicelib.db import Database

    from .timing import Timing

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
            self._mend(wanted, list(self._backend.find(prefix_of(workflow_id))))
            before, wanted = wanted, self._wanted(workflow_id)
            if wanted == before:
                return

    def try_sync(self, workflow_id: UUID) -> bool:
        """Bring the timers of one workflow in line. What can't be done now is told by `differences` (False), and done
        by the next `sync_all`."""
        try:
            self.sync(workflow_id)
            self._remember(workflow_id, None)
        except UnavailableError as error:
            logger.exception("schedule not in sync yet", workflow_id=str(workflow_id))
            with suppress(UnavailableError):  # with no database there is nothing to read it from, either
                self._remember(workflow_id, error.detail)
            return False
        return True

    def differences(self, workflow_id: UUID) -> list[str]:
        """What is off with the timers of a workflow, in words, and why it could not be mended; nothing where all is
        well."""
        with self._database.connection() as connection:
            timing = ScheduleRepository(connection).find(workflow_id)
        wanted = _timers(timing)
        try:
            actual = {timer.name: timer for timer in self._backend.find(prefix_of(workflow_id))}
        except UnavailableError as error:
            return [f"it can't be told now: {error.detail}"]
        found = [_difference(timer, actual.get(timer.name)) for timer in wanted]
        extra = [f"{name} is there and should not be" for name in actual.keys() - {timer.name for timer in wanted}]
        off = [*filter(None, found), *sorted(extra)]
        why = f"why it could not be mended yet: {timing.sync_problem}" if timing and timing.sync_problem else None
        return [*off, why] if off and why else off

    def sync_all(self) -> dict[str, int]:
        """Bring everything in line; how many workflows were mended, how many put off because they can't be now, and how
        many timers were taken from the other backends: `{"mended": 2, "put_off": 1}`. Raises UnavailableError where
        there is no telling what is off."""
        actual: defaultdict[UUID, list[ActualTimer]] = defaultdict(list)
        for workflow_id, timer in _ours(self._backend):
            actual[workflow_id].append(timer)
        with self._database.connection() as connection:
            timings = {timing.workflow_id: timing for timing in ScheduleRepository(connection).list_all()}
        workflow_ids = [*timings, *(actual.keys() - timings.keys())]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            looked = pool.map(lambda each: self._look(each, timings.get(each), actual.get(each, [])), workflow_ids)
            found = dict(zip(workflow_ids, looked, strict=True))
        put_off = {workflow_id for workflow_id, what in found.items() if what == "put_off"}
        left = (what for backend in self._others for what in self._leave(backend, put_off))
        report = dict(Counter(what for what in (*found.values(), *left) if what))
        if report:
            logger.info("schedules reconciled", report=report)
        return report

    def _look(self, workflow_id: UUID, timing: Timing | None, actual: list[ActualTimer]) -> str | None:
        """Mend what is off with one workflow. One that can't be mended now must not keep the others from it."""
        try:
            if _are_as_wanted(_timers(timing), actual):
                return None
            return "mended" if self.try_sync(workflow_id) else "put_off"
        except Exception:  # noqa: BLE001 - whatever it is, the others are looked after
            logger.exception("schedule not reconciled", workflow_id=str(workflow_id))
            return "put_off"

    def _leave(self, backend: TimerBackend, put_off: set[UUID]) -> Iterator[str]:
        """Take our timers from a backend that is not ours any more, unless they are all that calls their workflow."""
        try:
            for workflow_id, timer in list(_ours(backend)):
                if workflow_id not in put_off:
                    backend.delete(timer.name)
                    yield "moved"
        except UnavailableError:
            logger.exception("timers not moved yet", backend=backend.name)
            yield "put_off"

    def _wanted(self, workflow_id: UUID) -> list[Timer]:
        with self._database.connection() as connection:
            return _timers(ScheduleRepository(connection).find(workflow_id))

    def _remember(self, workflow_id: UUID, problem: str | None) -> None:
        with self._database.connection() as connection:
            ScheduleRepository(connection).tell_sync_problem(workflow_id, problem)

    def _mend(self, wanted: list[Timer], actual: list[ActualTimer]) -> None:
        """What is missing comes first: a timer too many does no harm, the trigger decides."""
        found = {timer.name: timer for timer in actual}
        for timer in wanted:
            there = found.pop(timer.name, None)
            if there is None or not there.does(timer):
                self._backend.put(timer)
        for name in found:
            self._backend.delete(name)


def _ours(backend: TimerBackend) -> Iterator[tuple[UUID, ActualTimer]]:
    """All our timers that a backend has, each with its workflow."""
    for timer in backend.find(PREFIX):
        if timer.workflow_id is not None and timer.is_ours:
            yield timer.workflow_id, timer


def _timers(timing: Timing | None) -> list[Timer]:
    """What is wanted for a schedule; nothing where there is no workflow."""
    if timing is None or timing.cron is None:
        return []
    found = expressions(timing.parsed, timing.zone, datetime.now(UTC))
    return [Timer(name_of(timing.workflow_id, number), text, timing.enabled) for number, text in enumerate(found)]


def _are_as_wanted(wanted: list[Timer], actual: list[ActualTimer]) -> bool:
    there = {timer.name: timer for timer in actual}
    return there.keys() == {timer.name for timer in wanted} and all(there[timer.name].does(timer) for timer in wanted)


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
