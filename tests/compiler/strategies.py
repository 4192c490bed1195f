"""Random drawn graphs: every kind of node, any acyclic order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st

from chalicelib.compiler.graph import Graph
from chalicelib.compiler.parsing import parse
from chalicelib.nodes import node_types

if TYPE_CHECKING:
    from random import Random

PROPERTY = settings(deadline=None, derandomize=True, database=None)
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
    "condition with branch": (
        {"type": "condition", "data": {"config": {"expression": True}, "on_error": "branch"}},
        ("true", "false", "error"),
    ),
    "condition that continues": (
        {"type": "condition", "data": {"config": {"expression": True}, "on_error": "continue"}},
        ("true", "false"),
    ),
    "disabled condition": (
        {"type": "condition", "data": {"config": {"expression": True}, "disabled": True}},
        ("true", "false"),
    ),
}
CONTAINERS: dict[str, tuple[dict[str, Any], tuple[str | None, ...]]] = {
    "each": ({"type": "for_each", "data": {"config": {"items": [1], "max_concurrency": 2}}}, ("out",)),
    "each with branch": (
        {"type": "for_each", "data": {"config": {"items": [1], "on_item_error": "continue"}, "on_error": "branch"}},
        ("out", "error"),
    ),
    "disabled each": ({"type": "for_each", "data": {"config": {"items": [1]}, "disabled": True}}, ("out",)),
}
DECIDING_KINDS = ("condition", "switch", "io with branch", "fail", "condition with branch", "condition that continues")
PURE_KINDS = (
    *("pure", "trigger", "condition", "switch", "fail", "disabled io", "disabled wait"),
    *("condition with branch", "condition that continues", "disabled condition"),
)
LEVELS = 3
"""How many containers may stand inside one another."""


def drawn(
    kinds: Sequence[str], links: Iterable[tuple[int, int, int]], joins: Iterable[int] = (), within: str | None = None
) -> dict[str, Any]:
    """A React Flow graph of those kinds of nodes; a link is source, target and a number that picks a handle. The nodes
    of `joins` ask for all their edges; all may be within a container."""
    known = KINDS | CONTAINERS
    prefix = f"{within}." if within else ""
    nodes = [{"id": f"{prefix}n{index}", **known[kind][0]} for index, kind in enumerate(kinds)]
    for index in joins:
        nodes[index]["data"] = nodes[index]["data"] | {"join": "all"}
    edges = []
    for source, target, pick in links:
        handles = known[kinds[source]][1]
        edge = {"id": f"{prefix}e{len(edges)}", "source": nodes[source]["id"], "target": nodes[target]["id"]}
        edges.append(edge | {"sourceHandle": handles[pick % len(handles)]})
    inside = [node | {"parentId": within} for node in nodes] if within else nodes
    return {"nodes": inside, "edges": edges, "viewport": {"x": 0, "y": 0, "zoom": 1}}


def seeded(random: Random, size: int) -> dict[str, Any]:
    """The same without hypothesis, for another process to make again."""
    kinds = [random.choice(list(KINDS)) for _ in range(size)]
    density = random.choice((0.05, 0.15, 0.4))
    pairs = [(low, high) for high in range(size) for low in range(high)]
    return drawn(kinds, [(low, high, random.randrange(6)) for low, high in pairs if random.random() < density])


def with_bodies(definition: dict[str, Any], **bodies: tuple[list[str], list[tuple[int, int, int]]]) -> dict[str, Any]:
    """The same with something inside its containers, by their ids: kinds and links."""
    return _together(definition, *(drawn(kinds, links, within=node_id) for node_id, (kinds, links) in bodies.items()))


def seeded_with_containers(random: Random) -> dict[str, Any]:
    """Containers in a row beside a request, with bodies of every kind of node."""
    outer = drawn(["io", "each", "condition", "each", "io"], [(0, 1, 0), (1, 2, 0), (2, 3, 0)])
    bodies = []
    for node_id in ("n1", "n3"):
        kinds = [random.choice(list(KINDS)) for _ in range(6)]
        links = [(low, high, random.randrange(6)) for high in range(6) for low in range(high) if random.random() < 0.3]
        bodies.append(drawn(kinds, links, within=node_id))
    return _together(outer, *bodies)


def anything(random: Random, levels: int | None = None, within: str | None = None) -> dict[str, Any]:
    """A graph of any kind, with containers in half of them."""
    left = random.choice((0, 0, 0, 1, 2, LEVELS)) if levels is None else levels
    size = random.randrange(1, 6) if within else random.randrange(2, 16 if left else 70)
    known = tuple(KINDS) + (tuple(CONTAINERS) if left else ())
    density = random.choice((0.05, 0.1, 0.2, 0.4, None))
    links = [
        (low, high, random.randrange(6))
        for high in range(size)
        for low in (
            random.sample(range(high), min(high, random.choice((0, 1, 1, 1, 2, 2, 3))))
            if density is None
            else [low for low in range(high) if random.random() < density]
        )
    ]
    joins = [index for index in range(size) if random.random() < 0.15]
    outer = drawn([random.choice(known) for _ in range(size)], links, joins, within)
    holders = [node["id"] for node in outer["nodes"] if node["type"] == "for_each"]
    return _together(outer, *(anything(random, left - 1, node_id) for node_id in holders))


def _together(*parts: dict[str, Any]) -> dict[str, Any]:
    return parts[0] | {key: [item for part in parts for item in part[key]] for key in ("nodes", "edges")}


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
def graph_definitions(
    draw: st.DrawFn, kinds: tuple[str, ...] = tuple(KINDS), max_size: int = 30, within: str | None = None
) -> dict[str, Any]:
    """React Flow graphs that are valid, of one scope."""
    order = draw(dags(max_size))
    chosen = [draw(st.sampled_from(kinds)) for _ in order]
    pick = draw(st.integers(0, 5))
    links = [(source, target, pick + source + target) for target, sources in enumerate(order) for source in sources]
    joins = draw(st.sets(st.integers(0, len(order) - 1), max_size=3))
    return drawn(chosen, draw(st.permutations(sorted(links))), sorted(joins), within)


@st.composite
def nested_definitions(
    draw: st.DrawFn,
    kinds: tuple[str, ...] = tuple(KINDS),
    max_size: int = 8,
    levels: int = LEVELS,
    within: str | None = None,
) -> dict[str, Any]:
    """The same with containers, up to so many inside one another."""
    here = kinds + (tuple(CONTAINERS) * 2 if levels else ())
    outer = draw(graph_definitions(here, max_size, within))
    bodies = [
        draw(nested_definitions(kinds, 5, levels - 1, node["id"]))
        for node in outer["nodes"]
        if node["type"] == "for_each"
    ]
    return _together(outer, *bodies)


def any_definitions() -> st.SearchStrategy[dict[str, Any]]:
    """With and without containers."""
    return st.one_of(graph_definitions(), nested_definitions())


def reachable(definition: dict[str, Any]) -> set[str]:
    """The nodes that may run: not those inside a disabled container."""
    nodes = {node["id"]: node for node in definition["nodes"]}

    def may_run(node: dict[str, Any]) -> bool:
        parent = nodes.get(node.get("parentId"))
        return parent is None or (not parent["data"].get("disabled") and may_run(parent))

    return {node_id for node_id, node in nodes.items() if may_run(node)}


def parsed(graph_definition: Any) -> Graph:
    return parse(graph_definition, node_types())


def closure(predecessors: list[frozenset[int]]) -> set[tuple[int, int]]:
    """All pairs of an order; vertices are numbered topologically."""
    above: list[set[int]] = []
    for sources in predecessors:
        above.append(set(sources).union(*(above[source] for source in sources)))
    return {(source, vertex) for vertex, sources in enumerate(above) for source in sources}
