"""A pool of connections to Postgres: made by whoever needs one, kept, and looked at before each use."""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow

from .patience import seconds_left, within

Connection = psycopg.Connection[DictRow]

PAUSE_SECONDS = 0.2
TRUSTED_SECONDS = 0.1
"""How long a quiet connection is taken for good: within a request, not from one to the next. After that it is asked,
since a peer that vanished says no farewell."""


class Pool:
    """At most `size` connections; one that others use, or whose server is away, is waited for.

    It has no threads, which a Lambda would freeze between two calls.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        size: int,
        wait_seconds: float,
        trusted_seconds: float = TRUSTED_SECONDS,
    ) -> None:
        self._connect = connect
        self.wait_seconds = wait_seconds
        self._trusted_seconds = trusted_seconds
        self._places = BoundedSemaphore(size)
        self._idle: deque[tuple[Connection, float]] = deque()
        """With the time since when; that of the clock on the wall, which goes on while a Lambda is frozen."""
        self._is_closed = False

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection that works, for as long as the block lasts. Raises psycopg.OperationalError."""
        with within(self.wait_seconds):
            if not self._places.acquire(timeout=max(seconds_left(), 0)):
                raise psycopg.OperationalError("all connections are in use")
            try:
                connection = self._find_idle() or self._make()
            except BaseException:
                self._places.release()
                raise
        try:
            try:
                yield connection
            finally:
                self._keep(connection)
        finally:
            self._places.release()

    def close(self) -> None:
        """Close what is idle now, and what is in use as soon as it is not."""
        self._is_closed = True
        while self._idle:
            self._idle.pop()[0].close()

    def _find_idle(self) -> Connection | None:
        """The one used last; those that have died meanwhile are forgotten."""
        with suppress(IndexError):
            while True:
                connection, since = self._idle.pop()
                if seconds_left() > 0 and _is_alive(connection, is_trusted=time.time() - since < self._trusted_seconds):
                    return connection
                connection.close()
        return None

    def _make(self) -> Connection:
        while True:
            try:
                return self._connect()
            except psycopg.OperationalError:
                if seconds_left() < PAUSE_SECONDS:
                    raise
                time.sleep(PAUSE_SECONDS)

    def _keep(self, connection: Connection) -> None:
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self._idle.append((connection, time.time()))
        else:
            connection.close()
        if self._is_closed:
            self.close()


def _is_alive(connection: Connection, *, is_trusted: bool) -> bool:
    """A server says nothing on a connection that asks nothing, but that it is going; that is seen without asking."""
    if connection.closed:
        return False
    if not is_trusted or _is_readable(connection.fileno()):
        try:
            connection.execute("")
        except psycopg.OperationalError:
            return False
    return True


def _is_readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
