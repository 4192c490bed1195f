"""Outgoing HTTP of nodes, on urllib3: pooled, its redirects followed with care, bounded in time and size."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from http.client import IncompleteRead
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.response import GzipDecoderState

from chalicelib.node_contract import HttpLimits, HttpResponse, NodeFailure

from .connection import Exchange, HttpPool, HttpsPool, Network
from .failures import failure
from .headers import for_origin, received, sendable
from .urls import checked, led_on, parsed, place

CHUNK_BYTES = 64 * 1024
DRAINED_BYTES = 64 * 1024
"""A longer body of a redirect costs more to read than a new connection."""
POOLS, CONNECTIONS_PER_POOL = 50, 50


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent in one hop; header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    def redirected(self, status: int, location: str) -> Request:
        """The next hop (RFC 9110, section 15.4). Another origin gets no headers that were meant for this one; where
        the method stays, it gets the body, as from browsers and curl."""
        url = led_on(self.url, location, "redirects to")
        becomes_get = status == 303 or (status in (301, 302) and self.method == "POST")
        found = self._as_get() if becomes_get and self.method not in ("GET", "HEAD") else self
        return replace(found, url=url, headers=for_origin(url, self.url, found.headers))

    def _as_get(self) -> Request:
        kept = {name: value for name, value in self.headers.items() if not name.startswith("content-")}
        return replace(self, method="GET", headers=kept, body=None)


class OutgoingHttp:
    """Sends requests for nodes, through no proxy. Thread-safe; one a container."""

    def __init__(self, network: Network, max_bytes: int) -> None:
        self._network = network
        self._max_bytes = max_bytes
        self._pools = urllib3.PoolManager(POOLS, maxsize=CONNECTIONS_PER_POOL, block=False)
        self._pools.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # below that it writes whole URLs

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        limits: HttpLimits,
    ) -> HttpResponse:
        """Send one request and read the whole answer. Raises NodeFailure."""
        hop = Request(method, checked(url), sendable(headers, url), body)
        with Exchange(self._network, limits) as exchange:
            for _ in range(limits.max_redirects + 1):
                answer = self._answer(hop, exchange)
                if isinstance(answer, HttpResponse):
                    return answer
                hop = answer
        raise NodeFailure("too_many_redirects", f"{place(url)} redirects more than {limits.max_redirects} times")

    def _answer(self, hop: Request, exchange: Exchange) -> HttpResponse | Request:
        """What came of one hop: the answer, or the request to send instead."""
        try:
            response = self._send(hop, exchange)
            try:
                if exchange.limits.max_redirects and (location := response.get_redirect_location()):
                    with suppress(HTTPError):
                        _read(response, exchange, DRAINED_BYTES)
                    return hop.redirected(response.status, received(location))
                return self._received(response, hop.url, exchange)
            finally:
                response.close()
        except (HTTPError, OSError, ValueError) as error:
            raise failure(place(hop.url), error, exchange) from None

    def _send(self, hop: Request, exchange: Exchange) -> urllib3.BaseHTTPResponse:
        """A connection of an earlier request that the other side has closed meanwhile is no failure of this one."""
        try:
            return self._send_once(hop, exchange)
        except ProtocolError:
            if not exchange.reuses:
                raise
            exchange.reuses = False
            return self._send_once(hop, exchange)

    def _send_once(self, hop: Request, exchange: Exchange) -> urllib3.BaseHTTPResponse:
        return self._pools.urlopen(
            hop.method,
            parsed(hop.url).url,
            headers=hop.headers,
            body=hop.body,
            timeout=urllib3.Timeout(connect=exchange.connecting(), read=exchange.silent()),
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def _received(self, response: urllib3.BaseHTTPResponse, url: str, exchange: Exchange) -> HttpResponse:
        """A header that came several times is one, its values joined by commas (RFC 9110, section 5.3)."""
        headers = {name.lower(): received(value) for name, value in response.headers.itermerged()}
        limit = min(self._max_bytes, exchange.limits.max_bytes or self._max_bytes)
        body = _read(response, exchange, limit)
        if body is None:
            raise NodeFailure("response_too_large", f"{place(url)} has an answer of more than {limit:,} bytes")
        packed = set(re.findall(r"[^\s,]+", headers.get("content-encoding", "").lower()))
        if body and (unknown := packed - {"identity", *response.CONTENT_DECODERS}):
            name = unknown.pop()[:20]
            raise NodeFailure("bad_answer", f"{place(url)} has packed its answer as {name}, which can't be read")
        return HttpResponse(response.status, headers, body, url)


def _read(response: urllib3.BaseHTTPResponse, exchange: Exchange, limit: int) -> bytes | None:
    """The whole body, its connection free for the next; None where it has more than `limit` bytes."""
    body = bytearray()
    while chunk := response.read1(CHUNK_BYTES):
        exchange.left()
        body += chunk
        if len(body) > limit:
            return None
    exchange.left()  # the end may be the watchdog's doing
    if _is_cut(response):
        raise ProtocolError("a packed body without its end", IncompleteRead(b""))
    response.release_conn()
    return bytes(body)


def _is_cut(response: urllib3.BaseHTTPResponse) -> bool:
    """Whether a packed body ended before its packing did, of which urllib3 says nothing."""
    decoder: Any = response._decoder  # noqa: SLF001
    layers = getattr(decoder, "_decoders", [decoder]) if decoder and response.tell() else []
    return not all(_is_complete(layer) for layer in layers)


def _is_complete(layer: Any) -> bool:
    """Behind the end of gzip may be anything, as clients agree; it swallows that."""
    return layer._obj.eof or getattr(layer, "_state", None) == GzipDecoderState.SWALLOW_DATA  # noqa: SLF001
