"""What the compiler and the runner know of a type of node: its config, its handles, what it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn
from uuid import UUID

from pydantic import ConfigDict, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticOmit

from chalicelib.model import Model

from .terms import Kind
from .webhook import Webhook
from .words import NOT_AN_EXPRESSION

if TYPE_CHECKING:
    from chalicelib.node_contract import Context, NodeOutcome


@dataclass(frozen=True, slots=True)
class Each:
    """How a container runs its items, as drawn."""

    max_concurrency: int
    """How many items run at once at most."""
    on_item_error: Literal["fail", "continue"]
    """Whether an item that fails fails the container, or is told in its place among the outputs."""


@dataclass(frozen=True, slots=True)
class WorkflowReference:
    """Which workflow a node of kind RUN runs, where that can be seen in the drawing."""

    workflow_id: UUID
    version: int | None


@dataclass(frozen=True, slots=True)
class Example:
    """A small workflow in which a node of the type does its work: the type's page shows it, and a test runs it.

    `https://api.example.com` is an API that answers with JSON. A run that succeeds gives `output`; one that fails
    says `error`. `needs` says in words what else there must be or happen.
    """

    graph: Mapping[str, Any]
    needs: str = ""
    input: Any = None
    output: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NodeType:
    """A type of node. `run` gets the config with its expressions evaluated, validated again, and the context."""

    name: str
    label: str
    description: str
    """What it does, in one sentence."""
    config: type[Config]
    run: Callable[[Any, Context], NodeOutcome]
    output: str
    """What its output is, in words."""
    example: Example
    kind: Kind = Kind.PURE
    handles: tuple[str, ...] = ("out",)
    """The handles that an edge may leave by, whatever the config."""
    case_handles: str | None = None
    """The key of the config whose texts give a handle `case:<text>` each."""
    branch_of: Callable[[Mapping[str, Any], Any], str | None] | None = None
    """Of a type with several handles: by which one it goes on with an output, from the config as drawn; None where
    that output does not tell."""
    each: Callable[[Mapping[str, Any]], Each] | None = None
    """Of kind EACH: how it runs its items, from the config as drawn."""
    webhook: Callable[[Mapping[str, Any]], Webhook | None] | None = None
    """Of a type that may be asked from outside: what it wants of requests, from the config as drawn."""
    runs: Callable[[Mapping[str, Any]], WorkflowReference | None] | None = None
    """Of kind RUN: what it runs, from the config as drawn."""
    default_attempts: int = 1
    """Attempts without a `retry` of the node's own; only failures marked retryable use them."""
    default_timeout_seconds: int = 60

    def handles_of(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """The handles that an edge may leave by, from the config as drawn."""
        cases = config[self.case_handles] if self.case_handles else ()
        return (*(f"case:{text}" for text in cases), *self.handles)


class Config(Model):
    """The base of every config: a key that no one reads is a typo, so it is refused.

    Each field has a description: palettes and the type's page show it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


def is_expression(value: object) -> bool:
    """Whether the value is one whole expression, `{% … %}`."""
    return isinstance(value, str) and value.strip().startswith("{%") and value.strip().endswith("%}")


def is_drawn(info: ValidationInfo) -> bool:
    """Whether a config is checked as drawn, with its expressions still in it, or evaluated."""
    return not (info.context or {}).get("evaluated")


def _whole_expression(value: object, info: ValidationInfo) -> str:
    if is_expression(value) and is_drawn(info):
        return str(value)
    raise ValueError(NOT_AN_EXPRESSION)


def _evaluated(value: object, info: ValidationInfo) -> object:
    if is_drawn(info):
        raise ValueError(NOT_AN_EXPRESSION)
    return value


class _NeverDrawn:
    """The schema of a config is that of a drawn one."""

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: object, _handler: object) -> NoReturn:
        raise PydanticOmit


Expression = Annotated[
    str,
    PlainValidator(_whole_expression),
    WithJsonSchema({"type": "string", "format": "expression", "pattern": r"^\s*\{%[\s\S]*%\}\s*$"}),
]
"""In a field's type: the field may be drawn as an expression. Evaluated configs no longer match it."""

Evaluated = Annotated[Any, PlainValidator(_evaluated), _NeverDrawn]
"""In a field's type: whatever an expression gives; the node itself says what is wrong with it."""
