"""SQL of the schedule columns of workflows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.db import Connection, one
from chalicelib.errors import NotFoundError

from .schemas import Timing


class ScheduleRepository:
    """Statements on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, workspace_id: UUID, workflow_id: UUID) -> Timing:
        """The schedule as it is, which no one else changes until the transaction ends. Raises NotFoundError."""
        row = self._connection.execute(
            """
            SELECT schedule_cron, schedule_timezone, schedule_enabled FROM workflows
            WHERE id = %s AND workspace_id = %s FOR NO KEY UPDATE
            """,
            (workflow_id, workspace_id),
        ).fetchone()
        if row is None:
            raise NotFoundError(f"there is no workflow {workflow_id}")
        return Timing(row["schedule_cron"], row["schedule_timezone"], row["schedule_enabled"])

    def update(self, workflow_id: UUID, timing: Timing) -> dict[str, Any]:
        """The stored schedule."""
        return one(
            self._connection.execute(
                """
                UPDATE workflows
                SET schedule_cron = %s, schedule_timezone = %s, schedule_enabled = %s, updated_at = NOW()
                WHERE id = %s
                RETURNING id AS workflow_id, schedule_cron, schedule_timezone, schedule_enabled, updated_at
                """,
                (timing.cron, timing.timezone, timing.enabled, workflow_id),
            ).fetchone()
        )
