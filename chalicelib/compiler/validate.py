"""Everything that can be wrong with a well-shaped graph, found in one pass and told at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from .expressions import BINDINGS, FUNCTIONS, NODE_FIELDS, Expression
from .graph import Edge, Graph, Node, Retry, ancestor_masks, find_cycles, topological_order
from .node_type import NodeType
from .problems import InvalidGraphError, Problem
from .settings import NodeSettings
from .shape import EdgeShape, GraphShape, NodeShape, json_path
from .template import Template, TemplateError, compile_template

ERROR_HANDLE = "error"
DEFAULT_HANDLE = "out"


@dataclass(slots=True)
class _Findings:
    problems: list[Problem] = field(default_factory=list)

    def add(self, code: str, message: str, path: str, **ids: str) -> None:
        self.problems.append(Problem(code, message, path, **ids))


def validate(shape: GraphShape, node_types: Mapping[str, NodeType], max_nodes: int) -> Graph:
    """Check a graph and strip its layout. Raises InvalidGraphError with all its problems."""
    findings = _Findings()
    _check_size(shape, max_nodes, findings)
    nodes = {
        node.id: checked
        for index, node in enumerate(shape.nodes)
        if (checked := _Check(node, f"nodes[{index}]", findings).node(node_types))
    }
    known = {node.id: node for node in shape.nodes}
    _check_duplicates(shape, findings)
    _check_parents(shape.nodes, findings)
    edges = list(_edges(shape.edges, known, nodes, findings))
    _check_cycles(known, edges, findings)
    _check_references(shape, nodes, edges, findings)
    if findings.problems:
        raise InvalidGraphError(findings.problems)
    order = topological_order(nodes, [(edge.source, edge.target) for edge in edges])
    return Graph({node_id: nodes[node_id] for node_id in order}, tuple(edges))


def _check_size(shape: GraphShape, max_nodes: int, findings: _Findings) -> None:
    if len(shape.nodes) > max_nodes:
        findings.add(
            "too_many_nodes",
            f"the graph has {len(shape.nodes)} nodes; at most {max_nodes} are allowed",
            "nodes",
        )


@dataclass(slots=True)
class _Check:
    """The check of one node; `path` is where it stands in the graph."""

    shape: NodeShape
    path: str
    findings: _Findings

    def node(self, node_types: Mapping[str, NodeType]) -> Node | None:
        settings = self._settings()
        node_type = self._type(node_types)
        if node_type is None:
            return None
        config = self._config(node_type)
        if settings is None or config is None:
            return None
        return Node(
            id=self.shape.id,
            type=node_type,
            label=settings.label,
            config=config,
            retry=Retry(**settings.retry.model_dump()) if settings.retry else None,
            timeout_seconds=settings.timeout_seconds,
            on_error=settings.on_error,
            join=settings.join,
            disabled=settings.disabled,
        )

    def _add(self, code: str, message: str, path: str) -> None:
        self.findings.add(code, f'node "{self.shape.id}": {message}', path, node_id=self.shape.id)

    def _type(self, node_types: Mapping[str, NodeType]) -> NodeType | None:
        name = self.shape.type
        if name is not None and name in node_types:
            return node_types[name]
        what = "it has no type" if not name else f'unknown type "{name}"{_hint(name, node_types)}'
        self._add("unknown_type", f"{what}; known types: {', '.join(sorted(node_types))}", f"{self.path}.type")
        return None

    def _settings(self) -> NodeSettings | None:
        try:
            return NodeSettings.model_validate(self.shape.data)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_context=False):
                setting = str(detail["loc"][0])
                path = json_path(detail["loc"])
                self._add(f"bad_{setting}", f"{path}: {_rule(detail['msg'])}", f"{self.path}.data.{path}")
            return None

    def _config(self, node_type: NodeType) -> Template | None:
        raw = self.shape.data.get("config")
        raw = {} if raw is None else raw
        path = f"{self.path}.data.config"
        count = len(self.findings.problems)
        try:
            node_type.config.model_validate(raw)
        except ValidationError as error:
            self._report_config(error, node_type, path)
        template = compile_template(raw, lambda broken: self._report_expression(broken, path))
        for where, expression in template.expressions:
            self._check_names(expression, where, path)
        return template if len(self.findings.problems) == count else None

    def _report_config(self, error: ValidationError, node_type: NodeType, path: str) -> None:
        told: set[str] = set()
        for location, message in _config_errors(error, node_type):
            if location not in told:
                told.add(location)
                where = f"{path}.{location}" if location else path
                named = f"{location}: {message}" if location else message
                self._add("bad_config", f"{node_type.name} config: {named}", where)

    def _report_expression(self, broken: TemplateError, path: str) -> None:
        where = f"{path}.{broken.path}" if broken.path else path
        self._add("bad_expression", f"config {broken.path}: {broken}", where)

    def _check_names(self, expression: Expression, where: str, path: str) -> None:
        full = f"{path}.{where}" if where else path
        for name in expression.names.unknown_variables:
            known = ", ".join(f"${binding}" for binding in sorted(BINDINGS))
            self._add(
                "unknown_variable",
                f"config {where}: ${name} is not defined{_hint(name, BINDINGS, '$')}; there are {known}",
                full,
            )
        for name in expression.names.unknown_functions:
            self._add(
                "unknown_function",
                f"config {where}: there is no function ${name}(){_hint(name, FUNCTIONS, '$')}",
                full,
            )


def _config_errors(error: ValidationError, node_type: NodeType) -> Iterator[tuple[str, str]]:
    """Pydantic's errors with the branches of unions folded into the field that the user wrote."""
    fields = node_type.config.model_fields
    for detail in error.errors(include_url=False, include_context=False):
        if detail["type"] == "extra_forbidden":
            name = str(detail["loc"][0])
            names = ", ".join(sorted(fields)) or "none"
            yield name, f"there is no such setting{_hint(name, fields)}; settings of this type: {names}"
            continue
        location = detail["loc"][:1] if _in_union(detail["loc"]) else detail["loc"]
        if detail["msg"] == "Value error, not an expression":
            continue
        yield json_path(location), _rule(detail["msg"])


def _in_union(location: tuple[int | str, ...]) -> bool:
    return any(isinstance(part, str) and ("[" in part or part in ("int", "float", "str")) for part in location[1:])


def _rule(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _hint(name: str, known: Iterable[str], prefix: str = "") -> str:
    close = get_close_matches(name, list(known), n=1)
    return f'; did you mean "{prefix}{close[0]}"?' if close else ""


def _check_duplicates(shape: GraphShape, findings: _Findings) -> None:
    ids = {"node": [node.id for node in shape.nodes], "edge": [edge.id for edge in shape.edges]}
    for kind, of_kind in ids.items():
        seen: set[str] = set()
        for index, item_id in enumerate(of_kind):
            if item_id in seen:
                message = f'two {kind}s have the id "{item_id}"'
                findings.add(f"duplicate_{kind}_id", message, f"{kind}s[{index}].id", **{f"{kind}_id": item_id})
            seen.add(item_id)


def _check_parents(nodes: Iterable[NodeShape], findings: _Findings) -> None:
    for index, node in enumerate(nodes):
        if node.parent_id is not None:
            message = f'node "{node.id}": its parent "{node.parent_id}" is not a container'
            findings.add("bad_parent", message, f"nodes[{index}].parentId", node_id=node.id)


def _edges(
    shapes: Iterable[EdgeShape],
    known: Mapping[str, NodeShape],
    nodes: Mapping[str, Node],
    findings: _Findings,
) -> Iterator[Edge]:
    for index, shape in enumerate(shapes):
        missing = [end for end in ("source", "target") if getattr(shape, end) not in known]
        for end in missing:
            node_id = getattr(shape, end)
            message = f'edge "{shape.id}": its {end} "{node_id}" is not a node{_hint(node_id, known)}'
            findings.add("missing_node", message, f"edges[{index}].{end}", edge_id=shape.id)
        if missing:
            continue
        handle = shape.source_handle or DEFAULT_HANDLE
        if shape.source in nodes:
            _check_handle(shape, handle, known[shape.source], nodes[shape.source], index, findings)
        yield Edge(shape.id, shape.source, shape.target, handle)


def _check_handle(
    edge: EdgeShape, handle: str, source_shape: NodeShape, source: Node, index: int, findings: _Findings
) -> None:
    handles = source.type.handles(source_shape.data.get("config") or {})
    if handle in handles or (handle == ERROR_HANDLE and source.on_error == "branch"):
        return
    path = f"edges[{index}].sourceHandle"
    if handle == ERROR_HANDLE:
        message = f'its source {source.title} has an "error" handle only with on_error "branch"'
    else:
        names = ", ".join(f'"{name}"' for name in handles) or "none"
        message = f'{source.title} of type {source.type.name} has no handle "{handle}"; its handles: {names}'
    findings.add("unknown_handle", f'edge "{edge.id}": {message}', path, edge_id=edge.id)


def _check_cycles(known: Mapping[str, Any], edges: Iterable[Edge], findings: _Findings) -> None:
    links = [(edge.source, edge.target) for edge in edges]
    for cycle in find_cycles(known, links):
        path = " → ".join(cycle)
        findings.add("cycle", f"the graph goes in a circle: {path}", "edges", node_id=cycle[0])


def _check_references(shape: GraphShape, nodes: Mapping[str, Node], edges: Iterable[Edge], findings: _Findings) -> None:
    links = [(edge.source, edge.target) for edge in edges]
    ids = list(dict.fromkeys(node.id for node in shape.nodes))
    order = topological_order(ids, links)
    number = {node_id: index for index, node_id in enumerate(order)}
    predecessors: list[list[int]] = [[] for _ in order]
    for source, target in links:
        if source in number and target in number:
            predecessors[number[target]].append(number[source])
    above = ancestor_masks(predecessors)
    for index, node in enumerate(shape.nodes):
        if node.id in nodes:
            for where, message in _bad_references(nodes[node.id], ids, number, above):
                path = f"nodes[{index}].data.config.{where}"
                findings.add("bad_reference", f'node "{node.id}": config {where}: {message}', path, node_id=node.id)


def _bad_references(
    node: Node, ids: list[str], number: Mapping[str, int], above: list[int]
) -> Iterator[tuple[str, str]]:
    for where, expression in node.config.expressions:
        for reference in expression.names.references:
            name = f"$nodes.{reference.node_id}"
            if reference.node_id not in ids:
                yield where, f"{name} is not a node{_hint(reference.node_id, ids)}"
            elif reference.field not in NODE_FIELDS | {None}:
                yield where, f"{name} has no {reference.field}; write {name}.output.{reference.field}"
            elif node.id in number and not _is_above(reference.node_id, node.id, number, above):
                yield where, f"{name} is not upstream of it, so it may not have run; draw a path from it"


def _is_above(upper: str, lower: str, number: Mapping[str, int], above: list[int]) -> bool:
    return upper not in number or bool(above[number[lower]] >> number[upper] & 1)
