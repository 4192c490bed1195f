"""Everything that can be wrong with one node by itself: its type, settings, config and expressions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from .expressions import BINDINGS, FUNCTIONS, Expression
from .graph import Node, Retry
from .node_type import NOT_AN_EXPRESSION, NodeType
from .problems import Problem
from .settings import NodeSettings
from .shape import NodeShape, json_path
from .template import Template, TemplateError, compile_template

MAX_HINTS = 50
"""Guessing what was meant compares with all that there is; after so many problems we stop guessing."""


@dataclass(slots=True)
class Findings:
    """The problems found so far."""

    problems: list[Problem] = field(default_factory=list)
    _hints: int = 0

    def add(self, code: str, message: str, path: str, **ids: str) -> None:
        """One more problem; `ids` is a node_id or an edge_id."""
        self.problems.append(Problem(code, message, path, **ids))

    def hint(self, name: str, known: Iterable[str], prefix: str = "") -> str:
        """`; did you mean "…"?` where a known name is close."""
        self._hints += 1
        close = get_close_matches(name, list(known), n=1) if self._hints <= MAX_HINTS else []
        return f'; did you mean "{prefix}{close[0]}"?' if close else ""


@dataclass(frozen=True, slots=True)
class CheckedNode:
    """What could be made of a drawn node; None stands for a part that is wrong."""

    shape: NodeShape
    path: str
    type: NodeType | None
    settings: NodeSettings | None
    template: Template
    """All the expressions that parse, also in a config that is wrong."""
    config_fits: bool

    @property
    def handles(self) -> tuple[str, ...] | None:
        """The handles of its type; None where they can't be known."""
        if self.type is None or not self.config_fits:
            return None
        return self.type.handles(self.shape.data.get("config") or {})

    def as_node(self) -> Node:
        """The node. Only for a graph without problems."""
        assert self.type is not None
        assert self.settings is not None
        retry = self.settings.retry
        return Node(
            id=self.shape.id,
            type=self.type,
            label=self.settings.label,
            config=self.template,
            retry=Retry(**retry.model_dump()) if retry else None,
            timeout_seconds=self.settings.timeout_seconds,
            on_error=self.settings.on_error,
            join=self.settings.join,
            disabled=self.settings.disabled,
        )


def check_node(shape: NodeShape, index: int, node_types: Mapping[str, NodeType], findings: Findings) -> CheckedNode:
    """Check the node at `nodes[index]`."""
    return _Check(shape, f"nodes[{index}]", findings).run(node_types)


@dataclass(slots=True)
class _Check:
    shape: NodeShape
    path: str
    findings: Findings

    def run(self, node_types: Mapping[str, NodeType]) -> CheckedNode:
        node_type = self._type(node_types)
        raw = self.shape.data.get("config")
        config = {} if raw is None else raw
        return CheckedNode(
            shape=self.shape,
            path=self.path,
            type=node_type,
            settings=self._settings(),
            template=self._template(config),
            config_fits=node_type is not None and self._config_fits(config, node_type),
        )

    def _add(self, code: str, message: str, path: str) -> None:
        where = f"{self.path}.{path}"
        self.findings.add(code, f'node "{self.shape.id}": {message}', where, node_id=self.shape.id)

    def _type(self, node_types: Mapping[str, NodeType]) -> NodeType | None:
        name = self.shape.type
        if name is not None and name in node_types:
            return node_types[name]
        what = f'unknown type "{name}"{self.findings.hint(name, node_types)}' if name else "it has no type"
        self._add("unknown_type", f"{what}; known types: {', '.join(sorted(node_types))}", "type")
        return None

    def _settings(self) -> NodeSettings | None:
        try:
            return NodeSettings.model_validate(self.shape.data)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_context=False):
                path = json_path(detail["loc"])
                self._add(f"bad_{detail['loc'][0]}", f"{path}: {_rule(detail['msg'])}", f"data.{path}")
            return None

    def _config_fits(self, config: Any, node_type: NodeType) -> bool:
        try:
            node_type.config.model_validate(config)
        except ValidationError as error:
            for field_path, message in dict(self._config_errors(error, node_type)).items():
                named = f"{field_path}: {message}" if field_path else message
                path = f"data.config.{field_path}" if field_path else "data.config"
                self._add("bad_config", f"{node_type.name} config: {named}", path)
            return False
        return True

    def _config_errors(self, error: ValidationError, node_type: NodeType) -> Iterator[tuple[str, str]]:
        """Pydantic's errors by the field that the user wrote, without those of the branch "or an expression"."""
        fields = node_type.config.model_fields
        for detail in error.errors(include_url=False, include_context=False):
            if NOT_AN_EXPRESSION in detail["msg"]:
                continue
            if detail["type"] == "extra_forbidden":
                name = str(detail["loc"][0])
                guess, names = self.findings.hint(name, fields), ", ".join(sorted(fields)) or "none"
                yield name, f"there is no such setting{guess}; settings of this type: {names}"
            else:
                yield json_path(detail["loc"][:1]), _rule(detail["msg"])

    def _template(self, config: Any) -> Template:
        template = compile_template(config, self._report_broken)
        for path, expression in template.expressions:
            self._check_names(path, expression)
        return template

    def _check_names(self, path: str, expression: Expression) -> None:
        for name in expression.names.unknown_variables:
            known = ", ".join(f"${binding}" for binding in sorted(BINDINGS))
            guess = self.findings.hint(name, BINDINGS, "$")
            self._add_expression("unknown_variable", path, f"${name} is not defined{guess}; there are {known}")
        for name in expression.names.unknown_functions:
            guess = self.findings.hint(name, FUNCTIONS, "$")
            self._add_expression("unknown_function", path, f"there is no function ${name}(){guess}")

    def _report_broken(self, broken: TemplateError) -> None:
        self._add_expression("bad_expression", broken.path, str(broken))

    def _add_expression(self, code: str, path: str, message: str) -> None:
        self._add(code, f"config {path}: {message}", f"data.config.{path}" if path else "data.config")


def _rule(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
