"""What the Lambda behind every Task state does: run a unit of nodes, hold a gate, run items, or end what failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from .compiler.states import NODE_FAILED, PLATFORM_ATTEMPTS
from .errors import NotFoundError
from .execution.item_runs import ItemRuns, RangeCall
from .execution.node_call import NodeCall, Surroundings
from .execution.steps import Overtaken
from .execution.unit_run import UnitCall, UnitRun, going_on, needs
from .execution.verdicts import NodeFailed, RetryNode, RunEnded
from .observability import about, also, logger, measure
from .runs.answers import is_open
from .runs.ending import end_early, too_long
from .runs.gates import GateRepository
from .runs.records import RecordRepository
from .runs.repository import RunRepository
from .runs.settlement import failed_node
from .runs.state import FINAL, ClosedGate, NodeRecord, Scope

if TYPE_CHECKING:
    from .aws.step_functions import StepFunctions
    from .compiler.graph import Graph
    from .compiler.plan import Plan
    from .db import Database
    from .runs.dispatcher import Dispatcher
    from .runs.executions import Executions

UNIT_ATTEMPTS = 3
"""How often a unit is begun anew that another call of it overtakes."""


class Runner:
    """Runs what Step Functions asks for. `plan` gives the plan of a version by its id."""

    def __init__(
        self,
        database: Database,
        plan: Callable[[UUID], Plan],
        step_functions: StepFunctions,
        executions: Executions,
        dispatcher: Dispatcher,
        surroundings: Surroundings,
    ) -> None:
        self._database = database
        self._plan = plan
        self._step_functions = step_functions
        self._executions = executions
        self._dispatcher = dispatcher
        self._surroundings = surroundings

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The Lambda's event; see `compiler/asl.py` for its kinds. Only a unit has an answer.

        Raises NodeFailed, RetryNode or RunEnded.
        """
        with about(run_id=event["run_id"], path=event["path"] or None):
            return self._guarded(event)

    def _guarded(self, event: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self._handle(event)
        except (NodeFailed, RetryNode, RunEnded):
            raise
        except NotFoundError:
            if "failure" in event:
                return {}
            if event.get("ended"):  # no one else knows who waits
                self._step_functions.release(event["token"])
            raise RunEnded(f"run {event['run_id']} was deleted") from None
        except Exception:
            logger.exception("a call died and is made again")
            raise

    def _handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        run_id, path, plan = UUID(event["run_id"]), event["path"], self._plan(UUID(event["version_id"]))
        if "unit" in event:
            unit = UnitCall.of(run_id, path, event["unit"])
            return self._run_unit(plan, unit)
        if "gate" in event or "answer" in event:
            self._hold(plan, run_id, path, event)
        elif "batch" in event:
            self._items(plan, event["batch"]["for_each"]).run_batch(Scope(run_id, path), event["batch"]["first"])
        elif "items" in event:
            call = RangeCall.of(Scope(run_id, path), event)
            self._items(plan, event["items"]["for_each"]).run_elsewhere(call)
        elif event["for_each"]:
            self._items(plan, event["for_each"]).fail_item(Scope(run_id, path, event["for_each"]))
        else:
            self._fail_run(plan.graph, run_id, str(event["failure"].get("Error")))
        return {}

    def _run_unit(self, whole: Plan, call: UnitCall) -> dict[str, Any]:
        plan = whole.scope(call.scope.container)
        for _ in range(UNIT_ATTEMPTS):
            with self._database.connection() as connection:
                state = RecordRepository(connection).find_state(call.scope, *needs(plan.graph, call))
            if state and state.status == "succeeded":
                return call.nothing
            state = going_on(call.scope, state)
            also(workspace_id=state.run["workspace_id"], workflow_id=state.run["workflow_id"])
            calls = NodeCall.of_run(plan.graph, state, whole.graph.secrets, self._surroundings)
            with suppress(Overtaken):
                return UnitRun(call, plan, state, calls, self._database, self._executions, self._dispatcher).run()
        raise RunEnded(f"run {call.scope.run_id} has ended")

    def _items(self, plan: Plan, container: str) -> ItemRuns:
        return ItemRuns(plan, container, self._database, self._step_functions, self._surroundings)

    def _hold(self, plan: Plan, run_id: UUID, path: str, event: Mapping[str, Any]) -> None:
        """Keep a gate closed until what it waits for has happened; open it at once where that has.

        Arriving gates and who may open them meet at the lock of their run or item: either the gate sees what happened,
        or who did it sees the gate.
        """
        wanted = event.get("gate") or event["answer"]
        scope, gate = Scope(run_id, path, wanted["for_each"]), _gate(event)
        graph = plan.graph.scope(scope.container)
        with self._database.transaction() as connection:
            status = RunRepository(connection).lock(scope)
            if status is None or (status in FINAL and status != "succeeded"):
                raise RunEnded(f"run {scope.run_id} has ended")
            records = RecordRepository(connection).list_records(scope, graph.nodes)
            opens = status == "succeeded" or is_open(connection, graph, scope, gate, records)
            if not opens:
                GateRepository(connection).save(scope, gate.gate, gate.token, gate.nodes, answers=gate.answers)
        if opens:
            self._step_functions.release(gate.token)
        else:
            measure("GatesWaited", 1)

    def _fail_run(self, graph: Graph, run_id: UUID, error: str) -> None:
        with self._database.transaction() as connection:
            if RunRepository(connection).is_overdue(run_id):
                end_early(connection, graph, run_id, "timed_out", lambda _: too_long(graph))
            else:
                end_early(connection, graph, run_id, "failed", lambda records: _reason(graph, records, error))
        self._executions.stop(run_id, from_within=True)


def _gate(event: Mapping[str, Any]) -> ClosedGate:
    if "gate" in event:
        return ClosedGate(event["gate"]["id"], event["token"], event["gate"]["nodes"])
    node_id = event["answer"]["node_id"]
    return ClosedGate(f"answer of {node_id}", event["token"], [node_id], answers=node_id)


def _reason(graph: Graph, records: Mapping[str, NodeRecord], error: str) -> str:
    """What the run's error says: the node that failed it, else what the platform told."""
    if found := failed_node(graph, records):
        node, message = found
        return f"node {node.title} failed: {message}"
    if error == NODE_FAILED:
        return "a node failed"
    return f"the platform could not run a part of the workflow, tried {PLATFORM_ATTEMPTS + 1} times ({error})"
