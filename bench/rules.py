"""What the rules say of a drawn graph: which nodes run, and when each begins at the earliest.

Read from the drawing alone, apart from the compiler and from the simulator that is compared with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

FAILED_ON = "*"
"""Stands for a choice: the node failed, and goes on by each handle but `error`."""
DEFAULT_CONCURRENCY = 10

Json = dict[str, Any]
Choices = Mapping[str, str]
"""For each node that may go on by several handles, the one that it chose."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a node ended, and when, in seconds from the start."""

    status: str
    start: float
    end: float


@dataclass(frozen=True)
class Drawing:
    """The nodes of one scope, the canvas or a container, and their edges as (source, handle, target)."""

    nodes: Mapping[str, Json]
    edges: tuple[tuple[str, str, str], ...]
    bodies: Mapping[str, Drawing] = field(default_factory=dict)

    @classmethod
    def of(cls, graph_definition: Json, container: str | None = None) -> Drawing:
        """What was drawn right inside a container, or on the canvas itself."""
        nodes = {node["id"]: node for node in graph_definition["nodes"] if node.get("parentId") == container}
        edges = tuple(
            (edge["source"], edge.get("sourceHandle") or "out", edge["target"])
            for edge in graph_definition["edges"]
            if edge["source"] in nodes
        )
        holders = [node_id for node_id, node in nodes.items() if node["type"] == "for_each"]
        return cls(nodes, edges, {node_id: cls.of(graph_definition, node_id) for node_id in holders})

    @cached_property
    def incoming(self) -> dict[str, list[tuple[str, str]]]:
        """For each node, the source and the handle of each of its edges."""
        found: dict[str, list[tuple[str, str]]] = {node_id: [] for node_id in self.nodes}
        for source, handle, target in self.edges:
            found[target].append((source, handle))
        return found

    @cached_property
    def followers(self) -> dict[str, list[str]]:
        """For each node, those right behind it."""
        found: dict[str, list[str]] = {node_id: [] for node_id in self.nodes}
        for source, _, target in self.edges:
            found[source].append(target)
        return found

    @cached_property
    def order(self) -> list[str]:
        """A topological order of the nodes."""
        above = {node_id: [source for source, _ in self.incoming[node_id]] for node_id in self.nodes}
        return list(TopologicalSorter(above).static_order())

    def scopes(self) -> Iterator[Drawing]:
        """This drawing and those inside it."""
        yield self
        for body in self.bodies.values():
            yield from body.scopes()

    def is_due(self, node_id: str, ran: Mapping[str, bool], choices: Choices) -> bool:
        """Whether a node runs when it is known of its sources whether they ran."""
        data = self.nodes[node_id].get("data") or {}
        live = [
            ran[source] and is_chosen(handle, choices.get(source, "out")) for source, handle in self.incoming[node_id]
        ]
        joined = all(live) if data.get("join") == "all" else any(live) or not live
        return joined and not data.get("disabled")


def is_chosen(handle: str, choice: str) -> bool:
    """Whether a node that ran goes on by a handle."""
    return handle != "error" if choice == FAILED_ON else handle == choice


def ways(node: Json) -> tuple[str, ...]:
    """The choices that a node may make."""
    data = node.get("data") or {}
    on_error = data.get("on_error", "fail")
    failed = {"branch": ("error",), "continue": (FAILED_ON,), "fail": ()}[on_error]
    if node["type"] == "fail":
        return failed
    if node["type"] == "condition":
        return ("true", "false", *failed)
    if node["type"] == "switch":
        return (*(f"case:{case}" for case in data["config"]["cases"]), "default", *failed)
    return ("out", *failed) if on_error == "branch" else ("out",)


def evaluate(
    drawing: Drawing, seconds: Mapping[str, float], choices: Choices, items: Mapping[str, int]
) -> dict[str, Ran]:
    """What each node does. A node is decided as soon as its sources are, a skipped one takes no time.

    Of the nodes inside a container that has items, what they do with its first item, from when that item begins.
    """
    found: dict[str, Ran] = {}
    ran: dict[str, bool] = {}
    for node_id in drawing.order:
        start = max((found[source].end for source, _ in drawing.incoming[node_id]), default=0.0)
        ran[node_id] = drawing.is_due(node_id, ran, choices)
        inside = {}
        if ran[node_id] and node_id in drawing.bodies and items[node_id]:
            inside = evaluate(drawing.bodies[node_id], seconds, choices, items)
        took = _rounds(drawing.nodes[node_id], items, inside) or seconds.get(node_id, 0.0)
        end = start + took if ran[node_id] else start
        found |= {node_id: Ran("ran" if ran[node_id] else "skipped", start, end), **inside}
    return found


def _rounds(node: Json, items: Mapping[str, int], inside: Mapping[str, Ran]) -> float:
    """How long the items of a container take, all alike, some at once."""
    config = (node.get("data") or {}).get("config") or {}
    at_once: int = config.get("max_concurrency", DEFAULT_CONCURRENCY)
    return -(-items.get(node["id"], 0) // at_once) * max((ran.end for ran in inside.values()), default=0.0)
