"""What the compiler and the runner know of a type of node: its config, its handles, how it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationInfo

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
    DECISION = "decision"
    """Waits in Step Functions until someone decides."""
    RUN = "run"
    """Waits in Step Functions for the run of another workflow, which it starts."""


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


def only_out(_config: Mapping[str, Any]) -> tuple[str, ...]:
    """The handles of a type with the default output alone."""
    return ("out",)


@dataclass(frozen=True, slots=True)
class NodeType:
    """A type of node. `run` gets the config with its expressions evaluated, validated again, and the context."""

    name: str
    label: str
    description: str
    config: type[Config]
    run: Callable[[Any, Context], NodeOutcome]
    kind: Kind = Kind.PURE
    handles: Callable[[Mapping[str, Any]], tuple[str, ...]] = field(default=only_out)
    """The handles an edge may leave by, from the config as drawn."""
    each: Callable[[Mapping[str, Any]], Each] | None = None
    """Of kind EACH: how it runs its items, from the config as drawn."""
    runs: Callable[[Mapping[str, Any]], WorkflowReference | None] | None = None
    """Of kind RUN: what it runs, from the config as drawn."""
    default_attempts: int = 1
    """Attempts without a `retry` of the node's own; only failures marked retryable use them."""
    default_timeout_seconds: int = 60


class Config(BaseModel):
    """The base of every config: a key that no one reads is a typo, so it is refused."""

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


Expression = Annotated[str, PlainValidator(_whole_expression)]
"""In a field's type: the field may be drawn as an expression. Evaluated configs no longer match it."""

Evaluated = Annotated[Any, PlainValidator(_evaluated)]
"""In a field's type: whatever an expression gives; the node itself says what is wrong with it."""
