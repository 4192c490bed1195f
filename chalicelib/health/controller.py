"""Whether requests can be served."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from chalicelib.db import Database
from chalicelib.errors import UnavailableError
from chalicelib.migrations import missing
from chalicelib.patience import within


class Health(TypedDict):
    """All is well."""

    status: Literal["ok"]


READY_SECONDS = 1.5
"""How long it takes at most: who probes waits two seconds, or few more."""


def get_readiness(database: Database) -> Health:
    """Raises UnavailableError, saying what is not well."""
    with within(READY_SECONDS), database.connection() as connection:
        names = missing(connection)
    if names:
        raise UnavailableError(f"the database lacks migrations: {', '.join(names)}")
    return {"status": "ok"}
