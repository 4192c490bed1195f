"""One unit on its way: what a Task state's Lambda call runs, and how its results are written.

A unit may be run again at any time (a retry, a second delivery, a new execution of the same run): nodes that are
decided are passed over, and a result that is decided is never overwritten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from .compiler.asl import PLATFORM_ATTEMPTS
from .compiler.graph import Graph, Node
from .compiler.node_type import NodeFailure, Result, WaitUntil
from .compiler.units import is_anchor
from .db import Database
from .errors import UnavailableError
from .jsontext import escaped
from .node_call import NodeCall
from .observability import logger
from .runs.repository import RunRepository
from .runs.schemas import ERROR_BRANCH, FINAL, NodeRecord, RunState
from .runs.settlement import are_decided, ends, is_complete, is_due

PAUSES_SECONDS = (0.2, 1.0, 3.0)
Written = TypeVar("Written")

LONG_AGO = "1970-01-01T00:00:00Z"
"""Where a wait ends that is not to be waited."""


class NodeFailed(Exception):  # noqa: N818 - Step Functions matches these names
    """A node failed for good, and the run with it."""


class RetryNode(Exception):  # noqa: N818
    """An attempt failed; Step Functions makes another."""


class RunEnded(Exception):  # noqa: N818
    """The run is over or gone, so nothing more is to run."""


@dataclass(frozen=True, slots=True)
class UnitCall:
    """The payload of a Task state; see `compiler/asl.py`."""

    run_id: UUID
    version_id: UUID
    nodes: tuple[str, ...]
    concludes: str | None
    waits: str | None
    last: bool
    awaited: bool

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> UnitCall:
        """From the Lambda's event."""
        unit = event["unit"]
        return cls(
            run_id=UUID(event["run_id"]),
            version_id=UUID(event["version_id"]),
            nodes=tuple(unit["nodes"]),
            concludes=unit["concludes"],
            waits=unit["waits"],
            last=unit["last"],
            awaited=unit["awaited"],
        )


def needs(graph: Graph, call: UnitCall) -> tuple[set[str], set[str]]:
    """The nodes whose records a unit reads, and those whose outputs it reads too."""
    outputs = {node_id for node_id in (call.concludes, call.waits) if node_id}
    nodes = set(call.nodes)
    for node_id in call.nodes:
        nodes.update(graph.predecessors(node_id))
        for _, expression in graph.nodes[node_id].config.expressions:
            outputs.update(reference.node_id for reference in expression.names.references)
            outputs.update(graph.ancestors(node_id) if expression.names.all_nodes else ())
    return nodes | outputs, outputs


class UnitRun:
    """One unit on its way."""

    def __init__(
        self,
        call: UnitCall,
        graph: Graph,
        state: RunState,
        calls: NodeCall,
        database: Database,
        release: Callable[[str], None],
    ) -> None:
        self._call = call
        self._release = release
        self._graph = graph
        self._calls = calls
        self._database = database
        self._records = dict(state.records)
        self._unsaved: list[NodeRecord] = []

    def run(self) -> dict[str, Any]:
        """Conclude, run, wait; what is known is written however it ends.

        Gives `{until}` for a unit that begins a wait. Raises NodeFailed, RetryNode or RunEnded.
        """
        call = self._call
        try:
            if call.concludes:
                self._conclude(call.concludes)
            for node_id in call.nodes:
                self._step(self._graph.nodes[node_id])
        finally:
            self._save_and_go_on() if call.last or call.awaited else self._save()
        return {"until": self._until(call.waits)} if call.waits else {}

    def _record(self, record: NodeRecord) -> None:
        self._records[record.node_id] = record
        self._unsaved.append(record)

    def _save(self) -> set[str]:
        """Write what is not written yet; the ids of the nodes that took it."""
        if not self._unsaved:
            return set()
        saved = self._insist(self._write)
        self._unsaved = []
        return saved

    def _write(self) -> set[str]:
        with self._database.connection() as connection:
            return RunRepository(connection).save_records(self._call.run_id, self._unsaved)

    def _insist(self, write: Callable[[], Written]) -> Written:
        """What a node did must not be done again because the database was away for a moment."""
        for pause in PAUSES_SECONDS:
            try:
                return write()
            except UnavailableError:
                time.sleep(pause)
        return write()

    def _save_and_go_on(self) -> None:
        """Write the results under the lock of the run, and see what they decide.

        Of several last units, the last one to get the lock sees the run complete. Gates are opened after the commit;
        they are forgotten only then, so that a repeated call opens again what a crash left closed.
        """
        tokens = self._insist(self._write_and_decide)
        for token in tokens:
            self._release(token)
        if tokens:
            with self._database.connection() as connection:
                RunRepository(connection).delete_gates(self._call.run_id, tokens)

    def _write_and_decide(self) -> list[str]:
        with self._database.transaction() as connection:
            return self._decide(RunRepository(connection))

    def _decide(self, repository: RunRepository) -> list[str]:
        """Save, settle a run that is complete, and give the tokens of the gates that are open now."""
        run_id = self._call.run_id
        status = repository.lock(run_id)
        if self._unsaved and status:
            repository.save_records(run_id, self._unsaved)
        if status is None or status in FINAL:
            return []
        records = repository.list_records(run_id)
        if self._call.last and is_complete(self._graph, records):
            repository.settle(run_id, "succeeded", list(ends(self._graph, records)), None)
            logger.info("run succeeded", run_id=str(run_id))
        gates = repository.list_gates(run_id) if self._call.awaited else []
        return [gate.token for gate in gates if are_decided(self._graph, gate.nodes, records)]

    def _conclude(self, node_id: str) -> None:
        record = self._records[node_id]
        if record.status == "waiting":
            self._record(replace(record, status="succeeded", completed_at=datetime.now(UTC)))

    def _step(self, node: Node) -> None:
        before = self._records.get(node.id)
        if before and (before.status == "waiting" or before.decided(node)):
            return
        now = datetime.now(UTC)
        if not is_due(self._graph, node, self._records):
            self._record(NodeRecord(node.id, "skipped", completed_at=now))
            return
        attempts = before.attempts if before else 0
        attempt = NodeRecord(node.id, "running", started_at=now, attempts=attempts + 1)
        if is_anchor(node):
            self._record(attempt)
            if node.id not in self._save():
                raise RunEnded(f"run {self._call.run_id} has ended")
        try:
            self._record(self._attempt(node, attempt))
        except NodeFailure as failure:
            self._fail(node, attempt, failure)

    def _attempt(self, node: Node, attempt: NodeRecord) -> NodeRecord:
        """The record of an attempt that went well. Raises NodeFailure."""
        if attempt.attempts >= node.max_attempts + PLATFORM_ATTEMPTS:
            died = attempt.attempts - 1
            raise NodeFailure("worker_died", f"the worker that ran it died {died} times without an answer")
        result = self._calls.run(node, self._records)
        if isinstance(result, WaitUntil):
            return replace(attempt, status="waiting", output={"until": _timestamp(result.until)})
        return _succeeded(attempt, result)

    def _fail(self, node: Node, attempt: NodeRecord, failure: NodeFailure) -> None:
        error = escaped(failure.as_json())
        again = is_anchor(node) and attempt.attempts < node.max_attempts
        if again and (failure.retryable or node.retry is not None):
            self._record(replace(attempt, error=error))
            raise RetryNode(node.id)
        branch = ERROR_BRANCH if node.on_error == "branch" else None
        now = datetime.now(UTC)
        self._record(replace(attempt, status="failed", completed_at=now, error=error, branch=branch))
        if node.on_error == "fail":
            raise NodeFailed(node.id)

    def _until(self, node_id: str) -> str:
        record = self._records[node_id]
        return str(record.output["until"]) if record.status == "waiting" else LONG_AGO


def _succeeded(attempt: NodeRecord, result: Result) -> NodeRecord:
    branch = None if result.branch == "out" else result.branch
    now = datetime.now(UTC)
    return replace(attempt, status="succeeded", completed_at=now, output=result.output, branch=branch)


def _timestamp(moment: datetime) -> str:
    """As a Wait state takes it: RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
