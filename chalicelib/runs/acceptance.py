"""Accepting a run: from then on it will end."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from .ending import end_early
from .queue import QueueRepository
from .repository import RunRepository
from .retries import take_over

if TYPE_CHECKING:
    from chalicelib.db import Connection

    from .state import PinnedRun


def accept(connection: Connection, workspace_id: UUID, pinned: PinnedRun) -> UUID | None:
    """Put a run into the queue, or end it where others go on and it is to be skipped then.

    In a transaction of the caller's. A retry begins with the results that it takes over, and the run before tells of
    it. None where there is one for its key, its fire or its parent.
    """
    repository, queue = RunRepository(connection), QueueRepository(connection)
    new, workflow_id = pinned.new, pinned.version["workflow_id"]
    settings = new.limits(pinned.graph.settings)
    if new.retry_of:
        repository.lock_first(new.retry_of)  # before the queue, as whoever retries does: no deadlock
    if settings.skips:
        queue.lock()
    if new.idempotency_key:
        repository.release_key(workflow_id, new.idempotency_key)
    others = queue.count_unfinished(workflow_id) if settings.skips else 0
    run_id = repository.insert(workspace_id, pinned.version, new, settings)
    if run_id and new.retry_of and pinned.reuse:
        take_over(connection, new.retry_of, run_id, pinned.reuse)
        by, version = new.triggered_by and str(new.triggered_by), pinned.version["version"]
        repository.append_history(new.retry_of, "retried", {"by": by, "run_id": str(run_id), "version": version})
    if run_id and settings.limit is not None and settings.skips and others >= settings.limit:
        reason = _skipped(others, settings.limit)
        end_early(connection, pinned.graph, run_id, "cancelled", lambda _: reason)
        repository.mark_stopped(run_id)  # nothing of it was begun
    return run_id


def _skipped(others: int, limit: int) -> str:
    goes_on = "1 run of the workflow goes on" if others == 1 else f"{others} runs of the workflow go on"
    return f"skipped: {goes_on}, and at most {limit} may at once"
