"""What a run is given of a request to its webhook: the body by its type, the query, the headers that tell no secret."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from email.message import Message
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from chalicelib.http.content import text_of
from chalicelib.http.headers import received
from chalicelib.requests import check_storable, parse_json

if TYPE_CHECKING:
    from .schemas import Asked

FORM = "application/x-www-form-urlencoded"

_SECRET = re.compile("auth|cookie|token|secret|signature|password|credential|api-?key")
"""In the name of a header whose value is not to be kept."""


def run_input(asked: Asked, signature_header: str | None) -> dict[str, Any]:
    """`{body, headers, query}`. Raises MalformedError for a body that is not of its type."""
    headers = {
        name: received(value)
        for name, value in asked.headers.items()
        if name != signature_header and not _SECRET.search(name)
    }
    body = parse_body(asked.body, asked.headers.get("content-type", ""))
    found = {"body": body, "headers": headers, "query": _single(asked.query)}
    check_storable(found)
    return found


def parse_body(body: bytes, content_type: str) -> Any:
    """JSON is read, a form becomes an object, a text stays one, all else is in base64; nothing is null.

    Without a type it is JSON or a text if it can be. Raises MalformedError.
    """
    kind = _kind(content_type)
    if not body:
        return None
    if kind == "application/json" or kind.endswith("+json"):
        return parse_json(body)
    if kind == FORM:
        return _single(parse_qs(text_of(body, content_type), keep_blank_values=True))
    if kind.startswith("text/") or kind in ("application/xml", "application/javascript") or kind.endswith("+xml"):
        return text_of(body, content_type)
    if not kind:
        return _guessed(body)
    return base64.b64encode(body).decode()


def _kind(content_type: str) -> str:
    """The media type in lower case."""
    message = Message()
    message["content-type"] = content_type
    return message.get_content_type() if content_type.strip() else ""


def _guessed(body: bytes) -> Any:
    if body.lstrip()[:1] in (b"{", b"["):
        return parse_json(body)
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()


def _single(values: Mapping[str, list[str]]) -> dict[str, Any]:
    """A text where a name comes once, a list where it comes several times."""
    return {name: found[0] if len(found) == 1 else list(found) for name, found in values.items()}
