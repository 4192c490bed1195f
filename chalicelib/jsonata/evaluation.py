"""Evaluating a JSONata text within limits of time, depth and length, with our functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jsonatapy

from .errors import ExpressionError
from .failures import explained
from .functions import OWN, register
from .tokens import tokens

TIMEOUT_MS = 1_000
STACK_DEPTH = 200
SEQUENCE_LENGTH = 100_000


def evaluate(source: str, bindings: Mapping[str, Any]) -> Any:
    """The value of a text that parses; JSONata's `undefined` is None. Raises ExpressionError, also past the limits.

    It is compiled anew, in microseconds: what jsonatapy compiles may not leave its thread. Memory has no limit here:
    a text that `growth` does not call small belongs in the sandbox.
    """
    try:
        value = _evaluate(source, bindings, _own_functions(source), {})
    except ValueError as error:
        raise explained(source, str(error), lambda text, also: _retrace(text, bindings, source, also)) from None
    if _has_infinity(value):
        raise ExpressionError("a number in the result is infinite; was something divided by zero?")
    return value


def _evaluate(source: str, bindings: Mapping[str, Any], own: tuple[str, ...], also: Mapping[str, Any]) -> Any:
    """Raises ValueError with the words of JSONata."""
    try:
        expression = jsonatapy.compile(source)
        register(expression, own)
        for name, function in also.items():
            expression.register(name, function)
        return expression.evaluate(
            None,
            dict(bindings),
            timeout=TIMEOUT_MS,
            max_stack_depth=STACK_DEPTH,
            max_sequence_length=SEQUENCE_LENGTH,
        )
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(type(error).__name__) from None
    except BaseException as error:
        # A panic in jsonatapy is no Exception, and would end the worker of Step Functions instead of the node.
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError("panic") from None


def _retrace(text: str, bindings: Mapping[str, Any], source: str, also: Mapping[str, Any]) -> str | None:
    """What a text with marks in it fails with."""
    try:
        _evaluate(text, bindings, _own_functions(source), also)
    except ValueError as error:
        return str(error)
    return None


@lru_cache(maxsize=4096)
def _own_functions(source: str) -> tuple[str, ...]:
    named = {token.text[1:] for token in tokens(source) if token.kind == "variable"}
    return tuple(sorted(named & OWN.keys()))


def _has_infinity(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_has_infinity, value.values()))
    return isinstance(value, list) and any(map(_has_infinity, value))
