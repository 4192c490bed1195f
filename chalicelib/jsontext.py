"""JSON that Postgres can keep: no NUL, no lone surrogate, no number beyond a double."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

SURELY_64_BITS = 19
"""Fewer characters than this are an integer of 64 bits."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def to_text(value: Any, *, sort_keys: bool = False) -> str:
    """A JSON text. Raises ValueError for NaN and infinities, TypeError for what is no JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys)


def from_text(text: str | bytes) -> Any:
    """Read strict JSON; an integer beyond 64 bits becomes a double, as in JavaScript and JSONata.

    Raises ValueError, also for NaN and numbers too large, and RecursionError.
    """
    return json.loads(text, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer)


def iso8601(moment: datetime) -> str:
    """A moment in UTC as the API writes it: `2030-01-31T08:00:00.000000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def flaw(text: str) -> tuple[str, str] | None:
    """Why Postgres can't keep a text, as a code and words; None where it can."""
    if "\0" in text:
        return "nul_character", "a text can't hold the NUL character (\\u0000)"
    if not text.isascii() and _SURROGATE.search(text):
        return "lone_surrogate", "a text can't hold half of a surrogate pair (\\ud800 to \\udfff)"
    return None


def first_flaw(value: Any) -> tuple[str, str] | None:
    """The first flaw of any text in a JSON value, its keys included."""
    if isinstance(value, str):
        return flaw(value)
    if isinstance(value, dict):
        return next(filter(None, (first_flaw(item) for pair in value.items() for item in pair)), None)
    return next(filter(None, map(first_flaw, value)), None) if isinstance(value, list) else None


def escaped(value: Any) -> Any:
    """The value with what Postgres can't keep written as an escape: for messages, never for results."""
    if isinstance(value, str):
        return value.replace("\0", "\\u0000").encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {escaped(key): escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON value")


def _integer(text: str) -> int | float:
    if len(text) < SURELY_64_BITS:
        return int(text)
    number = _finite(text)
    return int(text) if abs(number) < 2**63 else number


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text} is too large")
    return number
