"""SQL of what looks after runs: which were not started, may have lost their execution, are over their time, are old."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

if TYPE_CHECKING:
    from chalicelib.db import Connection

    from .state import CheckedRun, UnfinishedRun


class UpkeepRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list_unstarted(self, before: datetime, limit: int) -> list[UnfinishedRun]:
        """Runs that got a place before a moment and have no execution, oldest first."""
        rows = self._connection.execute(
            """
            SELECT r.id, r.workflow_id, v.id AS version_id, r.execution_arn, r.executions
            FROM workflow_runs r
            JOIN workflow_versions v ON v.workflow_id = r.workflow_id AND v.version = r.version
            WHERE r.status = 'pending' AND r.admitted_at < %s AND r.executions = 0
            ORDER BY r.started_at LIMIT %s
            """,
            (before, limit),
        ).fetchall()
        return cast("list[UnfinishedRun]", rows)

    def list_overdue(self, limit: int) -> list[UUID]:
        """Runs that are over their time."""
        rows = self._connection.execute(
            """
            SELECT id FROM workflow_runs
            WHERE status IN ('pending', 'running') AND deadline_at < clock_timestamp()
            ORDER BY deadline_at LIMIT %s
            """,
            (limit,),
        ).fetchall()
        return [row["id"] for row in rows]

    def claim_unchecked(self, before: datetime, limit: int) -> list[CheckedRun]:
        """Runs with an execution that no one has looked at since a moment, the longest unseen first. They count as
        looked at from now on, so that two callers share the work."""
        rows = self._connection.execute(
            """
            WITH claimed AS (
              SELECT id FROM workflow_runs
              WHERE status IN ('pending', 'running') AND executions > 0 AND checked_at < %s
              ORDER BY checked_at LIMIT %s
              FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE workflow_runs r SET checked_at = clock_timestamp()
            FROM claimed, workflow_versions v
            WHERE r.id = claimed.id AND v.workflow_id = r.workflow_id AND v.version = r.version
            RETURNING r.id, r.workflow_id, v.id AS version_id, r.execution_arn, r.executions, r.history
            """,
            (before, limit),
        ).fetchall()
        return cast("list[CheckedRun]", rows)

    def find_unfinished(self, run_id: UUID) -> CheckedRun | None:
        """A run that has a place and has not ended."""
        row = self._connection.execute(
            """
            SELECT r.id, r.workflow_id, v.id AS version_id, r.execution_arn, r.executions, r.history
            FROM workflow_runs r
            JOIN workflow_versions v ON v.workflow_id = r.workflow_id AND v.version = r.version
            WHERE r.id = %s AND r.status IN ('pending', 'running') AND r.admitted_at IS NOT NULL
            """,
            (run_id,),
        ).fetchone()
        return cast("CheckedRun | None", row)

    def list_stopping(self, limit: int) -> list[UUID]:
        """Runs that have ended and whose executions are still to be stopped."""
        rows = self._connection.execute("SELECT id FROM workflow_runs WHERE is_stopping LIMIT %s", (limit,)).fetchall()
        return [row["id"] for row in rows]

    def is_stopping(self, run_id: UUID) -> bool:
        """Whether a run has ended and its executions are still to be stopped."""
        row = self._connection.execute("SELECT FROM workflow_runs WHERE id = %s AND is_stopping", (run_id,)).fetchone()
        return row is not None

    def delete_old(self, completed_before: datetime, limit: int) -> int:
        """Delete runs that ended before a moment, the oldest first, with their results; how many there were."""
        return self._connection.execute(
            """
            DELETE FROM workflow_runs WHERE id IN (
              SELECT id FROM workflow_runs
              WHERE completed_at < %s AND status NOT IN ('pending', 'running') AND NOT is_stopping
              ORDER BY completed_at LIMIT %s
            )
            """,
            (completed_before, limit),
        ).rowcount
