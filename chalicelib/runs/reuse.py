"""Which results of a run another one may take over, when it goes on from what failed, on the same version or another.

A node's result is taken over when it was drawn the same (its type, config, join and `disabled`; of one that failed,
what it does with an error too), the same edges lead to it, and all that these edges come from and that its expressions
read is taken over too. So all that lies behind a node that runs again runs again. Pure: graphs and results in, ids out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.compiler.settings import NodeSettings
from chalicelib.compiler.shape import parse_shape
from chalicelib.compiler.terms import DEFAULT_HANDLE

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph, Node

NodeResults = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Reuse:
    """What a run may take over from one of another version, or of the same."""

    graph: Graph
    """That of the version which runs now."""
    unchanged: frozenset[str]
    """Nodes whose results hold where there are any; containers with all that they hold."""
    same_items: frozenset[str]
    """Containers that run for the same items, whatever they hold: of each item they take over what is unchanged."""

    @property
    def dealt_with(self) -> list[str]:
        """The unchanged nodes after whose failure the run goes on."""
        return [node.id for node in self.graph.walk() if node.id in self.unchanged and node.on_error != "fail"]

    def split(self, results: NodeResults) -> tuple[list[str], list[str]]:
        """The nodes whose results are taken over, and those that run again if they are due, by the old run's `results`.

        What was skipped, and will be again, is in neither.
        """
        reused: list[str] = []
        run_again: list[str] = []
        stays: set[str] = set()
        for node in self.graph.nodes.values():
            inside = self.graph.bodies[node.id].walk() if node.id in self.graph.bodies else ()
            status = results.get(node.id, {}).get("status")
            if self._holds(node, status):
                stays.add(node.id)
                reused += [node.id, *(inner.id for inner in inside if results[inner.id]["status"] != "skipped")]
            elif status == "skipped" and node.id in self.unchanged and stays.issuperset(self._above(node)):
                stays.add(node.id)
            else:
                run_again += [node.id, *(inner.id for inner in inside)]
        return reused, run_again

    def kept_items(self, container: Node) -> frozenset[str]:
        """The statuses of those items that stay as they ended where a container runs again."""
        if container.id not in self.unchanged or container.each is None:
            return frozenset()
        return frozenset({"succeeded", "failed"} if container.each.on_item_error == "continue" else {"succeeded"})

    def _holds(self, node: Node, status: str | None) -> bool:
        is_decided = status == "succeeded" or (status == "failed" and node.on_error != "fail")
        return is_decided and node.id in self.unchanged

    def _above(self, node: Node) -> tuple[str, ...]:
        return self.graph.predecessors(node.id)


def compare(old: Mapping[str, Any], results: NodeResults, new: Mapping[str, Any], graph: Graph) -> Reuse:
    """Compare two versions as they were drawn; `results` are what the nodes of the old one did, `graph` is the new
    one's."""
    before, after = _Drawing(old, results), _Drawing(new, results)
    unchanged: set[str] = set()
    same_items: set[str] = set()

    def walk(scope: Graph) -> None:
        """In topological order: what a node depends on is known before it."""
        for node_id in scope.nodes:
            depends = {*scope.predecessors(node_id), *scope.outputs_read(node_id)}
            if not depends <= unchanged or after.meaning(node_id) != before.meaning(node_id):
                continue
            unchanged.add(node_id)
            if body := scope.bodies.get(node_id):
                same_items.add(node_id)
                walk(body)
                held = {inner.id for inner in body.walk()}
                if not held <= unchanged or held != before.inside(node_id):
                    unchanged.discard(node_id)

    walk(graph)
    return Reuse(graph, frozenset(unchanged), frozenset(same_items))


class _Drawing:
    """A version as it was drawn."""

    def __init__(self, graph_definition: Mapping[str, Any], results: NodeResults) -> None:
        shape = parse_shape(graph_definition)
        self._results = results
        self._nodes = {node.id: node for node in shape.nodes}
        self._incoming: dict[str, set[tuple[str, str]]] = {node.id: set() for node in shape.nodes}
        for edge in shape.edges:
            self._incoming[edge.target].add((edge.source, edge.source_handle or DEFAULT_HANDLE))

    def meaning(self, node_id: str) -> tuple[Any, ...] | None:
        """Equal for nodes that do the same with the same; None where there is no such node."""
        node = self._nodes.get(node_id)
        if node is None:
            return None
        settings = NodeSettings.model_validate(node.data)
        succeeded = self._results.get(node_id, {}).get("status") == "succeeded"
        on_error = None if succeeded else settings.on_error
        config = node.data.get("config") or {}
        does = (node.type, config, settings.join, settings.disabled, on_error)
        return (*does, node.parent_id, self._incoming[node_id])

    def inside(self, container: str) -> set[str]:
        """All nodes in a container, at any depth."""
        held = {node.id for node in self._nodes.values() if node.parent_id == container}
        return held.union(*(self.inside(node_id) for node_id in held))
