"""What the compiler and the runner know of a type of node: its config, its handles, how it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal, NoReturn, Protocol

from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticOmit

from .words import NOT_AN_EXPRESSION


class Kind(Enum):
    """How a node spends its time; decides which unit it may share."""

    PURE = "pure"
    """Microseconds of computing, no input or output."""
    IO = "io"
    """Waits on the outside world inside its Lambda call."""
    WAIT = "wait"
    """Waits in Step Functions, with nothing running."""
    EACH = "each"
    """A container: Step Functions runs what it holds for each of its items."""


class NodeFailure(Exception):  # noqa: N818 - it is what happens to a node, told as `error` in its result
    """The node can't succeed. `retryable`: another attempt may go better, so the default retry applies."""

    def __init__(
        self, code: str, message: str, *, retryable: bool = False, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.details = dict(details or {})

    def as_json(self) -> dict[str, Any]:
        """`{code, message, …details}`: the `error` of a node result."""
        return {"code": self.code, "message": str(self), **self.details}


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer from outside: header names are lower case, the body is as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient(Protocol):
    """What a node may use to speak HTTP."""

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> HttpResponse:
        """Send one request; `timeout` bounds the whole exchange, in seconds. Raises NodeFailure."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a running node gets besides its config."""

    run: Mapping[str, Any]
    """`$run`: id, workflow_id, workspace_id, version, started_at, trigger."""
    input: Any
    http: HttpClient
    timeout_seconds: float
    now: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """How a node ended well. `branch` names the handle it chose where its type has several."""

    output: Any
    branch: str = "out"


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """A node of kind WAIT asks to be continued at a time."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Each:
    """How a container runs its items, as drawn."""

    max_concurrency: int
    """How many items run at once at most."""
    on_item_error: Literal["fail", "continue"]
    """Whether an item that fails fails the container, or is told in its place among the outputs."""


@dataclass(frozen=True, slots=True)
class EachOf:
    """A node of kind EACH asks to run what it holds for each of these."""

    items: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Example:
    """A small workflow in which a node of the type does its work: the type's page shows it, and a test runs it.

    `https://api.example.com` is an API that answers with JSON. A run that succeeds gives `output`; one that fails
    says `error`.
    """

    graph: Mapping[str, Any]
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
    run: Callable[[Any, Context], Result | WaitUntil | EachOf]
    output: str
    """What its output is, in words."""
    example: Example
    kind: Kind = Kind.PURE
    handles: tuple[str, ...] = ("out",)
    """The handles that an edge may leave by, whatever the config."""
    case_handles: str | None = None
    """The key of the config whose texts give a handle `case:<text>` each."""
    each: Callable[[Mapping[str, Any]], Each] | None = None
    """Of kind EACH: how it runs its items, from the config as drawn."""
    default_attempts: int = 1
    """Attempts without a `retry` of the node's own; only failures marked retryable use them."""
    default_timeout_seconds: int = 60

    def handles_of(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """The handles that an edge may leave by, from the config as drawn."""
        cases = config[self.case_handles] if self.case_handles else ()
        return (*(f"case:{text}" for text in cases), *self.handles)


class Config(BaseModel):
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
