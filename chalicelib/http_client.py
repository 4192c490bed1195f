"""Outgoing HTTP of nodes, on urllib3: pooled, its redirects followed with care, bounded in time and size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util import Url, parse_url

from .addresses import is_any, is_public, place
from .compiler.node_type import HttpResponse, NodeFailure
from .http_connection import CONNECT_SECONDS, Exchange, ForbiddenAddressError, HttpPool, HttpsPool, Network

CHUNK_BYTES = 64 * 1024
DRAINED_BYTES = 64 * 1024
"""A longer body of a redirect costs more to read than a new connection."""
POOLS, CONNECTIONS_PER_POOL = 50, 50
MAX_REDIRECTS = 10
USER_AGENT = "stepgraph"
DEFAULT_PORTS = {"http": 80, "https": 443}
TO_ANY_ORIGIN = frozenset({"accept", "accept-language", "user-agent", "content-type", "content-length"})
FRAMING = frozenset({"content-length", "transfer-encoding"})
"""Set by urllib3 from the body: a wrong one would make the rest of a body the next request of a pooled connection."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent in one hop; header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    def redirected(self, status: int, location: str) -> Request:
        """The next hop. Another origin gets nothing that was meant for this one."""
        found = self if status in (307, 308) or self.method in ("GET", "HEAD") else self._as_get()
        url = _joined(self.url, location)
        if _origin(url) == _origin(self.url):
            return replace(found, url=url)
        kept = {name: value for name, value in found.headers.items() if name in TO_ANY_ORIGIN}
        return replace(found, url=url, headers=kept)

    def _as_get(self) -> Request:
        kept = {name: value for name, value in self.headers.items() if not name.startswith("content-")}
        return replace(self, method="GET", headers=kept, body=None)


class OutgoingHttp:
    """Sends requests for nodes. Thread-safe; one a container."""

    def __init__(self, *, allow_private: bool, max_bytes: int, network: Network | None = None) -> None:
        self._network = network or Network(is_any if allow_private else is_public)
        self._max_bytes = max_bytes
        self._pools = urllib3.PoolManager(POOLS, maxsize=CONNECTIONS_PER_POOL, block=False)
        self._pools.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> HttpResponse:
        """Send one request and read the whole answer within `timeout` seconds. Raises NodeFailure."""
        hop = Request(method, url, {"user-agent": USER_AGENT, **_sendable(headers)}, body)
        with Exchange(timeout, self._network) as exchange:
            for _ in range(MAX_REDIRECTS + 1):
                answer = self._answer(hop, exchange)
                if isinstance(answer, HttpResponse):
                    return answer
                hop = answer
        raise NodeFailure("too_many_redirects", f"{place(url)} redirects more than {MAX_REDIRECTS} times")

    def _answer(self, hop: Request, exchange: Exchange) -> HttpResponse | Request:
        """What came of one hop: the answer, or the request to send instead."""
        try:
            response = self._send(hop, exchange)
            try:
                if location := response.get_redirect_location():
                    with suppress(HTTPError):
                        _read(response, exchange, DRAINED_BYTES)
                    return hop.redirected(response.status, location)
                return self._received(response, exchange)
            finally:
                response.close()
        except (HTTPError, OSError, ValueError) as error:
            raise _failure(place(hop.url), error, exchange) from None

    def _send(self, hop: Request, exchange: Exchange) -> urllib3.BaseHTTPResponse:
        _parsed(hop.url)
        return self._pools.urlopen(
            hop.method,
            hop.url,
            headers=hop.headers,
            body=hop.body,
            timeout=urllib3.Timeout(connect=exchange.left(), read=exchange.left()),
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def _received(self, response: urllib3.BaseHTTPResponse, exchange: Exchange) -> HttpResponse:
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = _read(response, exchange, self._max_bytes)
        if body is None:
            raise NodeFailure("response_too_large", f"the answer has more than {self._max_bytes:,} bytes")
        return HttpResponse(response.status, headers, body)


def _read(response: urllib3.BaseHTTPResponse, exchange: Exchange, limit: int) -> bytes | None:
    """The whole body, its connection free for the next; None where it has more than `limit` bytes."""
    body = bytearray()
    while chunk := response.read1(CHUNK_BYTES):
        exchange.left()
        body += chunk
        if len(body) > limit:
            return None
    exchange.left()  # the end may be the watchdog's doing
    response.release_conn()
    return bytes(body)


def _sendable(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without those of framing. A value is never told: it may be a secret, as may a name that is none."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise NodeFailure("bad_request", "the request can't be sent: a header's name has characters it can't have")
        if not _HEADER_VALUE.fullmatch(value):
            why = f"the header {name} has a line break or another character it can't have"
            raise NodeFailure("bad_request", f"the request can't be sent: {why}")
    return {name.lower(): value for name, value in headers.items() if name.lower() not in FRAMING}


def _parsed(url: str) -> Url:
    parsed = parse_url(url)
    if parsed.scheme not in DEFAULT_PORTS or not parsed.host:
        raise LocationValueError
    return parsed


def _origin(url: str) -> tuple[str | None, str | None, int]:
    parsed = _parsed(url)
    return parsed.scheme, parsed.host, parsed.port or DEFAULT_PORTS[str(parsed.scheme)]


def _joined(url: str, location: str) -> str:
    try:
        joined = urljoin(url, location)
        _parsed(joined)
    except (ValueError, HTTPError):
        raise NodeFailure("bad_url", f"{place(url)} redirects to what is no http or https URL") from None
    return joined


def _failure(where: str, error: Exception, exchange: Exchange) -> NodeFailure:
    """Told by kind: the text of an error may hold what was sent."""
    if exchange.is_late:
        return NodeFailure("timeout", f"{where} did not answer within {exchange.seconds:g} s", retryable=True)
    match error:
        case LocationValueError():
            return NodeFailure("bad_url", "the URL can't be read as http:// or https:// with a host")
        case ForbiddenAddressError():
            return NodeFailure("forbidden_address", f"{where} leads to an address that workflows may not reach")
        case NameResolutionError():
            return NodeFailure("name_not_found", f"{where}: the host name can't be resolved", retryable=True)
        case NewConnectionError():
            return NodeFailure("connection_failed", f"{where} can't be connected to", retryable=True)
        case ConnectTimeoutError():
            return NodeFailure("timeout", f"{where} did not answer within {CONNECT_SECONDS:g} s", retryable=True)
        case HTTPError() | OSError():
            return NodeFailure("network_error", f"{where}: {type(error).__name__}", retryable=True)
        case _:
            return NodeFailure("bad_request", f"the request can't be sent: {type(error).__name__}")
