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

    def list_runs(
        self, workspace_id: UUID, page: Page, status: str | None, workflow_id: UUID | None = None
    ) -> list[RunRow]:
        """One more than a page, newest first, without what may be large.

        No queued run of a workflow is between two of a page without being on it, so the queue is counted up to the
        oldest one only. Each call is planned for its own filters: a plan for any would walk the whole history.
        """
        moment, item_id = page.before or (None, None)
        rows = self._connection.execute(
            """
            WITH page AS (
              SELECT *, status = 'pending' AND admitted_at IS NULL AS is_queued FROM workflow_runs
              WHERE workspace_id = %(workspace_id)s
                AND (%(workflow_id)s::uuid IS NULL OR workflow_id = %(workflow_id)s)
                AND (%(moment)s::timestamptz IS NULL OR (started_at, id) < (%(moment)s, %(item_id)s::uuid))
                AND (%(status)s::text IS NULL OR status = %(status)s)
              ORDER BY started_at DESC, id DESC
              LIMIT %(limit)s
            ), oldest AS MATERIALIZED (
              SELECT workflow_id,
                     place_in_queue(workflow_id, min(started_at), (array_agg(id ORDER BY started_at, id))[1]) AS place
              FROM page WHERE is_queued GROUP BY workflow_id
            )
            SELECT id, page.workflow_id, workspace_id, version, status, trigger, triggered_by, started_at, completed_at,
                   left(error_message, 1000) || CASE WHEN length(error_message) > 1000 THEN '… (cut)' ELSE '' END
                     AS error_message,
                   oldest.place - 1 + row_number() OVER (PARTITION BY page.workflow_id, is_queued
                                                         ORDER BY started_at, id) AS queue_position,
                   retry_of, parent_run_id
            FROM page LEFT JOIN oldest ON is_queued AND oldest.workflow_id = page.workflow_id
            ORDER BY started_at DESC, id DESC
            """,
            {
                "workspace_id": workspace_id,
                "workflow_id": workflow_id,
                "moment": moment,
                "item_id": item_id,
                "status": status,
                "limit": page.limit + 1,
            },
            prepare=False,
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
