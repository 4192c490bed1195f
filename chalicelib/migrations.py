"""Applying the numbered SQL files of `migrations/`, each once, whoever else does the same at that time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg

from .db import Connection, one
from .observability import logger

FOLDER = Path(__file__).parent.parent / "migrations"
LOCK = 7_203_114_020
"""A number of our own for pg_advisory_xact_lock."""


class MigrationError(Exception):
    """A migration can't be applied, or is not the one that was."""


def migrate(conninfo: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing, in the order of the names; the names of what this call applied.

    A file may take its time, and waits for locks no longer than the connection lets it, since all others queue behind
    it. Each file runs in a transaction under an advisory lock, so racing calls apply it once. Raises MigrationError
    for a file that was changed after it was applied, or that fails; what came before it stays.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        return [file.name for file in sorted(folder.glob("*.sql")) if _apply(connection, file)]


def missing(connection: Connection, folder: Path = FOLDER) -> list[str]:
    """The names of the migrations that are not applied, or were changed after that."""
    row = connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL AS is_there").fetchone()
    applied = {}
    if one(row)["is_there"]:
        rows = connection.execute("SELECT name, checksum FROM schema_migrations").fetchall()
        applied = {row["name"]: row["checksum"] for row in rows}
    return [file.name for file in sorted(folder.glob("*.sql")) if applied.get(file.name) != _checksum(file.read_text())]


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _apply(connection: psycopg.Connection[tuple[str, ...]], file: Path) -> bool:
    text = file.read_text()
    checksum = _checksum(text)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        applied = _applied_checksum(connection, file.name)
        if applied == checksum:
            return False
        if applied is not None:
            raise MigrationError(
                f"{file.name} was changed after it was applied; restore it and write a new migration instead"
            )
        _run(connection, file.name, text)
        connection.execute("INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)", (file.name, checksum))
    logger.info("migration applied", migration=file.name)
    return True


def _applied_checksum(connection: psycopg.Connection[tuple[str, ...]], name: str) -> str | None:
    connection.execute(
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
          name TEXT PRIMARY KEY,
          checksum TEXT NOT NULL,
          applied_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
        )
        """
    )
    row = connection.execute("SELECT checksum FROM schema_migrations WHERE name = %s", (name,)).fetchone()
    return row[0] if row else None


def _run(connection: psycopg.Connection[tuple[str, ...]], name: str, text: str) -> None:
    try:
        connection.execute(text.encode())
    except psycopg.Error as error:
        raise MigrationError(f"{name} failed: {error}") from error
