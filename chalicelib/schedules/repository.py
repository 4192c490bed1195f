"""SQL of the schedule columns of workflows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.db import Connection
from chalicelib.errors import NotFoundError

from .schemas import PutSchedule


class ScheduleRepository:
    """Statements on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def update(self, workspace_id: UUID, workflow_id: UUID, schedule: PutSchedule) -> dict[str, Any]:
        """The stored schedule. Raises NotFoundError."""
        row = self._connection.execute(
            """
            UPDATE workflows
            SET schedule_cron = %s, schedule_timezone = %s, schedule_enabled = %s, updated_at = NOW()
            WHERE id = %s AND workspace_id = %s
            RETURNING id AS workflow_id, schedule_cron, schedule_timezone, schedule_enabled, updated_at
            """,
            (schedule.cron, schedule.timezone, schedule.enabled, workflow_id, workspace_id),
        ).fetchone()
        if row is None:
            raise NotFoundError(f"there is no workflow {workflow_id}")
        return row
