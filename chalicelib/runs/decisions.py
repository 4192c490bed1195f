"""Decisions that runs wait for: which there are in a workspace, and making one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chalicelib.compiler.terms import Kind
from chalicelib.errors import ConflictError, InvalidError, NotFoundError, TooLargeError, UnavailableError
from chalicelib.jsontext import to_text
from chalicelib.observability import logger

from .approvals import ApprovalRepository
from .gates import GateRepository
from .records import RecordRepository
from .repository import RunRepository
from .settlement import are_decided
from .state import FINAL, ClosedGate, NodeRecord, Scope

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph, Node
    from chalicelib.compiler.plan import Plan
    from chalicelib.db import Connection, Database
    from chalicelib.paging import Page, Paged
    from chalicelib.settings import Settings

    from .executions import Executions
    from .results import Approval
    from .schemas import Decide


class DecisionService:
    """Use cases of decisions. `plan` gives the plan of a version by its id."""

    def __init__(
        self, database: Database, settings: Settings, plan: Callable[[UUID], Plan], executions: Executions
    ) -> None:
        self._database = database
        self._settings = settings
        self._plan = plan
        self._executions = executions

    def list_waiting(self, workspace_id: UUID, page: Page) -> Paged[Approval]:
        """A page of what waits for a decision in a workspace, what was asked last first."""
        with self._database.connection() as connection:
            found = ApprovalRepository(connection).list_waiting(workspace_id, page)
        return page.answer(found, "requested_at")

    def decide(
        self, workspace_id: UUID, workflow_id: UUID, run_id: UUID, node_id: str, decide: Decide, by: UUID
    ) -> None:
        """Decide once. Raises NotFoundError for no such node, InvalidError for no such decision, ConflictError where
        none is waited for, TooLargeError for the data."""
        with self._database.connection() as connection:
            version_id = RunRepository(connection).get_version_id(workspace_id, workflow_id, run_id)
        graph = self._plan(version_id).graph
        scope, node = _asked(graph, run_id, node_id, decide)
        size = len(to_text(decide.data).encode())
        if size > (limit := self._settings.max_output_bytes):
            raise TooLargeError(f"data has {size:,} bytes; at most {limit:,} are kept")
        output = {"decision": decide.decision, "data": decide.data, "decided_by": str(by)}
        with self._database.transaction() as connection:
            gates = _decide(connection, graph.scope(scope.container), scope, node, output)
        logger.info("decided", run_id=str(run_id), node_id=node_id, decision=decide.decision, by=str(by))
        try:
            self._executions.open_gates(run_id, gates)
        except UnavailableError:
            logger.exception("decided, and the run does not go on yet", run_id=str(run_id))


def _asked(graph: Graph, run_id: UUID, node_id: str, decide: Decide) -> tuple[Scope, Node]:
    """The node that is meant, and the run or the item that it is in."""
    try:
        node, container = graph.find(node_id), graph.container_of(node_id)
    except KeyError:
        raise NotFoundError(f"run {run_id} has no node {node_id[:100]}") from None
    if node.type.kind is not Kind.DECISION:
        raise _invalid("node_id", f"node {node.title} is of type {node.type.name}; it waits for no decision")
    decisions = sorted(node.type.handles)
    if decide.decision not in decisions:
        raise _invalid("decision", f"decision must be one of {', '.join(decisions)}")
    depth = _depth(graph, container)
    if decide.path.count("/") != depth:
        where = f"it is in {depth} container{'s' if depth > 1 else ''}" if depth else "it is in no container"
        hint = f"as in {'/'.join(['0'] * depth)}/" if depth else "leave it out"
        raise _invalid("path", f"path must say for which item the decision of node {node.title} is: {where}; {hint}")
    return Scope(run_id, decide.path, container), node


def _depth(graph: Graph, container: str | None) -> int:
    depth = 0
    while container is not None:
        depth, container = depth + 1, graph.container_of(container)
    return depth


def _decide(connection: Connection, graph: Graph, scope: Scope, node: Node, output: dict[str, Any]) -> list[ClosedGate]:
    """Write a decision down; the gates that are to be opened after the commit."""
    records = RecordRepository(connection)
    status = RunRepository(connection).lock(scope)
    if status is None:
        raise NotFoundError(f"run {scope.run_id} has no item {scope.path}")
    state = records.find_state(scope, [node.id], [node.id])
    record = state.records.get(node.id) if state else None
    now = datetime.now(UTC)
    if record is None or status in FINAL or record.status != "waiting" or _has_expired(record, now):
        raise ConflictError(_why_not(node, record, status))
    kept = records.list_records(scope, [node.id])[node.id]
    decided = replace(kept, status="succeeded", completed_at=now, output=output, branch=output["decision"])
    records.save_records(scope, [decided])
    told = {"by": output["decided_by"], "node_id": node.id, "path": scope.path, "decision": output["decision"]}
    RunRepository(connection).append_history(scope.run_id, "decided", told)
    known = records.list_records(scope, graph.nodes)
    return [gate for gate in GateRepository(connection).list_closed(scope) if are_decided(graph, gate.nodes, known)]


def _has_expired(record: NodeRecord, now: datetime) -> bool:
    return datetime.fromisoformat(record.output["expires_at"]) <= now


def _why_not(node: Node, record: NodeRecord | None, status: str) -> str:
    if record is not None and record.status == "succeeded":
        return f"node {node.title} was decided already: {record.branch}, by {record.output['decided_by']}"
    if status in FINAL:
        return f"node {node.title} waits for no decision any more: {status}"
    if record is None:
        return f"node {node.title} does not wait for a decision yet"
    if record.status == "waiting":
        return f"the time to decide is over: {record.output['expires_at']}"
    return f"node {node.title} waits for no decision: {record.status}"


def _invalid(path: str, message: str) -> InvalidError:
    return InvalidError(message, [{"code": f"bad_{path}", "message": message, "path": path}])
