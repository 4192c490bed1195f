"""SQL of schedules: the columns of workflows, workflow_schedules, and the runs that they started."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chalicelib.errors import NotFoundError

from .timing import Timing

if TYPE_CHECKING:
    from chalicelib.db import Connection

BATCH = 1000


class ScheduleRepository:
    """Statements on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, workflow_id: UUID) -> None:
        """No one else changes the schedule until the transaction ends."""
        self._connection.execute("SELECT FROM workflows WHERE id = %s FOR NO KEY UPDATE", (workflow_id,))

    def get(self, workspace_id: UUID, workflow_id: UUID) -> Timing:
        """A workflow's schedule, also where it has none yet. Raises NotFoundError."""
        timing = self.find(workflow_id)
        if timing is None or timing.workspace_id != workspace_id:
            raise NotFoundError(f"there is no workflow {workflow_id}")
        return timing

    def find(self, workflow_id: UUID) -> Timing | None:
        """A workflow's schedule; None where there is no such workflow."""
        row = self._connection.execute(
            """
            SELECT w.id AS workflow_id, w.workspace_id, w.schedule_cron AS cron, w.schedule_timezone AS timezone,
                   w.schedule_enabled AS enabled, coalesce(s.overlap, 'allow') AS overlap,
                   coalesce(s.catch_up, 'none') AS catch_up, s.pause_after_failures, s.paused_at, s.paused_reason,
                   coalesce(s.since, w.created_at) AS since,
                   coalesce(s.accounted_until, w.created_at) AS accounted_until, s.sync_problem
            FROM workflows w LEFT JOIN workflow_schedules s ON s.workflow_id = w.id
            WHERE w.id = %s
            """,
            (workflow_id,),
        ).fetchone()
        return Timing(**row) if row else None

    def list_all(self) -> Iterator[Timing]:
        """Every schedule that has a cron, in the order of its workflow's id."""
        after: UUID | None = None
        while True:
            rows = self._connection.execute(
                """
                SELECT w.id AS workflow_id, w.workspace_id, w.schedule_cron AS cron, w.schedule_timezone AS timezone,
                       w.schedule_enabled AS enabled, s.overlap, s.catch_up, s.pause_after_failures, s.paused_at,
                       s.paused_reason, s.since, s.accounted_until, s.sync_problem
                FROM workflows w JOIN workflow_schedules s ON s.workflow_id = w.id
                WHERE w.schedule_cron IS NOT NULL AND (%(after)s::uuid IS NULL OR w.id > %(after)s)
                ORDER BY w.id LIMIT %(limit)s
                """,
                {"after": after, "limit": BATCH},
            ).fetchall()
            yield from (Timing(**row) for row in rows)
            if len(rows) < BATCH:
                return
            after = rows[-1]["workflow_id"]

    def save(self, timing: Timing) -> None:
        """Store a schedule."""
        self._connection.execute(
            """
            WITH workflow AS (
              UPDATE workflows
              SET schedule_cron = %(cron)s, schedule_timezone = %(timezone)s, schedule_enabled = %(enabled)s,
                  updated_at = NOW()
              WHERE id = %(workflow_id)s
              RETURNING id
            )
            INSERT INTO workflow_schedules
              (workflow_id, overlap, catch_up, pause_after_failures, paused_at, paused_reason, since, accounted_until)
            SELECT id, %(overlap)s, %(catch_up)s, %(pause_after_failures)s, %(paused_at)s, %(paused_reason)s,
                   %(since)s, %(accounted_until)s
            FROM workflow
            ON CONFLICT (workflow_id) DO UPDATE SET
              overlap = EXCLUDED.overlap,
              catch_up = EXCLUDED.catch_up,
              pause_after_failures = EXCLUDED.pause_after_failures,
              paused_at = EXCLUDED.paused_at,
              paused_reason = EXCLUDED.paused_reason,
              since = greatest(workflow_schedules.since, EXCLUDED.since),
              accounted_until = greatest(workflow_schedules.accounted_until, EXCLUDED.accounted_until)
            """,
            {
                "workflow_id": timing.workflow_id,
                "cron": timing.cron,
                "timezone": timing.timezone,
                "enabled": timing.enabled,
                "overlap": timing.overlap,
                "catch_up": timing.catch_up,
                "pause_after_failures": timing.pause_after_failures,
                "paused_at": timing.paused_at,
                "paused_reason": timing.paused_reason,
                "since": timing.since,
                "accounted_until": timing.accounted_until,
            },
        )

    def account_until(self, workflow_id: UUID, moment: datetime) -> None:
        """No fire before this moment is missing any more."""
        self._connection.execute(
            "UPDATE workflow_schedules SET accounted_until = greatest(accounted_until, %s) WHERE workflow_id = %s",
            (moment, workflow_id),
        )

    def tell_sync_problem(self, workflow_id: UUID, problem: str | None) -> None:
        """Why the timers of a schedule could not be brought in line; None where they could."""
        self._connection.execute(
            """
            UPDATE workflow_schedules SET sync_problem = %(problem)s::text
            WHERE workflow_id = %(workflow_id)s AND sync_problem IS DISTINCT FROM %(problem)s::text
            """,
            {"workflow_id": workflow_id, "problem": problem},
        )

    def list_fires(self, workflow_id: UUID, limit: int) -> list[dict[str, Any]]:
        """The last fires, newest first: `{fire_at, run_id, run_status}`."""
        return self._connection.execute(
            """
            SELECT fire_at, id AS run_id, status AS run_status FROM workflow_runs
            WHERE workflow_id = %s AND fire_at IS NOT NULL
            ORDER BY fire_at DESC LIMIT %s
            """,
            (workflow_id, limit),
        ).fetchall()

    def fires_since(self, workflow_id: UUID, moment: datetime) -> set[datetime]:
        """The fires after a moment that have a run."""
        rows = self._connection.execute(
            "SELECT fire_at FROM workflow_runs WHERE workflow_id = %s AND fire_at > %s", (workflow_id, moment)
        ).fetchall()
        return {row["fire_at"] for row in rows}

    def list_ended(self, workflow_id: UUID, since: datetime, limit: int) -> list[dict[str, Any]]:
        """The last fires after a moment whose runs came to an end of their own, newest first: `{run_id, run_status}`.
        What goes on, was skipped or was cancelled tells nothing of whether the workflow works."""
        return self._connection.execute(
            """
            SELECT id AS run_id, status AS run_status FROM workflow_runs
            WHERE workflow_id = %s AND fire_at > %s AND status IN ('succeeded', 'failed', 'timed_out')
            ORDER BY fire_at DESC LIMIT %s
            """,
            (workflow_id, since, limit),
        ).fetchall()

    def find_failed(self, run_id: UUID) -> UUID | None:
        """The workflow of a run that a schedule started and that failed; None of any other."""
        row = self._connection.execute(
            """
            SELECT workflow_id FROM workflow_runs
            WHERE id = %s AND fire_at IS NOT NULL AND status IN ('failed', 'timed_out')
            """,
            (run_id,),
        ).fetchone()
        return row["workflow_id"] if row else None
