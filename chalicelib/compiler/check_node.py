"""Everything that can be wrong with one node by itself: its type, settings, config and expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from chalicelib.jsonata.functions import FUNCTIONS

from .expressions import BINDINGS, ITEM_BINDINGS, Expression, SecretReference
from .graph import Node, Retry
from .problems import Problem
from .secret_names import RULE, is_name
from .settings import MAX_CALL_SECONDS, NodeSettings
from .shape import NodeShape, json_path
from .template import Template, TemplateError, compile_template
from .terms import ERROR_HANDLE, Kind
from .words import NO_SUCH_KEY, by_field, keys_at

if TYPE_CHECKING:
    from .node_type import NodeType
    from .webhook import Webhook

_INSIDE = "set it on the nodes inside; a container makes no call"
_NOT_SETTABLE: Mapping[Kind, Mapping[str, str]] = {
    Kind.EACH: {"retry": _INSIDE, "timeout_seconds": _INSIDE},
    Kind.DECISION: {"retry": "who has decided is not asked again"},
    Kind.RUN: {"retry": "set it on the nodes of the workflow that it runs"},
}
"""What means nothing to nodes of a kind, and why."""
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
        return self.type.handles_of(self.shape.data.get("config") or {})

    @property
    def webhook(self) -> Webhook | None:
        """What it wants of requests from outside; None where it takes none, as one that is disabled."""
        if self.type is None or self.type.webhook is None or not self.config_fits:
            return None
        is_disabled = self.settings is not None and self.settings.disabled
        return None if is_disabled else self.type.webhook(self.shape.data.get("config") or {})

    def as_node(self) -> Node:
        """The node. Only for a graph without problems."""
        assert self.type is not None
        assert self.settings is not None
        retry = self.settings.retry
        config = self.shape.data.get("config") or {}
        error = {ERROR_HANDLE} if self.settings.on_error == "branch" else set[str]()
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
            handles=frozenset(self.type.handles_of(config)) | error,
            each=self.type.each(config) if self.type.each else None,
            runs=self.type.runs(config) if self.type.runs else None,
            webhook=self.webhook,
            branch_of=partial(self.type.branch_of, config) if self.type.branch_of else None,
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
            settings=self._settings(node_type),
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

    def _settings(self, node_type: NodeType | None) -> NodeSettings | None:
        try:
            settings = NodeSettings.model_validate(self.shape.data)
        except ValidationError as error:
            for place, message in by_field(error, self.shape.data).items():
                self._add_setting(f"bad_{place[0]}", "data", place, message, keys_at(place, NodeSettings))
            return None
        if node_type is not None:
            self._check_settable(settings, node_type.kind)
        return settings

    def _check_settable(self, settings: NodeSettings, kind: Kind) -> None:
        for name, why in _NOT_SETTABLE.get(kind, {}).items():
            if getattr(settings, name) is not None:
                self._add(f"bad_{name}", f"{name}: {why}", f"data.{name}")
        is_call = kind not in (Kind.DECISION, Kind.RUN)
        if is_call and settings.timeout_seconds and settings.timeout_seconds > MAX_CALL_SECONDS:
            message = f"timeout_seconds: must be at most {MAX_CALL_SECONDS}"
            self._add("bad_timeout_seconds", message, "data.timeout_seconds")

    def _config_fits(self, config: Any, node_type: NodeType) -> bool:
        try:
            node_type.config.model_validate(config)
        except ValidationError as error:
            for place, message in by_field(error, config).items():
                self._add_setting("bad_config", "data.config", place, message, keys_at(place, node_type.config))
            return False
        return True

    def _add_setting(
        self, code: str, parent: str, place: tuple[int | str, ...], message: str, keys: Iterable[str]
    ) -> None:
        path = json_path(place)
        if message == NO_SUCH_KEY:
            message += f"{self.findings.hint(str(place[-1]), keys)}; the keys are {', '.join(sorted(keys)) or 'none'}"
        what = f"config {path}".rstrip() if parent.endswith("config") else path
        self._add(code, f"{what}: {message}", f"{parent}.{path}".rstrip("."))

    def _template(self, config: Any) -> Template:
        template = compile_template(config, self._report_broken)
        for path, expression in template.expressions:
            self._check_names(path, expression)
        return template

    def _check_names(self, path: str, expression: Expression) -> None:
        for name in expression.names.unknown_variables:
            bound = BINDINGS if self.shape.parent_id else BINDINGS - ITEM_BINDINGS
            known = ", ".join(f"${binding}" for binding in sorted(bound))
            guess = self.findings.hint(name, bound, "$")
            self._add_expression("unknown_variable", path, f"${name} is not defined{guess}; there are {known}")
        for name in expression.names.unknown_functions:
            guess = self.findings.hint(name, FUNCTIONS, "$")
            self._add_expression("unknown_function", path, f"there is no function ${name}(){guess}")
        for call in expression.names.wrong_calls:
            self._add_expression("wrong_arguments", path, call)
        for reference in expression.names.secrets:
            if wrong := _wrong_secret(reference):
                self._add_expression("bad_reference", path, wrong)

    def _report_broken(self, broken: TemplateError) -> None:
        self._add_expression("bad_expression", broken.path, str(broken))

    def _add_expression(self, code: str, path: str, message: str) -> None:
        self._add(code, f"config {path}: {message}", f"data.config.{path}" if path else "data.config")


def _wrong_secret(reference: SecretReference) -> str | None:
    """Why a secret can't be taken so; None where it can."""
    if reference.name is None:
        return "$secrets is not there as a whole; take a secret by its name, as in $secrets.api_key"
    if not is_name(reference.name):
        return f'"{reference.name[:100]}" can\'t be the name of a secret; {RULE}'
    if reference.part is not None:
        return f"$secrets.{reference.name} is a text and has no {reference.part}"
    return None
