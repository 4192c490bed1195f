"""Ending a run before all its nodes are decided: it failed, was cancelled, or took too long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from chalicelib.db import after_commit
from chalicelib.errors import InvalidError, MalformedError
from chalicelib.observability import about, logger, measure

from .items import ItemRepository
from .records import RecordRepository
from .repository import RunRepository
from .settlement import Records, stopped
from .state import FINAL, Scope

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph
    from chalicelib.compiler.plan import Plan
    from chalicelib.db import Connection

EarlyEnd = Literal["failed", "cancelled", "timed_out"]


def end_early(
    connection: Connection,
    graph: Graph | None,
    run_id: UUID,
    status: EarlyEnd,
    why: Callable[[Records], str],
    by: UUID | None = None,
) -> bool:
    """End a run in a transaction of the caller's; False where it has ended already.

    Nodes in flight are cancelled, and nothing begins any more. `why` tells the reason from what is recorded. What still
    runs of it is to be stopped after the commit. `graph` is None where its version can't be read any more.
    """
    scope, repository = Scope(run_id), RunRepository(connection)
    before = repository.lock(scope)
    if before is None or before in FINAL:
        return False
    known = _stop_nodes(connection, scope, graph) if graph else {}
    if graph is None:
        RecordRepository(connection).cancel_drawn(run_id)
    reason = why(known)
    repository.settle(run_id, status, [], reason, by, is_stopping=True)
    after_commit(lambda: _tell(run_id, status))
    return True


def _tell(run_id: UUID, status: EarlyEnd) -> None:
    with about(run_id=run_id):
        logger.info("run ended early", status=status)  # the reason may tell of what users sent
        measure("RunsEnded", 1, status=status)


def _stop_nodes(connection: Connection, scope: Scope, graph: Graph) -> Records:
    """Decide all nodes that are not; what was known of them before."""
    records = RecordRepository(connection)
    known = records.list_records(scope, graph.nodes)
    records.save_records(scope, list(stopped(graph, known, datetime.now(UTC))))
    if graph.bodies:
        ItemRepository(connection).cancel(scope, [node.id for node in graph.walk()])
    return known


def readable(plan: Callable[[UUID], Plan], version_id: UUID) -> Graph | None:
    """The graph of a version; None where it can't run any more, as it needs what is not there now."""
    try:
        return plan(version_id).graph
    except (InvalidError, MalformedError):
        return None


def too_long(graph: Graph | None) -> str:
    """What to tell of a run that took longer than it may."""
    if graph is None:
        return "the run took longer than it may"
    return f"the run took longer than its limit of {graph.settings.timeout_seconds} seconds"
