"""What methods and statuses mean (RFC 9110): which requests may be made again, which answers are good, and when to
ask again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any

from pydantic import PlainValidator, StrictInt, StrictStr

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
"""Section 9.2.2."""
RETRYABLE = frozenset({429, 502, 503, 504})
SAYS_WHEN = frozenset({429, 503})
"""Those whose Retry-After is meant for the request that was sent."""

LONGEST = 10**9
"""Seconds: whoever asks for more than these thirty years asks for ever."""


def _status_code(value: Any) -> Any:
    match = re.fullmatch(r"([1-5])xx|([1-5]\d\d)(?:-([1-5]\d\d))?", str(value))
    if match is None or isinstance(value, bool) or int(match[3] or 599) < int(match[2] or 0):
        raise ValueError('must be statuses from 100 to 599, ranges such as "200-299" or classes such as "2xx"')
    return value


StatusCode = Annotated[StrictInt | StrictStr, PlainValidator(_status_code)]


def is_success(status: int, codes: Iterable[int | str]) -> bool:
    """Whether one of the codes matches."""
    return any(_matches(status, code) for code in codes)


def _matches(status: int, code: int | str) -> bool:
    if isinstance(code, int):
        return status == code
    if code.endswith("xx"):
        return status // 100 == int(code[0])
    low, _, high = code.partition("-")
    return int(low) <= status <= int(high or low)


def seconds_of(retry_after: str, now: datetime) -> float | None:
    """How long to wait by a Retry-After (RFC 9110, section 10.2.3), at least a second; None where it can't be read."""
    if re.fullmatch(r"\d+", retry_after, re.ASCII):
        digits = retry_after.lstrip("0") or "0"
        return max(1, int(digits)) if len(digits) < len(str(LONGEST)) else LONGEST
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(1, round((moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds(), 3))
