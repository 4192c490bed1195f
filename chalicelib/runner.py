"""What the Lambda behind every Task state does: run a unit of nodes of one run, hold a gate, or fail the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from .compiler import Plan
from .compiler.asl import NODE_FAILED, PLATFORM_ATTEMPTS
from .compiler.graph import Graph
from .compiler.node_type import HttpClient
from .db import Database
from .errors import NotFoundError
from .node_call import NodeCall
from .observability import logger
from .runs.repository import RunRepository
from .runs.schemas import FINAL, NodeRecord
from .runs.settlement import are_decided, failed_node, stopped
from .unit_run import LONG_AGO, NodeFailed, RetryNode, RunEnded, UnitCall, UnitRun, needs


class Runner:
    """Runs units. `plan` gives the plan of a version by its id; `release` ends a Task by its token."""

    def __init__(
        self,
        database: Database,
        plan: Callable[[UUID], Plan],
        release: Callable[[str], None],
        http: HttpClient,
        max_output_bytes: int,
    ) -> None:
        self._database = database
        self._plan = plan
        self._release = release
        self._http = http
        self._max_output_bytes = max_output_bytes

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The Lambda's event: a unit to run, a gate to hold, or a failure that ends the run.

        Gives `{until}` for a unit that begins a wait. Raises NodeFailed, RetryNode or RunEnded.
        """
        try:
            if "failure" in event:
                self._fail_run(UUID(event["run_id"]), UUID(event["version_id"]), event["failure"])
                return {}
            if "gate" in event:
                self._hold_gate(UUID(event["run_id"]), UUID(event["version_id"]), event["gate"], event["token"])
                return {}
            return self._run_unit(UnitCall.from_event(event))
        except (NodeFailed, RetryNode, RunEnded):
            raise
        except NotFoundError:
            if "failure" in event:
                return {}
            raise RunEnded(f"run {event['run_id']} was deleted") from None
        except Exception:
            logger.exception("a call died and is made again", run_id=event["run_id"])
            raise

    def _run_unit(self, call: UnitCall) -> dict[str, Any]:
        graph = self._plan(call.version_id).graph
        nodes, outputs = needs(graph, call)
        with self._database.connection() as connection:
            state = RunRepository(connection).find_state(call.run_id, nodes, outputs)
        if state and state.run["status"] == "succeeded":
            return {"until": LONG_AGO} if call.waits else {}
        if state is None or state.is_final:
            raise RunEnded(f"run {call.run_id} has ended")
        calls = NodeCall.of_run(graph, state, self._http, self._max_output_bytes)
        return UnitRun(call, graph, state, calls, self._database, self._release).run()

    def _hold_gate(self, run_id: UUID, version_id: UUID, gate: Mapping[str, Any], token: str) -> None:
        """Keep a gate closed until the nodes it waits for are decided; open it at once where they are.

        Arriving gates and units that gates wait for meet at the lock of their run: either the gate sees the unit's
        results, or the unit sees the gate.
        """
        graph = self._plan(version_id).graph
        with self._database.transaction() as connection:
            repository = RunRepository(connection)
            status = repository.lock(run_id)
            if status is None or status in FINAL:
                raise RunEnded(f"run {run_id} has ended")
            is_open = are_decided(graph, gate["nodes"], repository.list_records(run_id))
            if not is_open:
                repository.save_gate(run_id, gate["id"], token, gate["nodes"])
        if is_open:
            self._release(token)

    def _fail_run(self, run_id: UUID, version_id: UUID, failure: Mapping[str, Any]) -> None:
        graph = self._plan(version_id).graph
        with self._database.transaction() as connection:
            repository = RunRepository(connection)
            status = repository.lock(run_id)
            if status is None or status in FINAL:
                return
            records = repository.list_records(run_id)
            repository.save_records(run_id, list(stopped(graph, records, datetime.now(UTC))))
            repository.delete_gates(run_id, [gate.token for gate in repository.list_gates(run_id)])
            repository.settle(run_id, "failed", [], _reason(graph, records, str(failure.get("Error"))))
        logger.info("run failed", run_id=str(run_id), error=failure.get("Error"))


def _reason(graph: Graph, records: Mapping[str, NodeRecord], error: str) -> str:
    """What the run's error says: the node that failed it, else what the platform told."""
    if found := failed_node(graph, records):
        node, message = found
        return f"node {node.title} failed: {message}"
    if error == NODE_FAILED:
        return "a node failed"
    return f"the platform could not run a part of the workflow, tried {PLATFORM_ATTEMPTS + 1} times ({error})"
