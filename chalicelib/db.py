"""Connections to Postgres: a pool, transactions, and the driver's errors made ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import ConnectionPool, PoolTimeout

from .errors import NotFoundError, UnavailableError
from .jsontext import from_text

CONNECT_SECONDS = 10

Connection = psycopg.Connection[DictRow]


class Database:
    """A pool that connects when first used."""

    def __init__(self, url: str, pool_size: int) -> None:
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            kwargs={"row_factory": dict_row, "autocommit": True, "options": "-c timezone=UTC"},
            connection_class=psycopg.Connection[DictRow],
            min_size=1,
            max_size=max(pool_size, 1),
            timeout=CONNECT_SECONDS,
            configure=_read_json_strictly,
            open=False,
        )

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection on which every statement is a transaction of its own. Raises UnavailableError."""
        if self._pool.closed:
            self._pool.open()
        try:
            with self._pool.connection() as connection:
                yield connection
        except psycopg.errors.ForeignKeyViolation as error:
            raise NotFoundError("what this belongs to was deleted") from error
        except (PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise UnavailableError("the database does not answer; try again in a moment") from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in a transaction: committed at the end, rolled back on an exception."""
        with self.connection() as connection, connection.transaction():
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def _read_json_strictly(connection: Connection) -> None:
    set_json_loads(from_text, connection)


def one(row: DictRow | None) -> dict[str, Any]:
    """The row of a statement that always gives one."""
    if row is None:
        raise LookupError("a statement that always returns a row returned none")
    return row
