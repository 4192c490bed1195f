"""Turning schedules off whose runs fail, where they say after how many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from chalicelib.observability import logger

from .repository import ScheduleRepository

if TYPE_CHECKING:
    from chalicelib.db import Database

    from .timing import Timing


class Pausing:
    """`sync` brings the timers of a workflow in line."""

    def __init__(self, database: Database, sync: Callable[[UUID], object]) -> None:
        self._database = database
        self._sync = sync

    def look_at_end(self, run_id: UUID) -> None:
        """A run has ended: where it was one too many of those that failed, its schedule is turned off."""
        with self._database.connection() as connection:
            repository = ScheduleRepository(connection)
            workflow_id = repository.find_failed(run_id)
            timing = repository.find(workflow_id) if workflow_id else None
        if timing:
            self.pause_if_failing(timing)

    def pause_if_failing(self, seen: Timing) -> bool:
        """Turn a schedule off whose last runs failed, as many as are too many; whether it was."""
        if seen.pause_after_failures is None:
            return False
        with self._database.transaction() as connection:
            repository = ScheduleRepository(connection)
            repository.lock(seen.workflow_id)
            timing = repository.find(seen.workflow_id)  # as it is now, whoever changed it meanwhile
            reason = _why_to_pause(repository, timing) if timing else None
            if timing is None or reason is None:
                return False
            repository.save(replace(timing, enabled=False, paused_at=datetime.now(UTC), paused_reason=reason))
        logger.info("schedule paused", workflow_id=str(timing.workflow_id), reason=reason)
        self._sync(timing.workflow_id)
        return True


def _why_to_pause(repository: ScheduleRepository, timing: Timing) -> str | None:
    """What to tell of a schedule that is to be turned off; None where it may go on."""
    most = timing.pause_after_failures
    if most is None or not timing.enabled:
        return None
    ended = repository.list_ended(timing.workflow_id, timing.since, most)
    if len(ended) < most or any(run["run_status"] == "succeeded" for run in ended):
        return None
    runs = "its last run" if most == 1 else f"its last {most} runs"
    return f"{runs} failed; the latest is {ended[0]['run_id']}"
