"""What a node gets when it runs, without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from chalicelib.node_contract import Clock, Context, HttpLimits, HttpResponse, NodeFailure, Result, WaitUntil
from chalicelib.nodes import node_types
from chalicelib.redaction import redaction

NOW = datetime(2030, 1, 31, 8, tzinfo=UTC)


@dataclass
class FakeHttp:
    """Answers every request alike and keeps what it was asked."""

    answer: HttpResponse | NodeFailure = field(default_factory=lambda: HttpResponse(200, {}, b""))
    asked: list[dict[str, Any]] = field(default_factory=list)

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, limits: HttpLimits
    ) -> HttpResponse:
        self.asked.append({"method": method, "url": url, "headers": headers, "body": body, "limits": limits})
        answer = self.next_answer()
        if isinstance(answer, NodeFailure):
            raise answer
        return answer

    def next_answer(self) -> HttpResponse | NodeFailure:
        return self.answer


class Nothing:
    """There is nothing in the account."""

    def invoke(self, function_name: str, payload: Any, seconds: int) -> Any:
        raise AssertionError((function_name, payload, seconds))

    def put_event(self, *event: Any) -> str:
        raise AssertionError(event)

    def publish(self, *message: Any) -> str:
        raise AssertionError(message)

    def send_message(self, *message: Any) -> str:
        raise AssertionError(message)


@dataclass
class InTurn(FakeHttp):
    """Gives its answers one after another, and calls `then` after each."""

    answers: list[HttpResponse | NodeFailure] = field(default_factory=list)
    then: Callable[[], None] = lambda: None

    def next_answer(self) -> HttpResponse | NodeFailure:
        self.then()
        return self.answers[len(self.asked) - 1]


@dataclass
class FakeTime:
    """Passes only where someone sleeps, or a test says so."""

    seconds: float = 0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.sleep)


def run(
    type_name: str,
    config: Mapping[str, Any],
    http: FakeHttp | None = None,
    run_input: Any = None,
    time: FakeTime | None = None,
    max_output_bytes: int = 1_000_000,
    secrets: Iterable[str] = (),
) -> Result | WaitUntil:
    """Run a node on a config whose expressions were evaluated."""
    node_type = node_types()[type_name]
    context = Context(
        run={},
        input=run_input,
        http=http or FakeHttp(),
        targets=Nothing(),
        timeout_seconds=7,
        now=NOW,
        max_output_bytes=max_output_bytes,
        redacted=redaction(frozenset(secrets)),
        clock=(time or FakeTime()).clock,
    )
    return node_type.run(node_type.config.model_validate(config, context={"evaluated": True}), context)


def refused(type_name: str, config: Any, *, evaluated: bool = False) -> set[str]:
    """The settings that are refused in a config; `""` for the config as a whole."""
    try:
        node_types()[type_name].config.model_validate(config, context={"evaluated": evaluated})
    except ValidationError as error:
        return {str(detail["loc"][0]) if detail["loc"] else "" for detail in error.errors()}
    return set()
