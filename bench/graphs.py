"""The workflows that are measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Graph = dict[str, Any]


def node(node_id: str, node_type: str, config: dict[str, Any], **data: Any) -> dict[str, Any]:
    drawn = {"label": node_id, "config": config, **data}
    return {"id": node_id, "type": node_type, "position": {"x": 0, "y": 0}, "data": drawn}


def transform(node_id: str, value: Any, **data: Any) -> dict[str, Any]:
    return node(node_id, "transform", {"value": value}, **data)


def edge(source: str, target: str, handle: str | None = None) -> dict[str, Any]:
    return {"id": f"{source}-{target}", "source": source, "target": target, "sourceHandle": handle}


def graph(nodes: list[dict[str, Any]], edges: Iterable[dict[str, Any]] = ()) -> Graph:
    return {"nodes": nodes, "edges": list(edges), "viewport": {"x": 0, "y": 0, "zoom": 1}}


def transforms_in_a_row(count: int) -> Graph:
    """Each adds one to what the one before gave."""
    names = [f"t{number}" for number in range(count)]
    sources = ["$input.n", *(f"$nodes.{name}.output.n" for name in names)]
    nodes = [
        transform(name, {"n": f"{{% {source} + 1 %}}", "text": f"step {name}"})
        for name, source in zip(names, sources, strict=False)
    ]
    return graph(nodes, map(edge, names, names[1:]))


def parallel_requests(count: int, url: str) -> Graph:
    return graph([node(f"h{number}", "http_request", {"url": url}) for number in range(count)])


def mixed(url: str) -> Graph:
    """Ten nodes: a trigger, two requests at once, a condition, transforms."""
    steps = ["kept", "named", "counted", "told"]
    nodes = [
        node("start", "trigger", {}),
        node("a", "http_request", {"url": f"{url}/a"}),
        node("b", "http_request", {"url": f"{url}/b", "method": "POST", "body": {"n": "{% $input.n %}"}}),
        transform("both", ["{% $nodes.a.output.status %}", "{% $nodes.b.output.status %}"], join="all"),
        node("fine", "condition", {"expression": "{% $sum($nodes.both.output) = 400 %}"}),
        transform("refused", "an answer was not 200"),
        *(transform(step, {"of": "{% $nodes.both.output %}", "step": step}) for step in steps),
    ]
    edges = [
        *(edge("start", name) for name in ("a", "b")),
        *(edge(name, "both") for name in ("a", "b")),
        edge("both", "fine"),
        edge("fine", "refused", "false"),
        edge("fine", steps[0], "true"),
        *map(edge, steps, steps[1:]),
    ]
    return graph(nodes, edges)


def ladder(rungs: int, url: str) -> Graph:
    """Two rails with a rung from one to the other at each step: no nesting of branches says it."""
    names = [f"{rail}{step}" for step in range(rungs) for rail in "ab"]
    rails = [(f"{rail}{step}", f"{rail}{step + 1}") for step in range(rungs - 1) for rail in "ab"]
    across = [(f"a{step}", f"b{step + 1}") for step in range(rungs - 1)]
    return graph([node(name, "http_request", {"url": url}) for name in names], (edge(*link) for link in rails + across))


def each_of(items: int, body: dict[str, Any]) -> Graph:
    """A container that runs a node for so many items."""
    return graph([node("each", "for_each", {"items": list(range(items))}), body | {"parentId": "each"}])
