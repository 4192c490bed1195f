"""What Postgres is told on a new connection: where it is, who we are, over TLS, and how long anything may take."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from psycopg.conninfo import conninfo_to_dict, make_conninfo

if TYPE_CHECKING:
    from .settings import Settings

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10
"""How long a peer that does not even acknowledge is waited for."""
IDLE_TRANSACTION_SECONDS = 60
"""How long a transaction may do nothing: a Lambda that is ended in one must not hold its locks for ever."""


class Login(NamedTuple):
    """Who logs in."""

    user: str
    password: str


def conninfo(settings: Settings, log_in: Callable[[], Login]) -> str:
    """The connection string of libpq (https://www.postgresql.org/docs/current/libpq-connect.html).

    `log_in` is asked for each connection, where the settings name no URL: tokens expire, and passwords are rotated.
    """
    told = {"connect_timeout": str(CONNECT_SECONDS), "application_name": "stepgraph"}
    if not settings.database_is_proxied:
        told["options"] = " ".join(f"-c {name}={value}" for name, value in session_settings(settings).items())
    if settings.database_url:
        return make_conninfo(settings.database_url, **told)
    login = log_in()
    return make_conninfo(
        host=settings.database_host,
        port=str(settings.database_port),
        dbname=settings.database_name,
        user=login.user,
        password=login.password,
        sslmode="verify-full",
        sslrootcert=str(settings.database_ca_file),
        gssencmode="disable",
        target_session_attrs="read-write",  # after a failover, a stale name may lead to what is a reader now
        tcp_user_timeout=str(ANSWER_SECONDS * 1000),
        **told,
    )


def conninfo_within(text: str, seconds: float) -> str:
    """The same, for who waits no longer; libpq takes whole seconds, two at least."""
    told = float(conninfo_to_dict(text).get("connect_timeout") or CONNECT_SECONDS)
    return text if seconds >= told else make_conninfo(text, connect_timeout=str(max(2, math.ceil(seconds))))


def session_settings(settings: Settings) -> dict[str, str]:
    """What every session is to have. RDS Proxy takes no `options`; behind it the role has them, see `roles.py`."""
    return {
        "timezone": "UTC",
        "statement_timeout": f"{settings.database_statement_seconds}s",
        "lock_timeout": f"{settings.database_lock_seconds}s",
        "idle_in_transaction_session_timeout": f"{IDLE_TRANSACTION_SECONDS}s",
    }
