"""What owners do with secrets, and how runs get at their values.

Every value in Secrets Manager has a row here: the row is made before the value, and deleted after it. A crash between
leaves a row that its owner sees, and whoever sends the value again, or deletes the secret again, mends it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chalicelib.compiler.secret_names import RULE, is_name
from chalicelib.errors import ConflictError, InvalidError, NotFoundError, TooLargeError, UnavailableError
from chalicelib.observability import logger

from .repository import SecretRepository
from .schemas import MAX_VALUE_BYTES, OrphanRow, PutSecret, SecretDetail, SecretRow

if TYPE_CHECKING:
    from chalicelib.aws.secrets_manager import SecretsManager
    from chalicelib.db import Database
    from chalicelib.paging import Page, Paged
    from chalicelib.settings import Settings

ORPHANS_AT_ONCE = 100
ORPHANS_SECONDS = 200
"""Its Lambda has 300, and the last deletion may have to wait for AWS."""


class SecretService:
    """Use cases of secrets."""

    def __init__(self, database: Database, settings: Settings, secrets_manager: SecretsManager) -> None:
        self._database = database
        self._settings = settings
        self._secrets_manager = secrets_manager
        self._cache: dict[tuple[UUID, str], tuple[float, str]] = {}

    def list_secrets(self, workspace_id: UUID, page: Page) -> Paged[SecretRow]:
        """A page of secrets, without their values."""
        with self._database.connection() as connection:
            rows = SecretRepository(connection).list_secrets(workspace_id, page)
        return page.answer(rows, "created_at")

    def get(self, workspace_id: UUID, name: str) -> SecretDetail:
        """A secret without its value. Raises NotFoundError."""
        if not is_name(name):
            raise NotFoundError(f"there is no secret {name[:100]!r}; {RULE}")
        with self._database.connection() as connection:
            return SecretRepository(connection).get(workspace_id, name)

    def stored(self, workspace_id: UUID, names: Iterable[str]) -> frozenset[str]:
        """Those of the names that the workspace has a value for."""
        wanted = list(names)
        if not wanted:
            return frozenset()
        with self._database.connection() as connection:
            return SecretRepository(connection).stored(workspace_id, wanted)

    def put(self, workspace_id: UUID, name: str, secret: PutSecret, by: UUID) -> tuple[SecretDetail, bool]:
        """Store a value, in place of the one before; the secret, and whether it is new.

        Raises InvalidError for a name, TooLargeError, ConflictError where the workspace has too many, UnavailableError.
        """
        _check(name, secret)
        with self._database.transaction() as connection:
            repository = SecretRepository(connection)
            is_new = repository.insert(workspace_id, name, by)
            if is_new and repository.count(workspace_id) > (most := self._settings.max_secrets):
                raise ConflictError(f"the workspace has {most:,} secrets already, and may have no more")
        self._secrets_manager.put(self._path(workspace_id, name), secret.value)
        self._cache.pop((workspace_id, name), None)
        with self._database.connection() as connection:
            SecretRepository(connection).mark_stored(workspace_id, name, by)
        logger.info("secret stored", workspace_id=str(workspace_id), secret=name, by=str(by))
        return self.get(workspace_id, name), is_new

    def delete(self, workspace_id: UUID, name: str, by: UUID) -> None:
        """Delete a secret with its value. Raises NotFoundError, UnavailableError."""
        updated_at = self.get(workspace_id, name)["updated_at"]
        self._delete(workspace_id, name, updated_at)
        logger.info("secret deleted", workspace_id=str(workspace_id), secret=name, by=str(by))

    def delete_orphans(self) -> dict[str, int]:
        """Delete the secrets of workspaces that are gone; what became of how many. One that can't be deleted now is
        put off, and keeps no other from it."""
        done, until = Counter(deleted=0), time.monotonic() + ORPHANS_SECONDS
        for orphan in self._orphans():
            if time.monotonic() > until:
                break
            try:
                self._delete(orphan["workspace_id"], orphan["name"], orphan["updated_at"])
                done["deleted"] += 1
            except UnavailableError:
                logger.exception("orphaned secret not deleted yet", workspace_id=str(orphan["workspace_id"]))
                done["put_off"] += 1
        return dict(done)

    def _orphans(self) -> Iterator[OrphanRow]:
        """Newest first: what could not be deleted before comes last."""
        page: list[OrphanRow] = []
        while True:
            with self._database.connection() as connection:
                page = SecretRepository(connection).list_orphans(page[-1] if page else None, ORPHANS_AT_ONCE)
            yield from page
            if len(page) < ORPHANS_AT_ONCE:
                return

    def _delete(self, workspace_id: UUID, name: str, updated_at: Any) -> None:
        self._secrets_manager.delete(self._path(workspace_id, name))
        self._cache.pop((workspace_id, name), None)
        with self._database.connection() as connection:
            SecretRepository(connection).delete(workspace_id, name, updated_at)

    def values(self, workspace_id: UUID, names: Iterable[str]) -> dict[str, str]:
        """The values of those secrets that there are, none older than the cache may be. Raises UnavailableError."""
        self._forget_expired()
        found = {name: self._value(workspace_id, name) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    def _value(self, workspace_id: UUID, name: str) -> str | None:
        now = time.monotonic()
        until, cached = self._cache.get((workspace_id, name), (0.0, None))
        if cached is not None and now < until:
            return cached
        value = self._secrets_manager.find(self._path(workspace_id, name))
        if value is not None:
            self._cache[workspace_id, name] = (now + self._settings.secrets_cache_seconds, value)
        return value

    def _forget_expired(self) -> None:
        """No value stays in memory for longer than it may be used."""
        now = time.monotonic()
        for key, (until, _) in list(self._cache.items()):
            if until <= now:
                self._cache.pop(key, None)

    def _path(self, workspace_id: UUID, name: str) -> str:
        return f"{self._settings.secrets_prefix}{workspace_id}/{name}"


def _check(name: str, secret: PutSecret) -> None:
    """Raises InvalidError, TooLargeError."""
    if not is_name(name):
        raise InvalidError(RULE, [{"code": "bad_name", "message": RULE, "path": "name"}])
    size = len(secret.value.encode())
    if size > MAX_VALUE_BYTES:
        raise TooLargeError(f"the value has {size:,} bytes; at most {MAX_VALUE_BYTES:,} are allowed")
