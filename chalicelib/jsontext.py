"""JSON that Postgres can keep: no NUL, no lone surrogate, no number beyond a double."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

WRITTEN_OUT = 40
"""An integer of so many characters stays one. A longer one is a double where that says exactly the same: Postgres
writes `1e308` with all its zeros."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def to_text(value: Any, *, sort_keys: bool = False) -> str:
    """A JSON text. Raises ValueError for NaN and infinities, TypeError for what is no JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys)


def _too_large(number: str) -> float:
    raise ValueError(f"the number {number[:WRITTEN_OUT]}{'…' * (len(number) > WRITTEN_OUT)} is too large")


def from_text(text: str | bytes, beyond_doubles: Callable[[str], float] = _too_large) -> Any:
    """Read strict JSON; an integer is exact. `beyond_doubles` gives what stands for a number that is none.

    Raises ValueError, also for NaN and numbers too large, and RecursionError.
    """

    def finite(number: str) -> float:
        found = float(number)
        return beyond_doubles(number) if math.isinf(found) else found

    def integer(digits: str) -> int | float:
        if len(digits) <= WRITTEN_OUT:
            return int(digits)
        found = finite(digits)
        return found if math.isinf(found) or Decimal(repr(found)) == int(digits) else int(digits)

    return json.loads(text, parse_constant=_no_constant, parse_float=finite, parse_int=integer)


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
