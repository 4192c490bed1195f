"""Connections of outgoing HTTP: each belongs to an exchange that ends in time, and goes where that may go."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)

from .addresses import is_any, is_public, is_public_name
from .semantics import IDEMPOTENT

if TYPE_CHECKING:
    from chalicelib.node_contract import HttpLimits

IDLE_SECONDS = 30
"""How long a connection is kept: firewalls forget one without telling, and a frozen Lambda hears of no end."""


class ForbiddenAddressError(HTTPError):
    """A host is one that workflows may not reach, or has an address that they may not."""


class TooLateError(HTTPError):
    """The time limit of an exchange is over."""


@dataclass(frozen=True, slots=True)
class Network:
    """Which hosts and addresses may be reached, how a name becomes addresses, and how one is connected to."""

    allows: Callable[[str], bool] = is_public
    look_up: Callable[..., list[Any]] = socket.getaddrinfo
    allows_name: Callable[[str], bool] = is_public_name
    connect: Callable[[socket.socket, Any], None] = socket.socket.connect

    def addresses(self, host: str, port: int, seconds: float) -> list[Any]:
        """All addresses of the name; one that is not allowed speaks against the name. In a thread, as getaddrinfo
        can't be given a time limit."""
        if not self.allows_name(host):
            raise ForbiddenAddressError
        found: Future[list[Any]] = Future()
        threading.Thread(target=self._look_up, args=(found, host, port), daemon=True).start()
        addresses = found.result(seconds)
        if not all(self.allows(str(item[4][0])) for item in addresses):
            raise ForbiddenAddressError
        return addresses

    def _look_up(self, found: Future[list[Any]], host: str, port: int) -> None:
        try:
            found.set_result(self.look_up(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.set_exception(error)


INTERNET = Network()
ANYWHERE = Network(is_any, allows_name=is_any)


class Exchange:
    """A request with all its redirects, within a time limit: at its end the connection in use is shut down, which
    wakes whatever waits on it."""

    def __init__(self, network: Network, limits: HttpLimits) -> None:
        self.network = network
        self.limits = limits
        self.reuses = True
        """Whether it may take a connection that was used before; then, whether it did."""
        self._deadline = time.monotonic() + limits.seconds
        self._lock = threading.Lock()
        self._watched: socket.socket | None = None
        self._timer = threading.Timer(limits.seconds, self._shut_down)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        _current.reset(self._token)
        self._watch(None)

    @property
    def is_late(self) -> bool:
        """Whether the time limit is over."""
        return time.monotonic() >= self._deadline

    def left(self) -> float:
        """The seconds that are left. Raises TooLateError where there are none."""
        if (left := self._deadline - time.monotonic()) <= 0:
            raise TooLateError
        return left

    def connecting(self) -> float:
        """The seconds that a step of connecting may take."""
        return min(self.limits.connect_seconds, self.left())

    def silent(self) -> float:
        """The seconds for which the other side may be silent."""
        return min(self.limits.read_seconds or self.limits.seconds, self.left())

    def watch(self, connected: socket.socket) -> None:
        """Shut this one down at the end of the time. A duplicate, as TLS takes the socket itself away."""
        self._watch(socket.socket(fileno=os.dup(connected.fileno())))
        self.left()

    def _watch(self, watched: socket.socket | None) -> None:
        with self._lock:
            if self._watched:
                self._watched.close()
            self._watched = watched

    def _shut_down(self) -> None:
        with self._lock, suppress(OSError):
            if self._watched:
                self._watched.shutdown(socket.SHUT_RDWR)


_current: ContextVar[Exchange] = ContextVar("exchange")
"""urllib3 makes the connections itself, in the thread of the exchange."""


class _Response(http.client.HTTPResponse):
    """http.client takes all interim answers but 100 for final ones, whereupon the final one would be that of the next
    request on the connection (RFC 9110, section 15.2)."""

    def begin(self) -> None:
        super().begin()
        while 100 < self.status < 200:
            if self.status == HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("it goes on in a protocol that no one asked for")
            self.headers = None  # type: ignore[assignment]
            super().begin()


class _Connection(HTTPConnection):
    response_class = _Response
    _asked_at: float | None = None
    """When it was last used; None as long as it is new."""

    def connect(self) -> None:
        """With TLS, where that is spoken."""
        try:
            super().connect()
        except TimeoutError:
            raise ConnectTimeoutError from None
        assert self.sock is not None
        self._asked_at = None
        self.sock.settimeout(_current.get().silent())

    def request(self, method: str, *args: Any, **kwargs: Any) -> None:
        exchange = _current.get()
        is_used = self.sock is not None and self._asked_at is not None
        exchange.reuses = is_used and exchange.reuses and self._may_serve(method)
        if is_used and not exchange.reuses:
            self.close()  # and opened again, as it is asked
        if self.sock is not None:
            exchange.watch(self.sock)
        super().request(method, *args, **kwargs)
        self._asked_at = time.monotonic()

    def _may_serve(self, method: str) -> bool:
        """Whether it is likely to be open still, and the request may be sent again where it is not."""
        is_recent = self._asked_at is not None and time.monotonic() - self._asked_at < IDLE_SECONDS
        return is_recent and method in IDEMPOTENT

    def _new_conn(self) -> socket.socket:
        """The addresses that were checked are those connected to: a name can't be bound anew in between."""
        exchange = _current.get()
        error: OSError | None = None
        for family, kind, protocol, _, address in self._allowed_addresses(exchange):
            try:
                return self._open(socket.socket(family, kind, protocol), address, exchange)
            except (OSError, TooLateError) as failed:
                error = failed if isinstance(failed, OSError) else TimeoutError()
        if isinstance(error, TimeoutError):
            raise ConnectTimeoutError
        raise NewConnectionError(self, "no address answers")

    def _allowed_addresses(self, exchange: Exchange) -> list[Any]:
        try:
            port = int(self.port or self.default_port)
            return exchange.network.addresses(self._dns_host.strip("[]"), port, exchange.connecting())
        except UnicodeError:
            raise LocationParseError("the host name") from None
        except TimeoutError:
            raise ConnectTimeoutError from None
        except OSError as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from None

    def _open(self, opened: socket.socket, address: Any, exchange: Exchange) -> socket.socket:
        try:
            for option in self.socket_options or ():
                opened.setsockopt(*option)
            opened.settimeout(exchange.connecting())
            exchange.network.connect(opened, address)
            exchange.watch(opened)
        except BaseException:
            opened.close()
            raise
        return opened


class _HttpsConnection(_Connection, HTTPSConnection):
    """The same over TLS; the certificate is checked against the name."""


class HttpPool(urllib3.HTTPConnectionPool):
    """Connections that belong to the exchange of their thread."""

    ConnectionCls: Any = _Connection


class HttpsPool(urllib3.HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls: Any = _HttpsConnection
