"""Everything that can be wrong with a well-shaped graph, found in one pass and told at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from .check_node import CheckedNode, Findings, check_node
from .containers import Containers
from .expressions import NODE_FIELDS
from .graph import Edge, Graph, Node
from .problems import InvalidGraphError
from .relation import ancestor_masks, find_cycles, topological_order
from .settings import RunSettings
from .shape import EdgeShape, GraphShape, json_path
from .terms import DEFAULT_HANDLE, ERROR_HANDLE
from .words import by_field, listed

if TYPE_CHECKING:
    from .node_type import NodeType


def validate(shape: GraphShape, node_types: Mapping[str, NodeType]) -> Graph:
    """Check a graph and strip its layout. Raises InvalidGraphError with all its problems."""
    findings = Findings()
    nodes = [check_node(node, index, node_types, findings) for index, node in enumerate(shape.nodes)]
    by_id = {node.shape.id: node for node in nodes}
    _check_duplicates(shape, findings)
    containers = Containers(nodes, findings)
    edges = list(_edges(shape.edges, by_id, containers, findings))
    links = [(edge.source, edge.target) for edge in edges]
    _check_cycles(by_id, links, findings)
    _check_references(nodes, links, containers, findings)
    _check_webhooks(nodes, containers, findings)
    settings = _run_settings(shape.settings, findings)
    if findings.problems:
        raise InvalidGraphError(findings.problems)
    graph = _graph(
        {node_id: by_id[node_id].as_node() for node_id in topological_order(by_id, links)}, edges, containers
    )
    return replace(graph, settings=settings)


def _run_settings(raw: Mapping[str, Any], findings: Findings) -> RunSettings:
    """A key that nearly is one of ours is a typo; any other belongs to the canvas."""
    known = RunSettings.model_fields
    for key in raw.keys() - known.keys():
        if guess := findings.hint(key, known):
            findings.add("unknown_setting", f"settings: there is no {key}{guess}", f"settings.{key}")
    try:
        return RunSettings.model_validate(raw)
    except ValidationError as error:
        for place, message in by_field(error, raw).items():
            path = f"settings.{json_path(place)}"
            findings.add("bad_setting", f"{path} {message}", path)
        return RunSettings()


def _graph(
    nodes: Mapping[str, Node],
    edges: Sequence[Edge],
    containers: Containers,
    container: str | None = None,
    outside: frozenset[str] = frozenset(),
) -> Graph:
    """The nodes right inside a container, or on the canvas itself, with the bodies of the containers among them."""
    inside = {node_id: node for node_id, node in nodes.items() if containers.parent[node_id] == container}
    graph = Graph(inside, tuple(edge for edge in edges if edge.source in inside), outside=outside)
    bodies = {
        node_id: _graph(nodes, edges, containers, node_id, frozenset(graph.ancestors(node_id)))
        for node_id, node in inside.items()
        if node.each
    }
    return replace(graph, bodies=bodies) if bodies else graph


def _check_duplicates(shape: GraphShape, findings: Findings) -> None:
    ids = {"node": [node.id for node in shape.nodes], "edge": [edge.id for edge in shape.edges]}
    for kind, of_kind in ids.items():
        seen: set[str] = set()
        for index, item_id in enumerate(of_kind):
            if item_id in seen:
                message = f'two {kind}s have the id "{item_id}"'
                findings.add(f"duplicate_{kind}_id", message, f"{kind}s[{index}].id", **{f"{kind}_id": item_id})
            seen.add(item_id)


def _edges(
    shapes: Iterable[EdgeShape], nodes: Mapping[str, CheckedNode], containers: Containers, findings: Findings
) -> Iterator[Edge]:
    for index, shape in enumerate(shapes):
        missing = [end for end in ("source", "target") if getattr(shape, end) not in nodes]
        for end in missing:
            node_id = getattr(shape, end)
            message = f'edge "{shape.id}": its {end} "{node_id}" is not a node{findings.hint(node_id, nodes)}'
            findings.add("missing_node", message, f"edges[{index}].{end}", edge_id=shape.id)
        if not missing:
            handle = shape.source_handle or DEFAULT_HANDLE
            if wrong := _wrong_handle(handle, nodes[shape.source]):
                path = f"edges[{index}].sourceHandle"
                findings.add("unknown_handle", f'edge "{shape.id}": {wrong}', path, edge_id=shape.id)
            if wrong := containers.border_between(shape.source, shape.target):
                message = f'edge "{shape.id}" {wrong}'
                findings.add("crosses_border", message, f"edges[{index}]", edge_id=shape.id)
            yield Edge(shape.id, shape.source, shape.target, handle)


def _wrong_handle(handle: str, source: CheckedNode) -> str | None:
    """Why an edge can't leave its source by this handle; None where it can, or where no one knows."""
    handles = source.handles
    if handles is None or handle in handles:
        return None
    name = f'its source "{source.shape.id}"'
    if handle == ERROR_HANDLE:
        fires = source.settings is None or source.settings.on_error == "branch"
        return None if fires else f'{name} has an "error" handle only with on_error "branch"'
    return f'{name} of type {source.shape.type} has no handle "{handle}"; its handles: {listed(handles)}'


def _check_cycles(nodes: Iterable[str], links: Iterable[tuple[str, str]], findings: Findings) -> None:
    for cycle in find_cycles(nodes, links):
        findings.add("cycle", f"the graph goes in a circle: {' → '.join(cycle)}", "edges", node_id=cycle[0])


def _check_references(
    nodes: Sequence[CheckedNode], links: Sequence[tuple[str, str]], containers: Containers, findings: Findings
) -> None:
    upstream = _Upstream([node.shape.id for node in nodes], links, containers, findings)
    for node in nodes:
        for path, expression in node.template.expressions:
            where = f"{node.path}.data.config.{path}".rstrip(".")
            if expression.names.free_item and containers.parent[node.shape.id] is None:
                message = f'node "{node.shape.id}": config {path}: $item and $index are only inside a container'
                findings.add("bad_reference", message, where, node_id=node.shape.id)
            for reference in expression.names.references:
                if wrong := upstream.wrong(reference.node_id, reference.field, node.shape.id):
                    message = f'node "{node.shape.id}": config {path}: {wrong}'
                    findings.add("bad_reference", message, where, node_id=node.shape.id)


def _check_webhooks(nodes: Sequence[CheckedNode], containers: Containers, findings: Findings) -> None:
    """A workflow has one address, so what it asks of requests is drawn once."""
    first: str | None = None
    for node in nodes:
        if node.webhook is None:
            continue
        node_id = node.shape.id
        if (container := containers.parent[node_id]) is not None:
            message = f'node "{node_id}" is inside "{container}", where no request comes by; draw the webhook outside'
            findings.add("misplaced_webhook", message, f"{node.path}.parentId", node_id=node_id)
        elif first is not None:
            message = f'node "{node_id}": a workflow has one webhook, and node "{first}" is it'
            findings.add("several_webhooks", message, f"{node.path}.data.config.kind", node_id=node_id)
        else:
            first = node_id


class _Upstream:
    """Who is above whom; of nodes on or behind a cycle no one can tell."""

    def __init__(
        self, ids: Iterable[str], links: Sequence[tuple[str, str]], containers: Containers, findings: Findings
    ) -> None:
        self._findings = findings
        self._containers = containers
        self._ids = dict.fromkeys(ids)
        order = topological_order(self._ids, links)
        self._number = {node_id: number for number, node_id in enumerate(order)}
        above: list[list[int]] = [[] for _ in order]
        for source, target in links:
            if source in self._number and target in self._number:
                above[self._number[target]].append(self._number[source])
        self._above = ancestor_masks(above)

    def wrong(self, upper: str, field: str | None, lower: str) -> str | None:
        """Why a node can't refer to another one; None where it can."""
        name = f"$nodes.{upper}"
        if upper not in self._ids:
            longer = next((node_id for node_id in self._ids if node_id.startswith(f"{upper}-")), None)
            backticks = f"; an id that is no name goes in backticks: $nodes.`{longer}`" if longer else ""
            return f"{name} is not a node{backticks or self._findings.hint(upper, self._ids)}"
        if field is not None and field not in NODE_FIELDS:
            return f"{name} has no {field}; write {name}.output.{field}"
        around = self._containers.around(lower)
        if upper in around:
            return f"{name} is the container around it and gives nothing yet; $item is the item"
        within = self._containers.parent[upper]
        if within is not None and within not in around:
            return f"{name} is inside {within}; what comes of all items is $nodes.{within}.output"
        if not any(self._is_above(upper, each) for each in (lower, *around)):
            return f"{name} is not upstream of it, so it may not have run; draw a path from it"
        return None

    def _is_above(self, upper: str, lower: str) -> bool:
        number = self._number
        if upper not in number or lower not in number:
            return True
        return bool(self._above[number[lower]] >> number[upper] & 1)
