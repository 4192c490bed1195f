"""How nodes end that went on in Step Functions: a wait is over, an answer is there or not, items have run."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.compiler.terms import Kind
from chalicelib.node_contract import NodeFailure
from chalicelib.runs.children import ChildRepository
from chalicelib.runs.executions import Executions, ended_how
from chalicelib.runs.items import ItemRepository
from chalicelib.runs.repository import RunRepository
from chalicelib.runs.state import FINAL, ChildRun, ItemRecord, NodeRecord, Scope

from .steps import Overtaken, Steps

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph, Node
    from chalicelib.db import Database


class Conclusions:
    """Concludes nodes of a run or an item. `save` writes what the steps have, and gives the ids of the nodes that took
    it."""

    def __init__(
        self,
        scope: Scope,
        graph: Graph,
        steps: Steps,
        checked: Callable[[Any], Any],
        database: Database,
        executions: Executions,
        save: Callable[[], set[str]],
    ) -> None:
        self._scope = scope
        self._graph = graph
        self._steps = steps
        self._checked = checked
        self._database = database
        self._executions = executions
        self._save = save

    def conclude(self, node: Node) -> None:
        """Say how a node ended. Raises NodeFailed, or Overtaken where its answer came after all."""
        record = self._steps.records[node.id]
        if not record.begun(node):
            self._steps.run(node)  # it was skipped, or is concluded already: well, or not
            return
        match node.type.kind:
            case Kind.WAIT:
                self._steps.succeed(record, record.output)
            case Kind.DECISION:
                self._give_up(node, record, "no one decided")
            case Kind.RUN:
                self._run(node, record)
            case _:
                self._items(node, record)

    def _give_up(self, node: Node, record: NodeRecord, what: str) -> None:
        """There was no answer in time; one that is written down before this is holds."""
        is_late = seconds_left(record) <= 1
        failure = (
            NodeFailure("timed_out", f"{what} in time")
            if is_late
            else NodeFailure("not_run", "the platform could not wait for its answer")
        )
        try:
            self._steps.fail(node, record, failure)
        finally:
            if node.id not in self._save():
                raise Overtaken(node.id)

    def _run(self, node: Node, record: NodeRecord) -> None:
        with self._database.connection() as connection:
            child = ChildRepository(connection).find(self._scope, node.id)
        if child and child["status"] not in FINAL:
            try:
                self._give_up(node, record, f"run {child['id']} did not end")
            finally:
                self._executions.end(child, "timed_out", "the node that started it waits no longer")
            return
        try:
            self._steps.succeed(record, self._checked(_output(child)))
        except NodeFailure as failure:
            self._steps.fail(node, record, failure)

    def _items(self, node: Node, record: NodeRecord) -> None:
        with self._database.connection() as connection:
            items = ItemRepository(connection).list_outcomes(self._scope, node.id)
        try:
            self._steps.succeed(record, self._checked(outputs_of_items(node, items)))
        except NodeFailure as failure:
            with self._database.transaction() as connection:
                RunRepository(connection).lock(self._scope)
                ItemRepository(connection).cancel(self._scope, self._inside(node))
            self._steps.fail(node, record, failure)

    def _inside(self, node: Node) -> list[str]:
        return [node.id, *(inner.id for inner in self._graph.bodies[node.id].walk())]


def seconds_left(record: NodeRecord) -> int:
    """For how long a node waits for its answer: at least a second, and one more than there is, so that a Task which
    ends by itself ends late."""
    expires_at = datetime.fromisoformat(record.output["expires_at"])
    return max(0, math.ceil((expires_at - datetime.now(UTC)).total_seconds())) + 1


def _output(child: ChildRun | None) -> Any:
    """Of a run that has ended. Raises NodeFailure where it did not end well."""
    if child is None:
        raise NodeFailure("run_gone", "the run that it started was deleted")
    if child["status"] == "succeeded":
        return child["output"]
    message = f"run {child['id']} {ended_how(child)}: {child['error_message']}"
    raise NodeFailure(f"run_{child['status']}", message, details={"run_id": str(child["id"])})


def outputs_of_items(node: Node, items: list[ItemRecord]) -> list[Any]:
    """What a container gives. Raises NodeFailure where items failed that must not, or did not end."""
    assert node.each is not None
    failed = [item for item in items if item.status == "failed" and item.error]
    if failed and node.each.on_item_error == "fail":
        first = failed[0]
        error = dict(first.error or {})
        raise NodeFailure(
            "item_failed", f"item {first.position} failed: {error['message']}", details={"item": first.position}
        )
    if left := [item for item in items if item.status not in ("succeeded", "failed")]:
        raise NodeFailure("items_not_run", f"the platform could not run {len(left)} of {len(items)} items")
    return [{"error": item.error} if item.status == "failed" else item.output for item in items]
