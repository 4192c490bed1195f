"""SQL of finding runs: those of a workflow, and those of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from uuid import UUID

from chalicelib.errors import NotFoundError

if TYPE_CHECKING:
    from chalicelib.db import Connection
    from chalicelib.paging import Page

    from .schemas import RunRow


class RunListRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list_runs(self, workspace_id: UUID, workflow_id: UUID, page: Page, status: str | None) -> list[RunRow]:
        """One more than a page, newest first."""
        moment, item_id = page.before or (None, None)
        rows = self._connection.execute(
            """
            SELECT * FROM listed_runs
            WHERE workflow_id = %(workflow_id)s AND workspace_id = %(workspace_id)s
              AND (%(moment)s::timestamptz IS NULL OR (started_at, id) < (%(moment)s, %(item_id)s::uuid))
              AND (%(status)s::text IS NULL OR status = %(status)s)
            ORDER BY started_at DESC, id DESC
            LIMIT %(limit)s
            """,
            {
                "workspace_id": workspace_id,
                "workflow_id": workflow_id,
                "moment": moment,
                "item_id": item_id,
                "status": status,
                "limit": page.limit + 1,
            },
        ).fetchall()
        return cast("list[RunRow]", rows)

    def list_all_runs(self, workspace_id: UUID, page: Page, status: str | None) -> list[RunRow]:
        """Of all workflows of a workspace, one more than a page, newest first."""
        moment, item_id = page.before or (None, None)
        rows = self._connection.execute(
            """
            SELECT * FROM listed_runs
            WHERE workspace_id = %(workspace_id)s
              AND (%(moment)s::timestamptz IS NULL OR (started_at, id) < (%(moment)s, %(item_id)s::uuid))
              AND (%(status)s::text IS NULL OR status = %(status)s)
            ORDER BY started_at DESC, id DESC
            LIMIT %(limit)s
            """,
            {
                "workspace_id": workspace_id,
                "moment": moment,
                "item_id": item_id,
                "status": status,
                "limit": page.limit + 1,
            },
        ).fetchall()
        return cast("list[RunRow]", rows)

    def get_workflow_id(self, workspace_id: UUID, run_id: UUID) -> UUID:
        """The workflow that a run is of. Raises NotFoundError."""
        row = self._connection.execute(
            "SELECT workflow_id FROM workflow_runs WHERE id = %s AND workspace_id = %s", (run_id, workspace_id)
        ).fetchone()
        if row is None:
            raise NotFoundError(f"there is no run {run_id}")
        return cast("UUID", row["workflow_id"])
