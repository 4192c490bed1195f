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
from .numbers import in_64_bits
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
    value, told = _evaluated(source, bindings, own)
    if told is not None:
        raise explained(source, told, lambda text, mark: _evaluated(text, bindings, own, mark)[1])
    _check(value)
    return value


def _evaluated(
    text: str, bindings: Mapping[str, Any], own: tuple[str, ...], mark: Callable[..., None] | None = None
) -> tuple[Any, str | None]:
    """A value and None, or None and what JSONata says of its failure.

    What jsonatapy compiles may be neither used nor dropped by another thread. So it is compiled anew each time, in
    microseconds, and no exception leaves that would keep it alive by its traceback.
    """
    try:
        expression = jsonatapy.compile(text)
        register(expression, own)
        if mark:
            expression.register(MARK, mark)
        limits = {"timeout": TIMEOUT_MS, "max_stack_depth": STACK_DEPTH, "max_sequence_length": SEQUENCE_LENGTH}
        try:
            return expression.evaluate(None, dict(bindings), **limits), None
        except OverflowError:
            return expression.evaluate(None, in_64_bits(dict(bindings)), **limits), None
    except ValueError as error:
        return None, str(error)
    except (TypeError, OverflowError, RecursionError) as error:
        return None, type(error).__name__
    except BaseException as error:
        # A panic in jsonatapy is no Exception, and would end the worker of Step Functions instead of the node.
        if type(error).__name__ != "PanicException":
            raise
        return None, "panic"


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
