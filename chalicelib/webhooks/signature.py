"""Whether a request was signed with a key, by its headers and the bytes of its body. Pure."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.compiler.webhook import Hmac

SLACK_TIME = "x-slack-request-timestamp"


class SignatureError(ValueError):
    """A request is not signed as it must be."""


def verify(asked: Hmac, key: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Raises SignatureError. Header names are lower case; `now` is in seconds since 1970."""
    given = headers.get(asked.header_name, "").strip()
    if not given:
        raise SignatureError(f"the header {asked.header_name} with the signature is missing")
    if asked.format == "stripe":
        time, signatures = _of_stripe(given)
        signed = time.encode() + b"." + body
    elif asked.format == "slack":
        time, signatures = headers.get(SLACK_TIME, ""), [given.removeprefix("v0=")]
        signed = b"v0:" + time.encode() + b":" + body
    else:
        time, signatures, signed = None, [_without_prefix(given, asked.algorithm)], body
    digest = hmac.digest(key.encode(), signed, asked.algorithm)
    expected = list(_written(digest, asked.format))
    if not any(_is_equal(signature, each) for signature in signatures for each in expected):
        raise SignatureError(f"the signature in the header {asked.header_name} is not that of this request")
    if time is not None:
        _check_time(time, asked.tolerance_seconds, now)


def _of_stripe(given: str) -> tuple[str, list[str]]:
    """`t=<time>,v1=<signature>`, with a signature for each key that is in use
    (https://docs.stripe.com/webhooks#verify-manually)."""
    pairs = [part.strip().partition("=") for part in given.split(",")]
    time = next((value for name, _, value in pairs if name == "t"), "")
    return time, [value for name, _, value in pairs if name == "v1"]


def _without_prefix(given: str, algorithm: str) -> str:
    prefix = f"{algorithm}="
    return given[len(prefix) :] if given.lower().startswith(prefix) else given


def _written(digest: bytes, form: str) -> Iterator[str]:
    """As the header may have it."""
    if form == "base64":
        yield base64.b64encode(digest).decode()
        yield base64.urlsafe_b64encode(digest).decode()
    else:
        yield digest.hex()
        yield digest.hex().upper()


def _is_equal(given: str, expected: str) -> bool:
    """Takes the same time wherever they differ."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _check_time(time: str, tolerance: int, now: float) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", time):
        raise SignatureError("the signed time is not one in seconds since 1970")
    away = abs(now - int(time))
    if away > tolerance:
        raise SignatureError(f"the signed time is {away:.0f} seconds from now; at most {tolerance} are allowed")
