"""What a data folder keeps for those that work on it: the database and the secret that signs tokens."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import postgres

SECRET_LENGTH = 32
TOKEN_DAYS = 365


@contextmanager
def open_database(data_dir: Path) -> Iterator[str]:
    """The URL of the database: that of DATABASE_URL, else the embedded one, which runs meanwhile."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    url, leave = postgres.start(data_dir / "postgres")
    try:
        yield url
    finally:
        leave()


def jwt_secret(data_dir: Path) -> str:
    """The secret that signs tokens here, made once, so that tokens outlive a restart."""
    file = data_dir / "jwt_secret"
    if file.exists() and len(file.read_text()) < SECRET_LENGTH:
        file.unlink(missing_ok=True)
    if not file.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=data_dir, prefix=file.name) as draft:
            draft.write(secrets.token_urlsafe(SECRET_LENGTH))
            draft.flush()
            with suppress(FileExistsError):  # another process was first, and its secret is ours too
                os.link(draft.name, file)
    return file.read_text()
