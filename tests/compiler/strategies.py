"""Random drawn graphs: every kind of node, any acyclic order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st

from chalicelib import compiler
from chalicelib.compiler.graph import Graph
from chalicelib.nodes import node_types

if TYPE_CHECKING:
    from random import Random

PROPERTY = settings(deadline=None, derandomize=True, database=None, max_examples=150)
URL = "https://api.example.com/things"

KINDS: dict[str, tuple[dict[str, Any], tuple[str | None, ...]]] = {
    "pure": ({"type": "transform", "data": {"config": {"value": 1}}}, (None,)),
    "trigger": ({"type": "trigger", "data": {}}, ("out",)),
    "condition": ({"type": "condition", "data": {"config": {"expression": True}}}, ("true", "false")),
    "switch": (
        {"type": "switch", "data": {"config": {"value": "a", "cases": ["a", "b"]}}},
        ("case:a", "case:b", "default"),
    ),
    "fail": ({"type": "fail", "data": {"on_error": "branch"}}, ("error",)),
    "io": ({"type": "http_request", "data": {"config": {"url": URL}}}, ("out",)),
    "io with branch": (
        {"type": "http_request", "data": {"config": {"url": URL}, "on_error": "branch"}},
        ("out", "error"),
    ),
    "disabled io": ({"type": "http_request", "data": {"config": {"url": URL}, "disabled": True}}, ("out",)),
    "retried pure": (
        {"type": "transform", "data": {"config": {"value": 1}, "retry": {"max_attempts": 3}}},
        ("out",),
    ),
    "wait": ({"type": "wait", "data": {"config": {"seconds": 1}}}, ("out",)),
    "disabled wait": ({"type": "wait", "data": {"config": {"seconds": 1}, "disabled": True}}, ("out",)),
}
PURE_KINDS = ("pure", "trigger", "condition", "switch", "fail", "disabled io", "disabled wait")


def drawn(kinds: list[str], links: list[tuple[int, int, int]]) -> dict[str, Any]:
    """A React Flow graph of those kinds of nodes; a link is source, target and a number that picks a handle."""
    nodes = [{"id": f"n{index}", **KINDS[kind][0]} for index, kind in enumerate(kinds)]
    edges = []
    for source, target, pick in links:
        handles = KINDS[kinds[source]][1]
        edge = {"id": f"e{len(edges)}", "source": f"n{source}", "target": f"n{target}"}
        edges.append(edge | {"sourceHandle": handles[pick % len(handles)]})
    return {"nodes": nodes, "edges": edges, "viewport": {"x": 0, "y": 0, "zoom": 1}}


def seeded(random: Random, size: int) -> dict[str, Any]:
    """The same without hypothesis, for another process to make again."""
    kinds = [random.choice(list(KINDS)) for _ in range(size)]
    density = random.choice((0.05, 0.15, 0.4))
    pairs = [(low, high) for high in range(size) for low in range(high)]
    return drawn(kinds, [(low, high, random.randrange(6)) for low, high in pairs if random.random() < density])


@st.composite
def dags(draw: st.DrawFn, max_size: int = 30) -> list[frozenset[int]]:
    """Predecessors of vertices numbered topologically; most have few, as drawn ones do."""
    size = draw(st.integers(1, max_size))
    few = draw(st.booleans())
    return [
        draw(st.frozensets(st.integers(0, vertex - 1), max_size=3 if few else vertex)) if vertex else frozenset()
        for vertex in range(size)
    ]


@st.composite
def graph_definitions(draw: st.DrawFn, kinds: tuple[str, ...] = tuple(KINDS), max_size: int = 30) -> dict[str, Any]:
    """React Flow graphs that are valid."""
    order = draw(dags(max_size))
    chosen = [draw(st.sampled_from(kinds)) for _ in order]
    pick = draw(st.integers(0, 5))
    links = [(source, target, pick + source) for target, sources in enumerate(order) for source in sorted(sources)]
    return drawn(chosen, draw(st.permutations(links)))


def parsed(graph_definition: Any) -> Graph:
    return compiler.parse(graph_definition, node_types())


def closure(predecessors: list[frozenset[int]]) -> set[tuple[int, int]]:
    """All pairs of an order; vertices are numbered topologically."""
    above: list[set[int]] = []
    for sources in predecessors:
        above.append(set(sources).union(*(above[source] for source in sources)))
    return {(source, vertex) for vertex, sources in enumerate(above) for source in sources}
