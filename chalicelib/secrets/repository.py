"""SQL of workspace_secrets."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

from chalicelib.db import Connection, one
from chalicelib.errors import NotFoundError

if TYPE_CHECKING:
    from chalicelib.paging import Page

    from .schemas import OrphanRow, SecretDetail, SecretRow


class SecretRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list_secrets(self, workspace_id: UUID, page: Page) -> list[SecretRow]:
        """One more than a page, newest first."""
        moment, item_id = page.before or (None, None)
        rows = self._connection.execute(
            """
            SELECT id, name, created_at, created_by, updated_at, updated_by FROM workspace_secrets
            WHERE workspace_id = %(workspace_id)s
              AND (%(moment)s::timestamptz IS NULL OR (created_at, id) < (%(moment)s, %(item_id)s::uuid))
            ORDER BY created_at DESC, id DESC
            LIMIT %(limit)s
            """,
            {"workspace_id": workspace_id, "moment": moment, "item_id": item_id, "limit": page.limit + 1},
        ).fetchall()
        return cast("list[SecretRow]", rows)

    def get(self, workspace_id: UUID, name: str) -> SecretDetail:
        """A secret, and who takes it. Raises NotFoundError."""
        row = self._connection.execute(
            """
            SELECT s.id, s.name, s.created_at, s.created_by, s.updated_at, s.updated_by,
                   coalesce(jsonb_agg(jsonb_build_object('id', w.id, 'name', w.name) ORDER BY w.name, w.id)
                     FILTER (WHERE w.id IS NOT NULL), '[]') AS used_by
            FROM workspace_secrets s
            LEFT JOIN (
              workflows w JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.current_version
            ) ON w.workspace_id = s.workspace_id AND v.secrets ? s.name
            WHERE s.workspace_id = %s AND s.name = %s
            GROUP BY s.workspace_id, s.name
            """,
            (workspace_id, name),
        ).fetchone()
        if row is None:
            raise NotFoundError(f"there is no secret {name}")
        return cast("SecretDetail", row)

    def stored(self, workspace_id: UUID, names: list[str]) -> frozenset[str]:
        """Those of the names that a value is stored for."""
        rows = self._connection.execute(
            """
            SELECT name FROM workspace_secrets
            WHERE workspace_id = %s AND name = ANY(%s) AND updated_at IS NOT NULL
            """,
            (workspace_id, names),
        ).fetchall()
        return frozenset(row["name"] for row in rows)

    def count(self, workspace_id: UUID) -> int:
        """How many secrets a workspace has."""
        row = self._connection.execute(
            "SELECT count(*) AS secrets FROM workspace_secrets WHERE workspace_id = %s", (workspace_id,)
        ).fetchone()
        return int(one(row)["secrets"])

    def insert(self, workspace_id: UUID, name: str, by: UUID) -> bool:
        """A secret whose value is yet to be stored; False where there is one of that name."""
        row = self._connection.execute(
            """
            INSERT INTO workspace_secrets (workspace_id, name, created_by) VALUES (%s, %s, %s)
            ON CONFLICT DO NOTHING RETURNING id
            """,
            (workspace_id, name, by),
        ).fetchone()
        return row is not None

    def mark_stored(self, workspace_id: UUID, name: str, by: UUID) -> None:
        """Its value was stored. Where its row was deleted meanwhile it has one again, as it has a value."""
        self._connection.execute(
            """
            INSERT INTO workspace_secrets (workspace_id, name, created_by, updated_by, updated_at)
            VALUES (%(workspace_id)s, %(name)s, %(by)s, %(by)s, clock_timestamp())
            ON CONFLICT (workspace_id, name) DO UPDATE
            SET updated_at = EXCLUDED.updated_at, updated_by = EXCLUDED.updated_by
            """,
            {"workspace_id": workspace_id, "name": name, "by": by},
        )

    def delete(self, workspace_id: UUID, name: str, updated_at: datetime | None) -> None:
        """Its value is gone; where another one was stored meanwhile, it stays."""
        self._connection.execute(
            """
            DELETE FROM workspace_secrets
            WHERE workspace_id = %s AND name = %s AND updated_at IS NOT DISTINCT FROM %s
            """,
            (workspace_id, name, updated_at),
        )

    def list_orphans(self, after: OrphanRow | None, limit: int) -> list[OrphanRow]:
        """Secrets of workspaces that were deleted, newest first, behind one of them."""
        rows = self._connection.execute(
            """
            SELECT id, workspace_id, name, created_at, updated_at FROM workspace_secrets s
            WHERE NOT EXISTS (SELECT FROM workspaces w WHERE w.id = s.workspace_id)
              AND (%(moment)s::timestamptz IS NULL OR (created_at, id) < (%(moment)s, %(id)s::uuid))
            ORDER BY created_at DESC, id DESC
            LIMIT %(limit)s
            """,
            {"moment": after and after["created_at"], "id": after and after["id"], "limit": limit},
        ).fetchall()
        return cast("list[OrphanRow]", rows)
