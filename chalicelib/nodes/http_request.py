"""http_request: asks an HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationInfo,
    field_validator,
)

from chalicelib.compiler.node_type import Config, Example, Expression, NodeType, is_drawn, is_expression
from chalicelib.compiler.settings import MAX_CALL_SECONDS, Whole
from chalicelib.compiler.terms import Kind
from chalicelib.http.content import BodyType, as_text, decoded, encoded, misfit, pairs
from chalicelib.http.headers import OWN, credentials, flaw, for_origin, has_twice
from chalicelib.http.pages import Page, Pages, read_pages
from chalicelib.http.semantics import IDEMPOTENT, METHODS, RETRYABLE, SAYS_WHEN, StatusCode, is_success, seconds_of
from chalicelib.http.urls import BadUrlError, check_beginning, checked, origin, parsed, place, with_query
from chalicelib.jsontext import to_text
from chalicelib.node_contract import Context, HttpLimits, HttpResponse, NodeFailure, Result

ERROR_BODY_CHARACTERS = 2_000
MAX_SUCCESS_CODES, MAX_HEADERS, MAX_QUERY = 100, 200, 200
MAX_REDIRECTS = 20

Scalar = StrictStr | StrictInt | StrictFloat | StrictBool | None
QueryList = Annotated[list[Scalar], Field(max_length=MAX_QUERY)]
Seconds = Annotated[float, Field(gt=0, le=MAX_CALL_SECONDS, strict=True)]


class HttpRequestConfig(Config):
    """A request, how long and how far it may go, and which answers are good."""

    method: StrictStr = Field("GET", description=f"One of {', '.join(METHODS)}.")
    url: StrictStr = Field(
        description="Where to ask: http:// or https:// and a host. Private addresses are refused. `me:secret@` before"
        " the host is sent as Basic credentials."
    )
    headers: Annotated[dict[str, Scalar], Field(max_length=MAX_HEADERS)] | Expression = Field(
        default_factory=dict,
        description="Names and values; null leaves one out. Host, Content-Length, Accept-Encoding and what else"
        " belongs to the connection can't be set; of those that an expression gives, these are left out.",
    )
    query: Annotated[dict[str, Scalar | QueryList], Field(max_length=MAX_QUERY)] | Expression = Field(
        default_factory=dict,
        description="Added to the query of the URL; a list gives its name several times, null leaves one out.",
    )
    body_type: BodyType | None = Field(
        None,
        description='How the body is sent: as "json", as a "form" (application/x-www-form-urlencoded) or as "text".'
        " Without it a text is sent as it is, and anything else as JSON. A Content-Type among the headers wins.",
    )
    body: Any = Field(None, description="What is sent: any JSON, for a form an object. null sends nothing.")
    success_codes: Annotated[list[StatusCode], Field(min_length=1, max_length=MAX_SUCCESS_CODES)] | Expression = Field(
        default_factory=lambda: list[int | str](("2xx",)),
        description='Which answers are good: statuses, ranges such as "200-299" or classes such as "2xx". Any other'
        " fails the node.",
    )
    connect_timeout_seconds: Seconds = Field(
        10, description="How long looking up the name, reaching an address, and agreeing on TLS may take, each."
    )
    read_timeout_seconds: Seconds | None = Field(
        None,
        description="How long the other side may be silent while it answers. All requests of the node together are also"
        " bounded by the node's timeout_seconds.",
    )
    max_redirects: Annotated[Whole, Field(ge=0, le=MAX_REDIRECTS)] = Field(
        5,
        description="How many redirects in a row are followed; one more fails the node. With 0 a redirect is an answer"
        " like another. Another origin gets no headers but Accept, Accept-Language, Content-Type and User-Agent, and a"
        " body where the method stays, as with 307 and 308; from https to http none is followed.",
    )
    max_response_bytes: Annotated[Whole, Field(ge=1)] | None = Field(
        None,
        description="How large an answer's body may be, unpacked; never more than the operator's MAX_OUTPUT_BYTES.",
    )
    pages: Pages | None = Field(
        None, description="Set it to read an answer that comes in pages; adds `items` to the output."
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
        """Told on save; what an expression gives is told by the run, as `bad_url`."""
        if is_drawn(info):
            try:
                check_beginning(value.partition("{%")[0].strip()) if "{%" in value else parsed(value)
            except BadUrlError as error:
                raise ValueError(f"{error}{_echo(value, info)}") from None
        return value

    @field_validator("headers")
    @classmethod
    def _can_be_sent(cls, headers: Any, info: ValidationInfo) -> Any:
        if isinstance(headers, dict) and has_twice(headers):
            raise ValueError("must not have two names that differ only in upper and lower case, as they are one header")
        drawn = headers if isinstance(headers, dict) and is_drawn(info) else {}
        for name, value in drawn.items():
            if name.lower() in OWN:
                raise ValueError(f'must not have "{name}", which the request sets itself')
            if why := flaw(name, "" if "{%" in as_text(value) else as_text(value)):
                raise ValueError(f"must be such as can be sent: {why}")
        return headers

    @field_validator("body")
    @classmethod
    def _fits_its_type(cls, body: Any, info: ValidationInfo) -> Any:
        may_fit = body is None or (is_expression(body) and is_drawn(info))
        if not may_fit and (why := misfit(body, info.data.get("body_type"))):
            raise ValueError(why)
        return body


def _echo(value: str, info: ValidationInfo) -> str:
    """What was drawn is told back; what an expression gave may be a secret."""
    return f', not "{value[:60]}"' if is_drawn(info) else ""


def run(config: HttpRequestConfig, context: Context) -> Result:
    """The output is `{status, headers, body}`, with pages also `{items, pages, complete}`; a status that is no success
    fails the node with the answer."""
    call = _Call(config, context)
    try:
        if config.pages is None:
            return Result(call.ask(call.url).answer)
        return Result(read_pages(config.pages, call.url, call.ask, context.clock.sleep, context.max_output_bytes))
    except NodeFailure as failure:
        # Of a secret that goes on behind the host only a piece would be told, which no one masks later.
        failure.args = (str(failure).replace(place(call.url), place(context.redacted(call.url))),)
        raise


class _Call:
    """All requests of one run of the node, within its time limit."""

    def __init__(self, config: HttpRequestConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._began = context.clock.now()
        self._limits = HttpLimits(
            seconds=context.timeout_seconds,
            connect_seconds=config.connect_timeout_seconds,
            read_seconds=config.read_timeout_seconds,
            max_redirects=config.max_redirects,
            max_bytes=config.max_response_bytes,
        )
        self._headers = {
            name.lower(): as_text(value) for name, value in _mapping(config.headers).items() if value is not None
        }
        self._body = None
        try:
            self.url = with_query(checked(config.url), pairs(_mapping(config.query)))
            if config.body is not None:
                content_type, self._body = encoded(config.body, config.body_type)
                self._headers.setdefault("content-type", content_type)
            self._headers = {**credentials(self.url), **self._headers}
        except UnicodeEncodeError:
            why = "a text in its query or body has half of a surrogate pair"
            raise NodeFailure("bad_request", f"the request can't be sent: {why}") from None

    def ask(self, url: str) -> Page:
        """The answer of one URL. Raises NodeFailure."""
        response = self._send(url)
        body = decoded(response)
        if not is_success(response.status, self._config.success_codes):
            raise self._failed(url, response, body)
        return Page(url, response.url or url, {"status": response.status, "headers": {**response.headers}, **body})

    def _send(self, url: str) -> HttpResponse:
        if self._body and origin(url) != origin(self.url):
            why = "another origin, which does not get the body of the request"
            raise NodeFailure("pages_failed", f"the next page of {place(self.url)} is at {place(url)}: {why}")
        try:
            return self._context.http.request(
                self._config.method,
                url,
                headers=for_origin(url, self.url, self._headers),
                body=self._body,
                limits=replace(self._limits, seconds=self._left()),
            )
        except NodeFailure as failure:
            failure.retryable = failure.retryable and self._is_idempotent
            raise

    def _left(self) -> float:
        """The seconds that are left of the node's. Raises NodeFailure where there are none."""
        limit = self._context.timeout_seconds
        left = limit - self._spent()
        if left <= 0:
            raise NodeFailure("timeout", f"the requests of the node took more than {limit:g} s", retryable=True)
        return left

    def _spent(self) -> float:
        return self._context.clock.now() - self._began

    @property
    def _is_idempotent(self) -> bool:
        return self._config.method in IDEMPOTENT

    def _failed(self, url: str, response: HttpResponse, body: Mapping[str, Any]) -> NodeFailure:
        """Where the server asks for more time than there is, an attempt by default would come too early."""
        status, wait = response.status, self._retry_after(response)
        left = self._context.timeout_seconds - self._spent()
        fits = wait is None or wait < left
        too_long = (
            "" if fits else f" and asks to wait for {wait:,.0f} s; the node's timeout_seconds leaves {left:.0f} s"
        )
        return NodeFailure(
            "http_status",
            f"{self._config.method} {place(url)} answered {status}{too_long}",
            retryable=status in RETRYABLE and self._is_idempotent and fits,
            wait_seconds=wait if wait and fits else 0,
            details={
                "status": status,
                **body,
                "body": _excerpt(self._context.redacted(body["body"])),
                **({} if wait is None else {"retry_after_seconds": wait}),
            },
        )

    def _retry_after(self, response: HttpResponse) -> float | None:
        if response.status not in SAYS_WHEN:
            return None
        now = self._context.now + timedelta(seconds=self._spent())
        return seconds_of(response.headers.get("retry-after", ""), now)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _excerpt(body: Any) -> Any:
    text = body if isinstance(body, str) else to_text(body)
    return body if len(text) <= ERROR_BODY_CHARACTERS else f"{text[:ERROR_BODY_CHARACTERS]}… (cut)"


NODE_TYPE = NodeType(
    name="http_request",
    label="HTTP request",
    description="Asks an HTTP API and gives its answer.",
    config=HttpRequestConfig,
    run=run,
    output="`{status, headers, body}`, a body that is JSON as its value, and one that is no text in base64, with"
    ' `body_encoding: "base64"`; with `pages` also `{items, pages, complete}`',
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
        input={"id": 7, "product": "A-7"},
        output="ordered",
    ),
    kind=Kind.IO,
    default_attempts=3,
    default_timeout_seconds=30,
)
