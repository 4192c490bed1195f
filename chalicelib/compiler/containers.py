"""Which node is inside which container, as drawn by `parentId`, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .plan import MAX_LEVELS
from .terms import Kind

if TYPE_CHECKING:
    from .check_node import CheckedNode, Findings


class Containers:
    """The containers of a graph; a parent that is wrong is reported and then taken for none."""

    def __init__(self, nodes: Sequence[CheckedNode], findings: Findings) -> None:
        self.parent: dict[str, str | None] = {node.shape.id: None for node in nodes}
        """The container that each node is right inside of."""
        self._nodes = {node.shape.id: node for node in nodes}
        self._findings = findings
        for node in nodes:
            if wrong := self._wrong_parent(node):
                self._add("bad_parent", node, wrong, "parentId")
            else:
                self.parent[node.shape.id] = node.shape.parent_id
        self._check_containers(nodes)

    def around(self, node_id: str) -> tuple[str, ...]:
        """The containers around a node, the nearest first."""
        return tuple(self._around(node_id))

    def border_between(self, source: str, target: str) -> str | None:
        """Why an edge can't go from one node to the other: there is a border between them."""
        inner, outer = self.parent[source], self.parent[target]
        if inner == outer:
            return None
        if inner is None or inner in self.around(target):
            return f'goes into "{outer}"; draw it to "{outer}" itself: its nodes start by themselves with each item'
        return f'leaves "{inner}"; draw it from "{inner}" itself, which goes on when all items are done'

    def _around(self, node_id: str) -> Iterator[str]:
        parent = self.parent[node_id]
        while parent is not None:
            yield parent
            parent = self.parent[parent]

    def _wrong_parent(self, node: CheckedNode) -> str | None:
        parent_id = node.shape.parent_id
        if parent_id is None:
            return None
        parent = self._nodes.get(parent_id)
        if parent is None:
            return f'its parent "{parent_id}" is not a node{self._findings.hint(parent_id, self._nodes)}'
        if parent.type is not None and parent.type.kind is not Kind.EACH:
            return f'its parent "{parent_id}" of type {parent.type.name} is not a container'
        if parent_id == node.shape.id or node.shape.id in self.around(parent_id):
            return f'its parent "{parent_id}" is inside itself'
        return None

    def _check_containers(self, nodes: Sequence[CheckedNode]) -> None:
        filled = set(self.parent.values())
        for node in nodes:
            if node.type is None or node.type.kind is not Kind.EACH:
                continue
            if node.shape.id not in filled:
                message = "it is empty; put the nodes inside it that it is to run, by their parentId"
                self._add("empty_container", node, message, "")
            level = 1 + len(self.around(node.shape.id))
            if level > MAX_LEVELS:
                message = f"it is container number {level} inside one another; at most {MAX_LEVELS} are allowed"
                self._add("too_deep", node, message, "parentId")

    def _add(self, code: str, node: CheckedNode, message: str, field: str) -> None:
        where = f"{node.path}.{field}".rstrip(".")
        self._findings.add(code, f'node "{node.shape.id}": {message}', where, node_id=node.shape.id)
