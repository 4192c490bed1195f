"""Items of a container: batches that one call runs, ranges that run in executions of their own, items that fail."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.compiler.costs import BATCH_ITEMS
from chalicelib.observability import logger
from chalicelib.runs.gates import GateRepository
from chalicelib.runs.items import ItemRepository
from chalicelib.runs.records import RecordRepository
from chalicelib.runs.repository import RunRepository
from chalicelib.runs.settlement import ends, failed_node, stopped
from chalicelib.runs.state import FINAL, ItemRecord, NodeRecord, Scope

from .node_call import NodeCall, Surroundings
from .steps import Steps
from .unit_run import going_on
from .verdicts import NodeFailed, RunEnded

if TYPE_CHECKING:
    from chalicelib.aws.step_functions import StepFunctions
    from chalicelib.compiler.graph import Graph
    from chalicelib.compiler.plan import Plan
    from chalicelib.db import Connection, Database

RANGE_ATTEMPTS = 3
"""How many executions are tried for the items of a range."""
SAVED_ITEMS = 50
"""A batch writes what came of so many items at once; a call that dies has lost no more."""


@dataclass(frozen=True, slots=True)
class RangeCall:
    """Asks for the next range of a container's items."""

    scope: Scope
    version_id: str
    execution: str
    """The name of the execution that waits for all of them."""
    token: str
    """That by which it waits."""
    ended: str | None
    """The name of the execution of the range before, which asks at its end; None where the one that waits asks."""

    @classmethod
    def of(cls, scope: Scope, event: Mapping[str, Any]) -> RangeCall:
        """From the event of a Lambda."""
        return cls(scope, event["version_id"], event["execution"], event["token"], event.get("ended"))

    @property
    def state(self) -> dict[str, Any]:
        """What the execution of a range is given, without its items."""
        ids = {"run_id": str(self.scope.run_id), "version_id": self.version_id, "path": self.scope.path}
        return ids | {"execution": self.execution, "token": self.token}

    def execution_name(self, container: str, first: int, attempt: int) -> str:
        """The name of the execution that runs the range that begins there."""
        what = f"{self.execution} {container} {self.scope.path} {first} {attempt}"
        return f"{self.scope.run_id}-{hashlib.sha256(what.encode()).hexdigest()[:24]}"


class ItemRuns:
    """The items of one container of a run. A `scope` is the run or the item that the container is in."""

    def __init__(
        self,
        plan: Plan,
        container: str,
        database: Database,
        step_functions: StepFunctions,
        surroundings: Surroundings,
    ) -> None:
        self._secrets = plan.graph.secrets
        self._plan = plan.holding(container)
        self._container = container
        self._gate = f"items of {container}"
        self._body = self._plan.graph.bodies[container]
        each = self._plan.graph.nodes[container].each
        self._goes_on = each is not None and each.on_item_error == "continue"
        self._database = database
        self._step_functions = step_functions
        self._surroundings = surroundings

    def run_batch(self, scope: Scope, first: int) -> None:
        """Run the batch of items that begins there, whose body is light; those that have ended are passed over.

        Raises NodeFailed where an item failed that must not, RunEnded.
        """
        body = self._body
        outside = {read for node_id in body.nodes for read in body.outputs_read(node_id)} - set(body.nodes)
        with self._database.connection() as connection:
            state = going_on(scope, RecordRepository(connection).find_state(scope, outside, outside))
            items = ItemRepository(connection)
            if not self._goes_on and items.has_failed(scope, self._container):
                raise NodeFailed(self._container)
            batch = iter(items.list_batch(scope, self._container, range(first, first + BATCH_ITEMS)))
        calls = NodeCall.of_run(self._body, state, self._secrets, self._surroundings)
        while part := list(islice(batch, SAVED_ITEMS)):
            ended = list(self._until_failed(self._run_item(scope, item, calls, state.records) for item in part))
            with self._database.transaction() as connection:
                records = [record for _, of_item in ended for record in of_item]
                RecordRepository(connection).save_records(scope, records)
                ItemRepository(connection).save(scope, self._container, [item for item, _ in ended])
            if ended[-1][0].status == "failed" and not self._goes_on:
                raise NodeFailed(self._container)

    def _until_failed(
        self, outcomes: Iterator[tuple[ItemRecord, list[NodeRecord]]]
    ) -> Iterator[tuple[ItemRecord, list[NodeRecord]]]:
        """The outcomes up to the first that lets nothing go on."""
        for outcome in outcomes:
            yield outcome
            if outcome[0].status == "failed" and not self._goes_on:
                return

    def _run_item(
        self, scope: Scope, item: ItemRecord, calls: NodeCall, outside: Mapping[str, NodeRecord]
    ) -> tuple[ItemRecord, list[NodeRecord]]:
        """What came of one item, and of the nodes in it."""
        path = scope.item(self._container, item.position).path
        calls = replace(calls, item=item.item, index=item.position)
        steps = Steps(self._body, path, outside, calls, announce=lambda _: None)
        try:
            for node in self._body.nodes.values():
                steps.run(node)
        except NodeFailed:
            known = {record.node_id: record for record in steps.unsaved}
            left = list(stopped(self._body, known, datetime.now(UTC), path))
            return replace(item, status="failed", error=error_of_item(self._body, known)), steps.unsaved + left
        ended = {node_id: steps.records[node_id].output for node_id in ends(self._body, steps.records)}
        output = next(iter(ended.values())) if len(ended) == 1 else ended or None
        return replace(item, status="succeeded", output=output), steps.unsaved

    def run_elsewhere(self, call: RangeCall) -> None:
        """Start the execution that runs the next range of items, or let the one that waits go on where none is left.

        Raises RunEnded, NotFoundError.
        """
        scope = call.scope
        try:
            with self._database.transaction() as connection:
                pending, tokens = self._next(connection, call)
        except RunEnded:
            if call.ended:  # no one else knows who waits
                self._step_functions.release(call.token)
            raise
        while pending is not None and not self._start_range(call, pending):
            with self._database.transaction() as connection:
                pending, tokens = self._next(connection, call)
        if pending is not None:
            return
        for token in tokens:
            self._step_functions.release(token)
        with self._database.connection() as connection:
            GateRepository(connection).delete(scope.run_id, tokens)

    def _next(self, connection: Connection, call: RangeCall) -> tuple[list[int] | None, list[str]]:
        """The items that are left, None where nothing is to go on, and the tokens of who waits for them."""
        gates, items = GateRepository(connection), ItemRepository(connection)
        scope = call.scope
        status = RunRepository(connection).lock(scope)
        if status is None or status in FINAL:
            raise RunEnded(f"run {scope.run_id} has ended")
        if call.ended is None:
            gates.save(scope, self._gate, call.token, [self._container], waiting_execution=call.execution)
        waiting = [each.token for each in gates.list_closed(scope) if each.gate == self._gate]
        failed = not self._goes_on and items.has_failed(scope, self._container)
        pending = items.list_pending(scope, self._container)
        return (None if failed else pending or None), waiting

    def _start_range(self, call: RangeCall, pending: list[int]) -> bool:
        """A range begins at a multiple of its size, so that a start that is repeated is the same start.

        Where the execution of that name is over and items are left, they are tried in another one, and after some of
        them have failed: False then.
        """
        size = self._plan.loops[self._container].elsewhere
        first = pending[0] - pending[0] % size
        items = [position for position in pending if position < first + size]
        for attempt in range(RANGE_ATTEMPTS):
            name = call.execution_name(self._container, first, attempt)
            state = call.state | {"items": items}
            if name == call.ended:
                continue
            if arn := self._step_functions.start_items(self._plan, self._container, name, state):
                with self._database.connection() as connection:
                    GateRepository(connection).save_items_execution(call.scope, self._gate, arn)
                return True
        not_run = [ItemRecord(position, None, "failed", error=error_of_item(self._body, {})) for position in items]
        with self._database.transaction() as connection:
            RunRepository(connection).lock(call.scope)
            ItemRepository(connection).save(call.scope, self._container, not_run)
        return False

    def fail_item(self, item: Scope) -> None:
        """End an item that failed. Raises NodeFailed where that fails its container, RunEnded."""
        with self._database.transaction() as connection:
            records, items = RecordRepository(connection), ItemRepository(connection)
            status = RunRepository(connection).lock(item)
            if status == "pending":
                known = records.list_records(item, self._body.nodes)
                records.save_records(item, list(stopped(self._body, known, datetime.now(UTC), item.path)))
                inside = [node.id for node in self._body.walk()]
                items.cancel(item, inside)
                GateRepository(connection).delete_inside(item, inside)
                items.settle(item, "failed", [], error_of_item(self._body, known))
                logger.info("item failed", run_id=str(item.run_id), path=item.path)
        if status is None or status in ("cancelled", "timed_out"):
            raise RunEnded(f"run {item.run_id} has ended")
        if status != "succeeded" and not self._goes_on:
            raise NodeFailed(self._container)


def error_of_item(body: Graph, records: Mapping[str, NodeRecord]) -> dict[str, Any]:
    """What to tell of an item that failed: `{code, message, node_id}`."""
    if found := failed_node(body, records):
        node, message = found
        return {"code": "node_failed", "message": f"node {node.title} failed: {message}", "node_id": node.id}
    return {"code": "not_run", "message": "the platform could not run it", "node_id": None}
