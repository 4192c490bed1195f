"""What the compiler and the runner know of a type of node: its config, its handles, how it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, NoReturn, Protocol
from uuid import UUID

from pydantic import ConfigDict, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticOmit

from chalicelib.model import Model

from .terms import Kind
from .webhook import Webhook
from .words import NOT_AN_EXPRESSION


class NodeFailure(Exception):  # noqa: N818 - it is what happens to a node, told as `error` in its result
    """The node can't succeed. `retryable`: another attempt may go better, so the default retry applies. If there is
    one, it is made in `wait_seconds` at the earliest."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        wait_seconds: float = 0,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.wait_seconds = wait_seconds
        self.details = dict(details or {})

    def redact(self, redacted: Callable[[Any], Any]) -> None:
        """Take out what may not be told."""
        self.args = (redacted(str(self)),)
        self.details = redacted(self.details)

    def as_json(self) -> dict[str, Any]:
        """`{code, message, …details}`: the `error` of a node result."""
        return {"code": self.code, "message": str(self), **self.details}


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer from outside: header names are lower case, the body is as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    """Where it came from, after all redirects."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a request may take, within the operator's size limit."""

    seconds: float
    """For the whole exchange, with all redirects."""
    connect_seconds: float = 10
    """For each step of connecting: looking up the name, reaching an address, agreeing on TLS."""
    read_seconds: float | None = None
    """How long the other side may be silent; None is as long as the request may take."""
    max_redirects: int = 5
    """With 0 a redirect is an answer like another."""
    max_bytes: int | None = None
    """Of the answer's body, unpacked; None is the operator's limit."""


class HttpClient(Protocol):
    """What a node may use to speak HTTP."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        limits: HttpLimits,
    ) -> HttpResponse:
        """Send one request and read the whole answer. Raises NodeFailure."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What passes time, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Targets(Protocol):
    """What a node may reach in the account, as far as its workspace may. All raise NodeFailure."""

    def invoke(self, function_name: str, payload: Any, seconds: int) -> Any:
        """What a function returns."""

    def put_event(self, event_bus: str, source: str, detail_type: str, detail: Mapping[str, Any], seconds: int) -> str:
        """The id of an event."""

    def publish(self, topic_arn: str, message: str, more: Mapping[str, Any], seconds: int) -> str:
        """The id of a message to a topic."""

    def send_message(self, queue_url: str, message: str, more: Mapping[str, Any], seconds: int) -> str:
        """The id of a message to a queue."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a running node gets besides its config."""

    run: Mapping[str, Any]
    """`$run`: id, workflow_id, workspace_id, version, started_at, trigger."""
    input: Any
    http: HttpClient
    targets: Targets
    timeout_seconds: int
    now: datetime
    max_output_bytes: int = 6 * 1024 * 1024
    clock: Clock = Clock()
    redacted: Callable[[Any], Any] = lambda value: value
    """Takes secrets out of a value; only what cuts a part out of it needs to, all else is redacted in the end."""


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
class DecisionWanted:
    """A node of kind DECISION asks for one of its handles."""

    message: str
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class RunWanted:
    """A node of kind RUN asks for a run of a workflow; of its current version where `version` is None."""

    workflow_id: UUID
    version: int | None
    input: Any
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class WorkflowReference:
    """Which workflow a node of kind RUN runs, where that can be seen in the drawing."""

    workflow_id: UUID
    version: int | None


NodeOutcome = Result | WaitUntil | EachOf | DecisionWanted | RunWanted


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
