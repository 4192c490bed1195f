"""Connections to Postgres: transactions, and the driver's errors made ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads

from .conninfo import conninfo_within
from .errors import NotFoundError, UnavailableError
from .jsontext import from_text
from .patience import PatientConnection, seconds_left
from .pool import Connection, Pool

__all__ = ["Connection", "Database", "after_commit", "one"]

_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)

_after_commit: ContextVar[list[Callable[[], None]] | None] = ContextVar("after_commit", default=None)


def after_commit(deed: Callable[[], None]) -> None:
    """Do something once the transaction that is open is committed, and not at all where it is rolled back."""
    deeds = _after_commit.get()
    if deeds is None:
        deed()
    else:
        deeds.append(deed)


class Database:
    """Connects when first used. `conninfo` gives the connection string for each new connection; `is_proxied` says that
    what is prepared on it is not there the next time; `answer_seconds`, after how long a statement without an answer
    fails."""

    def __init__(
        self,
        conninfo: Callable[[], str],
        pool_size: int,
        *,
        wait_seconds: float = 10,
        answer_seconds: float = math.inf,
        is_proxied: bool = False,
    ) -> None:
        self._conninfo = conninfo
        self.answer_seconds = answer_seconds
        self._is_proxied = is_proxied
        self.pool = Pool(self._connect, pool_size, wait_seconds)

    def _connect(self) -> Connection:
        connection = PatientConnection.connect(
            conninfo_within(self._conninfo(), seconds_left()),
            autocommit=True,
            prepare_threshold=None if self._is_proxied else 5,
            row_factory=dict_row,
        )
        connection.answer_seconds = self.answer_seconds
        set_json_loads(from_text, connection)
        return connection

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection on which every statement is a transaction of its own. Raises UnavailableError."""
        try:
            with self.pool.connection() as connection:
                try:
                    yield connection
                except psycopg.errors.ReadOnlySqlTransaction:  # it was the writer until a failover
                    connection.close()
                    raise
        except psycopg.errors.ForeignKeyViolation as error:
            raise NotFoundError("what this belongs to was deleted") from error
        except _AWAY as error:
            raise UnavailableError("the database does not answer; try again in a moment") from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in a transaction: committed at the end, rolled back on an exception."""
        deeds: list[Callable[[], None]] = []
        outer = _after_commit.set(deeds)
        try:
            with self.connection() as connection, connection.transaction():
                yield connection
        finally:
            _after_commit.reset(outer)
        for deed in deeds:
            deed()

    def close(self) -> None:
        """Close all connections."""
        self.pool.close()


def one(row: DictRow | None) -> dict[str, Any]:
    """The row of a statement that always gives one."""
    if row is None:
        raise LookupError("a statement that always returns a row returned none")
    return row
