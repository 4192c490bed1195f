"""http_request: asks an HTTP API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import (
    Field,
    PlainValidator,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationInfo,
    field_validator,
)

from chalicelib.addresses import place
from chalicelib.compiler.node_type import (
    Config,
    Context,
    Example,
    Expression,
    HttpResponse,
    Kind,
    NodeFailure,
    NodeType,
    Result,
    is_drawn,
)
from chalicelib.jsontext import from_text, to_text

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
"""RFC 9110, section 9.2.2."""
RETRYABLE_STATUS = frozenset({429, 502, 503, 504})
ERROR_BODY_CHARACTERS = 2_000
MAX_BODY_DEPTH = 100
MAX_SUCCESS_CODES, MAX_HEADERS, MAX_QUERY = 100, 200, 200

Scalar = StrictStr | StrictInt | StrictFloat | StrictBool | None
QueryList = Annotated[list[Scalar], Field(max_length=MAX_QUERY)]


def _status_code(value: Any) -> Any:
    match = re.fullmatch(r"([1-5])xx|([1-5]\d\d)(?:-([1-5]\d\d))?", str(value))
    if match is None or isinstance(value, bool) or int(match[3] or 599) < int(match[2] or 0):
        raise ValueError('must be statuses from 100 to 599, ranges such as "200-299" or classes such as "2xx"')
    return value


StatusCode = Annotated[StrictInt | StrictStr, PlainValidator(_status_code)]


class HttpRequestConfig(Config):
    """What to ask, and which answers are good."""

    method: StrictStr = Field("GET", description=f"One of {', '.join(METHODS)}.")
    url: StrictStr = Field(description="Where to ask: `http://` or `https://` and a host.")
    headers: Annotated[dict[str, Scalar], Field(max_length=MAX_HEADERS)] | Expression = Field(
        default_factory=dict, description="Names and values; null leaves one out."
    )
    query: Annotated[dict[str, Scalar | QueryList], Field(max_length=MAX_QUERY)] | Expression = Field(
        default_factory=dict, description="Added to the URL; a list gives its name several times, null leaves one out."
    )
    body: Any = Field(None, description="A text is sent as it is, any other JSON as JSON; null sends nothing.")
    success_codes: Annotated[list[StatusCode], Field(min_length=1, max_length=MAX_SUCCESS_CODES)] | Expression = Field(
        default_factory=lambda: list[int | str](("2xx",)),
        description='Which answers are good: statuses, ranges such as "200-299" or classes such as "2xx". Any other'
        " fails the node.",
    )

    @field_validator("method")
    @classmethod
    def _known_method(cls, value: str, info: ValidationInfo) -> str:
        if "{%" in value and is_drawn(info):
            return value
        if value.upper() not in METHODS:
            raise ValueError(f"must be one of {', '.join(METHODS)}{_echo(value, info)}")
        return value.upper()

    @field_validator("url")
    @classmethod
    def _http_url(cls, value: str, info: ValidationInfo) -> str:
        if not ("{%" in value and is_drawn(info)) and not _is_http_url(value):
            raise ValueError(f"must be a URL with http:// or https:// and a host{_echo(value, info)}")
        return value


def _echo(value: str, info: ValidationInfo) -> str:
    """What was drawn is told back; what an expression gave may be a secret."""
    return f', not "{value[:60]}"' if is_drawn(info) else ""


def _is_http_url(value: str) -> bool:
    try:
        url = urlsplit(value)
        return (
            url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and not {" ", "\\"} & {*url.netloc}
        )
    except ValueError:
        return False


def run(config: HttpRequestConfig, context: Context) -> Result:
    """The output is `{status, headers, body}`; a status that is no success fails the node with the answer."""
    headers = {name.lower(): _text(value) for name, value in _mapping(config.headers).items() if value is not None}
    body = _encode(config.body, headers)
    url = _with_query(config.url, _mapping(config.query))
    try:
        response = context.http.request(config.method, url, headers=headers, body=body, timeout=context.timeout_seconds)
    except NodeFailure as failure:
        failure.retryable = failure.retryable and config.method in IDEMPOTENT
        raise
    output = {"status": response.status, "headers": dict(response.headers), "body": _decode(response)}
    if not _is_success(response.status, config.success_codes):
        raise NodeFailure(
            "http_status",
            f"{config.method} {place(url)} answered {response.status}",
            retryable=response.status in RETRYABLE_STATUS and config.method in IDEMPOTENT,
            details={"status": response.status, "body": _excerpt(output["body"])},
        )
    return Result(output)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encode(body: Any, headers: dict[str, str]) -> bytes | None:
    """A text is sent as it is, anything else as JSON; the content type can be set in the headers."""
    if body is None:
        return None
    if isinstance(body, str):
        headers.setdefault("content-type", "text/plain; charset=utf-8")
        return body.encode()
    headers.setdefault("content-type", "application/json")
    return to_text(body).encode()


def _with_query(url: str, query: Mapping[str, Any]) -> str:
    pairs = [
        (name, _text(item))
        for name, value in query.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]
    if not pairs:
        return url
    parts = urlsplit(url)
    joined = "&".join(filter(None, (parts.query, urlencode(pairs))))
    return urlunsplit(parts._replace(query=joined))


def _decode(response: HttpResponse) -> Any:
    """JSON where the answer says or shows that it is; text otherwise; None where there is nothing."""
    if not response.body:
        return None
    content_type = response.headers.get("content-type", "").lower()
    text = _decode_text(response.body, content_type)
    if "json" in content_type or (not content_type and text[:1] in "[{"):
        return _parsed(text)
    return text


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


def _decode_text(body: bytes, content_type: str) -> str:
    """In the charset that the content type names, else UTF-8, without a byte order mark."""
    charset = re.search(r"charset=\"?([\w.:-]+)", content_type)
    try:
        return body.decode(charset[1] if charset else "utf-8-sig", errors="replace").removeprefix("\ufeff")
    except (LookupError, UnicodeError):
        return body.decode(errors="replace")


def _is_success(status: int, codes: Any) -> bool:
    return any(_matches(status, code) for code in codes)


def _matches(status: int, code: int | str) -> bool:
    if isinstance(code, int):
        return status == code
    if code.endswith("xx"):
        return status // 100 == int(code[0])
    low, _, high = code.partition("-")
    return int(low) <= status <= int(high or low)


def _excerpt(body: Any) -> Any:
    text = body if isinstance(body, str) else to_text(body)
    return body if len(text) <= ERROR_BODY_CHARACTERS else f"{text[:ERROR_BODY_CHARACTERS]}… (cut)"


NODE_TYPE = NodeType(
    name="http_request",
    label="HTTP request",
    description="Asks an HTTP API and gives its answer.",
    config=HttpRequestConfig,
    run=run,
    output="`{status, headers, body}`; a body that is JSON is read",
    example=Example(
        graph={
            "nodes": [
                {
                    "id": "order",
                    "type": "http_request",
                    "data": {
                        "config": {
                            "method": "PUT",
                            "url": "https://api.example.com/orders/{% $input.id %}",
                            "headers": {"Authorization": "Bearer {% $input.token %}"},
                            "body": {"product": "{% $input.product %}", "quantity": 2},
                        }
                    },
                },
                {
                    "id": "done",
                    "type": "transform",
                    "data": {"config": {"value": "{% $nodes.order.output.status = 200 ? 'ordered' : 'taken over' %}"}},
                },
            ],
            "edges": [{"id": "e1", "source": "order", "target": "done"}],
        },
        input={"id": 7, "product": "A-7", "token": "s3cr3t"},
        output="ordered",
    ),
    kind=Kind.IO,
    default_attempts=3,
    default_timeout_seconds=30,
)
