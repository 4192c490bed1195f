"""How long the database is waited for. A server that is frozen says nothing, and keeps none of its own limits."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow

_INTERVAL_SECONDS = 0.1
_until: ContextVar[float] = ContextVar("until", default=math.inf)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Whatever the database is asked meanwhile, all of it together takes no longer."""
    outer = _until.set(min(_until.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _until.reset(outer)


def seconds_left() -> float:
    """How long may still be waited; less than nothing when the time is over."""
    return _until.get() - time.monotonic()


class PatientConnection(psycopg.Connection[DictRow]):
    """A connection that is closed, and its statement failed, when the server says nothing for too long."""

    answer_seconds = math.inf

    def wait(self, gen: PQGen[RV], interval: float = _INTERVAL_SECONDS, timeout: float | None = None) -> RV:
        """As psycopg does, but not for ever."""
        limit = min(self.answer_seconds, max(seconds_left(), 0), math.inf if timeout is None else timeout)
        try:
            return super().wait(gen, interval, None if limit == math.inf else limit)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:  # its answer would be taken for the next one
                self.close()
            raise
