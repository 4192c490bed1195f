"""One unit on its way: what a Task state's Lambda call runs, and how its results are written.

A unit may be run again at any time; a result that is decided is never overwritten.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from chalicelib.compiler.terms import Kind
from chalicelib.db import after_commit
from chalicelib.errors import UnavailableError
from chalicelib.observability import logger, measure
from chalicelib.runs.acceptance import accept
from chalicelib.runs.gates import GateRepository
from chalicelib.runs.items import ItemRepository
from chalicelib.runs.records import RecordRepository
from chalicelib.runs.repository import RunRepository
from chalicelib.runs.settlement import are_decided, ends, is_complete
from chalicelib.runs.state import FINAL, ClosedGate, NodeRecord, RunState, Scope

from .conclusions import Conclusions, seconds_left
from .steps import Overtaken, Steps
from .verdicts import RunEnded

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph, Node
    from chalicelib.compiler.plan import Plan
    from chalicelib.db import Connection, Database
    from chalicelib.runs.dispatcher import Dispatcher
    from chalicelib.runs.executions import Executions

    from .node_call import NodeCall

PAUSES_SECONDS = (0.2, 1.0, 3.0)
Written = TypeVar("Written")

LONG_AGO = "1970-01-01T00:00:00Z"
"""Where a wait ends that is not to be waited."""


@dataclass(frozen=True, slots=True)
class UnitCall:
    """The payload of a Task state; see `compiler/asl.py`."""

    scope: Scope
    nodes: tuple[str, ...] = ()
    concludes: str | None = None
    begins: str | None = None
    tells: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """The outcomes that a Choice asks for, each a node and a handle."""
    last: bool = False
    awaited: bool = False

    @classmethod
    def of(cls, run_id: UUID, path: str, unit: Mapping[str, Any]) -> UnitCall:
        """From the event of a Lambda."""
        return cls(
            scope=Scope(run_id, path, unit.get("for_each")),
            nodes=tuple(unit.get("nodes", ())),
            concludes=unit.get("concludes"),
            begins=unit.get("begins"),
            tells={key: (node_id, handle) for key, (node_id, handle) in unit.get("tells", {}).items()},
            last=unit.get("last", False),
            awaited=unit.get("awaited", False),
        )

    @property
    def nothing(self) -> dict[str, Any]:
        """The answer where nothing is to be done any more."""
        return {"until": LONG_AGO, "timeout": 1, "items": [], "elsewhere": False} | dict.fromkeys(self.tells, False)


def going_on(scope: Scope, state: RunState | None) -> RunState:
    """The state of a run or an item that has not ended. Raises RunEnded for any other."""
    if state is None or state.status in FINAL or state.run["is_overdue"]:
        raise RunEnded(f"run {scope.run_id} has ended")
    return state


def needs(graph: Graph, call: UnitCall) -> tuple[set[str], set[str]]:
    """The nodes whose records a unit reads, and those whose outputs it reads too."""
    outputs = {node_id for node_id in (call.concludes, call.begins) if node_id}
    nodes = set(call.nodes)
    for node_id in call.nodes:
        nodes.update(graph.predecessors(node_id))
        outputs.update(graph.outputs_read(node_id))
    return nodes | outputs, outputs


class UnitRun:
    """One unit on its way. `plan` is that of the scope."""

    def __init__(
        self,
        call: UnitCall,
        plan: Plan,
        state: RunState,
        calls: NodeCall,
        database: Database,
        executions: Executions,
        dispatcher: Dispatcher,
    ) -> None:
        self._call = call
        self._scope = call.scope
        self._executions = executions
        self._dispatcher = dispatcher
        self._plan = plan
        self._graph = plan.graph
        self._workspace_id: UUID = state.run["workspace_id"]
        self._has_parent = state.run["parent_run_id"] is not None
        self._database = database
        self._steps = Steps(plan.graph, call.scope.path, state.records, calls, self._announce)
        self._conclusions = Conclusions(
            call.scope, plan.graph, self._steps, calls.checked, database, executions, self._save
        )

    def run(self) -> dict[str, Any]:
        """Conclude, run, begin; what is known is written however it ends.

        Gives the outcomes that are asked for, `{until}` for a unit that begins a wait, and `{items, elsewhere}` for one
        that begins a container. Raises NodeFailed, RetryNode or Overtaken.
        """
        call = self._call
        try:
            if call.concludes:
                self._conclusions.conclude(self._graph.nodes[call.concludes])
            for node_id in call.nodes:
                self._steps.run(self._graph.nodes[node_id])
            self._steps.skip_dead([*filter(None, [call.concludes]), *call.nodes])
        finally:
            self._save_and_go_on() if call.last or call.awaited else self._save()
            if self._steps.runs:
                self._dispatcher.dispatch(at_most=len(self._steps.runs))
        return self._outcomes() | (self._begun(self._graph.nodes[call.begins]) if call.begins else {})

    def _outcomes(self) -> dict[str, Any]:
        return {
            key: self._steps.records[node_id].goes_on_by(handle, self._graph.nodes[node_id])
            for key, (node_id, handle) in self._call.tells.items()
        }

    def _begun(self, node: Node) -> dict[str, Any]:
        record = self._steps.records[node.id]
        begun = record.begun(node)
        if node.type.kind is Kind.WAIT:
            return {"until": str(record.output["until"]) if begun else LONG_AGO}
        if node.type.kind in (Kind.DECISION, Kind.RUN):
            return {"timeout": seconds_left(record) if begun else 1}
        if not begun:
            return {"items": [], "elsewhere": False}
        with self._database.connection() as connection:
            pending = ItemRepository(connection).list_pending(self._scope, node.id)
        loop = self._plan.loops[node.id]
        elsewhere = len(pending) > loop.here
        firsts = sorted({position - position % loop.batch for position in pending})
        return {"items": [] if elsewhere else firsts, "elsewhere": elsewhere}

    def _announce(self, attempt: NodeRecord) -> None:
        if attempt.node_id not in self._save():
            raise Overtaken(attempt.node_id)

    def _save(self) -> set[str]:
        """Write what is not written yet; the ids of the nodes that took it."""
        if not self._steps.unsaved:
            return set()
        saved = self._insist(self._write)
        self._measure()
        self._steps.unsaved.clear()
        return saved

    def _write(self) -> set[str]:
        if not self._call.begins and not self._scope.container:
            with self._database.connection() as connection:
                return self._write_on(connection)
        with self._database.transaction() as connection:
            RunRepository(connection).lock(self._scope)
            return self._write_on(connection)

    def _write_on(self, connection: Connection) -> set[str]:
        """Whoever may begin something in an item, or a container, holds the lock of its item or run: what is cancelled
        meanwhile begins nothing."""
        saved = RecordRepository(connection).save_records(self._scope, self._steps.unsaved)
        for node_id, items in self._steps.items.items():
            if node_id in saved:
                ItemRepository(connection).insert(self._scope, node_id, items)
        for node_id, pinned in self._steps.runs.items():
            if node_id in saved:
                accept(connection, self._workspace_id, pinned)
        return saved

    def _insist(self, write: Callable[[], Written]) -> Written:
        """What a node did must not be done again because the database was away for a moment."""
        for pause in PAUSES_SECONDS:
            try:
                return write()
            except UnavailableError:
                time.sleep(pause)
        return write()

    def _save_and_go_on(self) -> None:
        """Write the results under the lock of the run or the item, and see what they decide.

        Of several last units, the last one to get the lock sees it complete. Gates are opened after the commit.
        """
        gates = self._insist(self._write_and_decide)
        self._measure()
        self._executions.open_gates(self._scope.run_id, gates)
        if self._call.last and self._has_parent and not self._scope.container:
            self._executions.release_parent(self._scope.run_id)

    def _write_and_decide(self) -> list[ClosedGate]:
        with self._database.transaction() as connection:
            return self._decide(connection)

    def _decide(self, connection: Connection) -> list[ClosedGate]:
        """Save, settle what is complete, and give the gates that are to be opened now."""
        status = RunRepository(connection).lock(self._scope)
        if self._steps.unsaved and status:
            self._write_on(connection)
        if status is None or status in FINAL:
            return []
        records = RecordRepository(connection).list_records(self._scope, self._graph.nodes)
        if self._call.last and is_complete(self._graph, records):
            self._settle(connection, records)
        gates = GateRepository(connection).list_closed(self._scope) if self._call.awaited else []
        return [gate for gate in gates if are_decided(self._graph, gate.nodes, records)]

    def _settle(self, connection: Connection, records: Mapping[str, NodeRecord]) -> None:
        ended = list(ends(self._graph, records))
        if self._scope.container:
            ItemRepository(connection).settle(self._scope, "succeeded", ended)
            return
        RunRepository(connection).settle(self._scope.run_id, "succeeded", ended, None)
        after_commit(_tell_success)

    def _measure(self) -> None:
        """Once it is written: how long the nodes took that this call ran."""
        seconds: defaultdict[str, list[float]] = defaultdict(list)
        for record in self._steps.unsaved:
            if record.started_at and record.completed_at:
                node_type = self._graph.nodes[record.node_id].type.name
                seconds[node_type].append((record.completed_at - record.started_at).total_seconds())
        for node_type, values in seconds.items():
            measure("NodeDuration", *values, node_type=node_type)


def _tell_success() -> None:
    logger.info("run succeeded")
    measure("RunsEnded", 1, status="succeeded")
