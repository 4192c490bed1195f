"""Corrections of how moto waits: to the moment, and no longer than its execution lives."""

# ruff: noqa: SLF001 - moto's insides are what this file is about

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl import JitterStrategyDecl
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment

_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_LONGEST_WAIT_AT_ONCE = 3600.0


class Ending(threading.Event):
    """The end of an environment: it stays set, and tells those who asked."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners: list[Callable[[], None]] = []

    def set(self) -> None:
        """End, and tell who asked."""
        super().set()
        for listener in tuple(self._listeners):
            listener()

    def clear(self) -> None:
        """Stay set: an environment that has ended never runs again."""

    def on_set(self, listener: Callable[[], None]) -> None:
        """Call the listener at the end, which may have been already."""
        self._listeners.append(listener)
        if self.is_set():
            listener()


def remember_the_end_of_an_environment() -> None:
    """What waits ends with its execution; moto sets and clears an event, which is easily missed."""
    initialise = Environment.__init__

    def initialise_with_ending(self: Any, *args: Any, **kwargs: Any) -> None:
        initialise(self, *args, **kwargs)
        self.program_state_event = Ending()

    Environment.__init__ = initialise_with_ending


def keep_the_first_end_of_an_environment() -> None:
    """What ended an execution stays its end; in moto an error of a state that runs on replaces it."""
    set_error = Environment.set_error

    def set_error_once(self: Any, error: Any) -> None:
        with self._state_mutex:
            if self._program_state is None or self.is_running():
                set_error(self, error)

    Environment.set_error = set_error_once


def wait_until_the_moment() -> None:
    """A Wait ends at its moment or at StopExecution; moto counts whole seconds, and waits on by recursion."""

    def wait(_self: Any, env: Any, wait_seconds: float) -> None:
        deadline = time.monotonic() + wait_seconds
        while env.is_running() and (left := deadline - time.monotonic()) > 0:
            env.program_state_event.wait(min(left, _LONGEST_WAIT_AT_ONCE))

    WaitFunction._wait_interval = wait


def wait_for_a_timestamp_in_utc() -> None:
    """Timestamp honours fractions and offsets; moto cuts to seconds and takes UTC as local time."""

    def parse(timestamp: str) -> datetime | None:
        try:
            return datetime.fromisoformat(timestamp) if _TIMESTAMP.fullmatch(timestamp) else None
        except ValueError:
            return None

    def seconds_left(self: Any, env: Any) -> float:
        self.string.eval(env=env)
        text = env.stack.pop()
        moment = parse(text)
        if moment is None:
            raise FailureEventException(self._create_failure_event(env, text))
        return (moment - datetime.now(UTC)).total_seconds()

    def wait(self: Any, env: Any) -> None:
        while env.is_running() and (left := seconds_left(self, env)) > 0:
            self._wait_interval(env=env, wait_seconds=left)

    Timestamp._from_timestamp_string = staticmethod(parse)
    Timestamp._eval_body = wait


def end_the_pause_of_a_retry() -> None:
    """StopExecution ends the pause before a retry; moto sleeps it out."""
    evaluate = JitterStrategyDecl._eval_body

    def evaluate_and_pause(self: Any, env: Any) -> None:
        evaluate(self, env)
        env.program_state_event.wait(env.stack.pop())
        env.stack.append(0)  # moto sleeps for what it finds here

    JitterStrategyDecl._eval_body = evaluate_and_pause


CORRECTIONS = (
    remember_the_end_of_an_environment,
    keep_the_first_end_of_an_environment,
    wait_until_the_moment,
    wait_for_a_timestamp_in_utc,
    end_the_pause_of_a_retry,
)
