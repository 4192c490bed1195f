"""A graph as an outline: nodes in an order in which they could run, each with where it leads. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .words import label_of, one_line

Json = Mapping[str, Any]
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A node; `depth` is the number of containers around it."""

    id: str
    label: str
    type: str
    summary: str
    depth: int
    leads_to: tuple[tuple[str, str], ...]
    """The handle (nothing where it is the usual one) and the label of each next node."""


def outline(graph: Json) -> list[Line]:
    """The nodes in order, those in a container behind it."""
    return list(_inside(graph, None, 0))


def _inside(graph: Json, container: str | None, depth: int) -> Iterator[Line]:
    if depth > MAX_DEPTH:
        return
    for node in _ordered([each for each in graph["nodes"] if each.get("parentId") == container], graph["edges"]):
        yield _line(node, graph, depth)
        yield from _inside(graph, str(node["id"]), depth + 1)


def _ordered(nodes: list[Json], edges: list[Json]) -> list[Json]:
    """None before those that lead to it; what goes in a circle comes last, as drawn."""
    left = {str(node["id"]): node for node in nodes}
    done: list[Json] = []
    while left:
        held_back = {str(edge["target"]) for edge in edges if str(edge["source"]) in left}
        free = [node_id for node_id in left if node_id not in held_back] or list(left)
        done += [left.pop(node_id) for node_id in free]
    return done


def _line(node: Json, graph: Json, depth: int) -> Line:
    known = {str(each["id"]): label_of(each) for each in graph["nodes"]}
    leads_to = tuple(
        (_handle(edge), known.get(str(edge["target"]), str(edge["target"])))
        for edge in graph["edges"]
        if str(edge["source"]) == node["id"]
    )
    return Line(str(node["id"]), label_of(node), str(node.get("type", "")), summary(node), depth, leads_to)


def _handle(edge: Json) -> str:
    handle = edge.get("sourceHandle") or "out"
    return "" if handle == "out" else str(handle).removeprefix("case:")


def summary(node: Json) -> str:
    """What a node is set to, in few words."""
    data = node.get("data") or {}
    config = data.get("config") or {}
    told = [one_line(config[key]) for key in ("method", "url") if key in config]
    told += [f"{key}: {one_line(value)}" for key, value in config.items() if key not in ("method", "url")]
    told += [f"{key}: {one_line(data[key])}" for key in ("on_error", "join", "retry", "disabled") if data.get(key)]
    return ", ".join(told) if len(config) != 1 or len(told) > 1 else one_line(next(iter(config.values())))
