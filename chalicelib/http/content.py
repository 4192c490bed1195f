"""Bodies of requests and answers: JSON, forms and texts, as bytes and as values."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from chalicelib.jsontext import from_text, to_text

if TYPE_CHECKING:
    from chalicelib.node_contract import HttpResponse

BodyType = Literal["json", "form", "text"]
MAX_BODY_DEPTH = 100

_JSON_TYPE = re.compile(r"\s*[\w.-]+/([\w.-]+[+-])?json\s*(;|$)")
_CHARSET = re.compile(
    r"utf-?(8|16|32)([bl]e)?|(us-)?ascii|latin-?1|iso-?8859-\d+|(windows-|cp)\d+|koi8-[ru]|mac\w*"
    r"|shift[_-]?jis|euc-?(jp|kr)|iso-2022-jp|gb(k|2312|18030)|big5"
)
"""What texts come in. Python knows more, some of which takes minutes for a megabyte (punycode)."""

JSON, FORM, TEXT = "application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-8"


def encoded(body: Any, body_type: BodyType | None) -> tuple[str, bytes]:
    """The content type and the bytes of a body that fits its type; without one a text is sent as it is, anything else
    as JSON. Raises UnicodeEncodeError for half of a surrogate pair."""
    if body_type == "form":
        return FORM, urlencode(list(pairs(body))).encode()
    if body_type == "text" or (body_type is None and isinstance(body, str)):
        return TEXT, as_text(body).encode()
    return JSON, to_text(body).encode()


def misfit(body: Any, body_type: BodyType | None) -> str | None:
    """Why a body can't be sent as this type, in words; None where it can."""
    if body_type == "form" and not (isinstance(body, dict) and all(map(_is_field, body.values()))):
        return "must be an object of texts, numbers, true, false, null or lists of those, as a form has no other values"
    if body_type == "text" and not _is_scalar(body):
        return 'must be a text; an object or a list is sent as "json"'
    return None


def pairs(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values of a query or a form: a list gives its name several times, null leaves one out."""
    for name, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                yield name, as_text(item)


def as_text(value: Any) -> str:
    """A text, a number, or `true` and `false`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _is_field(value: Any) -> bool:
    return all(map(_is_scalar, value)) if isinstance(value, list) else _is_scalar(value)


def decoded(response: HttpResponse) -> dict[str, Any]:
    """`{body}`: JSON where the answer says or shows that it is, text otherwise, None where there is nothing.

    What is no text in its charset is in base64, and `body_encoding` says so: nothing of it is lost.
    """
    if not response.body:
        return {"body": None}
    content_type = response.headers.get("content-type", "").lower()
    text = _readable(response.body, content_type)
    if text is None:
        return {"body": b64encode(response.body).decode(), "body_encoding": "base64"}
    if _JSON_TYPE.match(content_type) or (not content_type and text[:1] in "[{"):
        return {"body": _parsed(text)}
    return {"body": text}


def _readable(body: bytes, content_type: str) -> str | None:
    """None where the body is no text, or one with a NUL, which Postgres can't keep."""
    try:
        text = text_of(body, content_type, "strict")
    except UnicodeError:
        return None
    return None if "\0" in text else text


def _parsed(text: str) -> Any:
    """The text itself where it is no JSON, or JSON so deep that what reads it later could not."""
    try:
        value = from_text(text)
    except (ValueError, RecursionError):
        return text
    may_be_deep = text.count("[") + text.count("{") > MAX_BODY_DEPTH
    return text if may_be_deep and _is_deeper(value, MAX_BODY_DEPTH) else value


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    items = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in items)


def text_of(body: bytes, content_type: str, errors: str = "replace") -> str:
    """In the charset that the content type names, else UTF-8, without a byte order mark."""
    named = re.search(r"charset=[\"']?([\w:-]+)", content_type.lower())
    charset = named[1] if named and _CHARSET.fullmatch(named[1]) else "utf-8"
    try:
        return body.decode(charset, errors).removeprefix("\ufeff")
    except LookupError:
        return body.decode(errors=errors).removeprefix("\ufeff")
