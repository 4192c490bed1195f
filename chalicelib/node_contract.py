"""What a running node is given, and how it may end: all that a node and whoever runs it know of each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


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


NodeOutcome = Result | WaitUntil | EachOf | DecisionWanted | RunWanted
