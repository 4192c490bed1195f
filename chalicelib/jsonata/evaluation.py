"""Evaluating a JSONata text within limits of time, depth and length, with our functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jsonatapy

from .errors import ExpressionError
from .failures import explained
from .functions import OWN, register
from .tokens import tokens
from .tracing import MARK

TIMEOUT_MS = 1_000
STACK_DEPTH = 200
SEQUENCE_LENGTH = 100_000


def evaluate(source: str, bindings: Mapping[str, Any]) -> Any:
    """The value of a text that parses; JSONata's `undefined` is None. Raises ExpressionError, also past the limits.

    Memory has no limit here: a text that may make much of what it is given belongs in the sandbox.
    """
    own = _own_functions(source)

    def told_with_marks(text: str, mark: Callable[..., None]) -> str | None:
        try:
            _evaluate(text, bindings, own, mark)
        except ValueError as error:
            return str(error)
        return None

    try:
        value = _evaluate(source, bindings, own)
    except ValueError as error:
        raise explained(source, str(error), told_with_marks) from None
    _check(value)
    return value


def _evaluate(
    text: str, bindings: Mapping[str, Any], own: tuple[str, ...], mark: Callable[..., None] | None = None
) -> Any:
    """Raises ValueError with the words of JSONata.

    What jsonatapy compiles may not leave its thread. So a text is compiled anew, in microseconds, and the failure that
    is told is not the one that was raised: that keeps the frames it came through, for any thread to collect.
    """
    expression: Any = None
    try:
        expression = jsonatapy.compile(text)
        register(expression, own)
        if mark:
            expression.register(MARK, mark)
        limits = {"timeout": TIMEOUT_MS, "max_stack_depth": STACK_DEPTH, "max_sequence_length": SEQUENCE_LENGTH}
        return expression.evaluate(None, dict(bindings), **limits)
    except ValueError as error:
        failure = str(error)
    except (TypeError, OverflowError, RecursionError) as error:
        failure = type(error).__name__
    except BaseException as error:
        # A panic in jsonatapy is no Exception, and would end the worker of Step Functions instead of the node.
        if type(error).__name__ != "PanicException":
            raise
        failure = "panic"
    expression = None  # this frame is kept, too
    raise ValueError(failure)


@lru_cache(maxsize=4096)
def _own_functions(source: str) -> tuple[str, ...]:
    named = {token.text[1:] for token in tokens(source) if token.kind == "variable"}
    return tuple(sorted(named & OWN.keys()))


def _check(value: Any) -> None:
    try:
        if _has_infinity(value):
            raise ExpressionError("a number in the result is infinite; was something divided by zero?")
    except RecursionError:
        raise ExpressionError("its value is nested too deep") from None


def _has_infinity(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_has_infinity, value.values()))
    return isinstance(value, list) and any(map(_has_infinity, value))
