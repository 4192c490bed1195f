"""Walking a graph as a run would, without its effects: which nodes run, what each receives, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from chalicelib.errors import InvalidError
from chalicelib.execution.conclusions import outputs_of_items
from chalicelib.execution.item_runs import error_of_item
from chalicelib.execution.steps import Steps
from chalicelib.execution.verdicts import NodeFailed, RetryNode
from chalicelib.node_contract import NodeFailure
from chalicelib.runs.settlement import ends, failed_node, is_complete, stopped
from chalicelib.runs.state import ItemRecord, NodeRecord

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph, Node
    from chalicelib.runs.results import NodeError

    from .mocks import MockedCall
    from .schemas import Walked, WalkedNode

MAX_STEPS = 5_000
"""How many nodes a dry run walks, those of each item counted: the answer has to be there within seconds."""
Records = Mapping[str, NodeRecord]


class DryRun:
    """Walks one graph, in so many seconds."""

    def __init__(self, calls: MockedCall, seconds: float) -> None:
        self._calls = calls
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._path: list[str] = []
        self._steps = 0
        self._records: dict[str, NodeRecord] = {}

    def run(self) -> Walked:
        """What a run would do. Raises InvalidError for a graph that takes too many steps, or too long."""
        graph, told = self._calls.graph, self._calls.told
        records = self._walk(self._calls, {})
        failed = failed_node(graph, records)
        return {
            "status": "failed" if failed else "succeeded",
            "output": None if failed else _output(graph, records),
            "error_message": f"node {failed[0].title} failed: {failed[1]}" if failed else None,
            "path": self._path,
            "nodes": {place: self._shown(place, record) for place, record in self._records.items()},
            "assumed": [place for place, source in told.mocked.items() if source == "assumed"],
            "unused": sorted(self._calls.mocks.given.keys() - told.used),
            "missing_secrets": sorted(told.missing_secrets),
        }

    def _shown(self, place: str, record: NodeRecord) -> WalkedNode:
        told = self._calls.told
        return {
            "status": record.status,
            "received": told.received.get(place),
            "output": record.output,
            "error": cast("NodeError | None", record.error),
            "branch": record.branch,
            "mock": told.mocked.get(place),
        }

    def _walk(self, calls: MockedCall, around: Records) -> Records:
        """The records of a graph's nodes, or of those of a body for an item, and of those around it."""
        steps = Steps(calls.graph, calls.path, around, calls, lambda _: None)
        with suppress(NodeFailed):
            for node in calls.graph.nodes.values():
                self._step(steps, calls, node)
        if not is_complete(calls.graph, steps.records):
            left = stopped(calls.graph, steps.records, datetime.now(UTC), calls.path)
            steps.records.update({record.node_id: record for record in left})
        self._records.update({f"{calls.path}{node_id}": steps.records[node_id] for node_id in calls.graph.nodes})
        return steps.records

    def _step(self, steps: Steps, calls: MockedCall, node: Node) -> None:
        place = f"{calls.path}{node.id}"
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _refused("too_many_steps", f"a dry run walks at most {MAX_STEPS:,} nodes, and was at {place}")
        if time.monotonic() >= self._until:
            raise _refused("too_long", f"a dry run takes at most {self._seconds:g} seconds, and was at {place}")
        turn = len(self._path)
        self._path.append(place)
        while node.id not in steps.records or steps.records[node.id].status == "running":
            with suppress(RetryNode):
                steps.run(node)
            if node.id in steps.items:
                self._items(steps, calls, node)
        if steps.records[node.id].status == "skipped":
            del self._path[turn]

    def _items(self, steps: Steps, calls: MockedCall, node: Node) -> None:
        """Run the body for each item, one after another."""
        assert node.each is not None
        outcomes: list[ItemRecord] = []
        for index, item in enumerate(steps.items[node.id]):
            outcomes.append(self._item(calls.inside(node, item, index), steps.records, index))
            if outcomes[-1].status == "failed" and node.each.on_item_error == "fail":
                break
        record = steps.records[node.id]
        try:
            steps.succeed(record, calls.checked(outputs_of_items(node, outcomes)))
        except NodeFailure as failure:
            steps.fail(node, record, failure)

    def _item(self, calls: MockedCall, around: Records, index: int) -> ItemRecord:
        records = self._walk(calls, around)
        if failed_node(calls.graph, records):
            return ItemRecord(index, None, "failed", error=error_of_item(calls.graph, records))
        return ItemRecord(index, None, "succeeded", _output(calls.graph, records))


def _output(graph: Graph, records: Records) -> Any:
    """Of a run or an item: that of the node that ended it, or of each by its id when there are several."""
    outputs = {node_id: records[node_id].output for node_id in ends(graph, records)}
    return next(iter(outputs.values()), None) if len(outputs) <= 1 else outputs


def _refused(code: str, reason: str) -> InvalidError:
    message = f"{reason}; mock the container, or give fewer items"
    return InvalidError(message, [{"code": code, "message": message, "path": "mocks"}])
