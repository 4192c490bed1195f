"""Outgoing HTTP of nodes, on urllib3: pooled, bounded in time and size, and kept from private addresses."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Mapping
from typing import Any

import urllib3
from urllib3 import exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError, NameResolutionError, NewConnectionError

from .compiler.node_type import HttpResponse, NodeFailure

CONNECT_SECONDS = 10.0
CHUNK_BYTES = 64 * 1024
POOLS, CONNECTIONS_PER_POOL = 50, 50
MAX_REDIRECTS = 10
USER_AGENT = "stepgraph"


class ForbiddenAddressError(HTTPError):
    """A name leads to an address that workflows may not reach."""


class OutgoingHttp:
    """Sends requests for nodes. Thread-safe; one a container."""

    def __init__(self, *, allow_private: bool, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pools = urllib3.PoolManager(POOLS, maxsize=CONNECTIONS_PER_POOL, block=False)
        if not allow_private:
            self._pools.pool_classes_by_scheme = {"http": _PublicHttpPool, "https": _PublicHttpsPool}

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> HttpResponse:
        """Send one request and read the whole answer within `timeout` seconds. Raises NodeFailure."""
        deadline = time.monotonic() + timeout
        try:
            response = self._pools.request(
                method,
                url,
                headers={"user-agent": USER_AGENT, **headers},
                body=body,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, timeout), read=timeout),
                retries=urllib3.Retry(
                    total=MAX_REDIRECTS, connect=0, read=0, status=0, other=0, redirect=MAX_REDIRECTS
                ),
                preload_content=False,
            )
            return HttpResponse(response.status, _headers(response), self._read(response, deadline))
        except NodeFailure:
            raise
        except HTTPError as error:
            raise _failure(url, error, timeout) from None
        except (ValueError, UnicodeError) as error:
            raise NodeFailure("bad_request", f"the request can't be sent: {error}") from None

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        """The whole body, or a NodeFailure and a closed connection."""
        parts: list[bytes] = []
        left = self._max_bytes
        for chunk in response.stream(CHUNK_BYTES):
            parts.append(chunk)
            left -= len(chunk)
            if left < 0 or time.monotonic() > deadline:
                response.close()
                raise self._too_much() if left < 0 else _too_late()
        response.release_conn()
        return b"".join(parts)

    def _too_much(self) -> NodeFailure:
        return NodeFailure("response_too_large", f"the answer has more than {self._max_bytes:,} bytes")


def _too_late() -> NodeFailure:
    return NodeFailure("timeout", "the answer did not end within the time limit", retryable=True)


def _headers(response: urllib3.BaseHTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _place(url: str) -> str:
    """Scheme and host of a URL: a query or a path may hold a secret."""
    parsed = urllib3.util.parse_url(url)
    return f"{parsed.scheme}://{parsed.netloc.rpartition('@')[2] if parsed.netloc else ''}"


def _failure(url: str, error: HTTPError, timeout: float) -> NodeFailure:
    if isinstance(error, LocationParseError):
        return NodeFailure("bad_url", f"the URL can't be read: {error}")
    where = _place(url)
    match getattr(error, "reason", None) or error:
        case ForbiddenAddressError():
            return NodeFailure("forbidden_address", f"{where} leads to an address that workflows may not reach")
        case NameResolutionError():
            return NodeFailure("name_not_found", f"{where}: the host name can't be resolved", retryable=True)
        case NewConnectionError():
            return NodeFailure("connection_failed", f"{where} can't be connected to", retryable=True)
        case exceptions.TimeoutError():
            return NodeFailure("timeout", f"{where} did not answer within {timeout:g} s", retryable=True)
        case other:
            return NodeFailure("network_error", f"{where}: {type(other).__name__}", retryable=True)


def _public_address(host: str, port: int) -> str:
    """An address of the host, all of whose addresses are public: the one that was checked is the one connected
    to, so that a name can't be bound anew in between."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(item[4][0]) for item in found]
    if not all(_is_public(address) for address in addresses):
        raise ForbiddenAddressError
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return mapped.is_global and not mapped.is_multicast


class _PublicConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            self._dns_host = _public_address(name, int(self.port or self.default_port))
            return super()._new_conn()
        except socket.gaierror as error:
            raise NameResolutionError(name, self, error) from error
        finally:
            self._dns_host = name


class _PublicHttpsConnection(_PublicConnection, HTTPSConnection):
    """The same over TLS; the certificate is still checked against the name."""


class _PublicHttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls: Any = _PublicConnection


class _PublicHttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls: Any = _PublicHttpsConnection
