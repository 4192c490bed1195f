"""SQL of the queue: which runs have a place among those that run, and which one gets the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from uuid import UUID

from chalicelib.db import Connection, one

if TYPE_CHECKING:
    from .state import UnfinishedRun

LOCK = 7_203_114_022
"""A number of our own for pg_advisory_xact_lock: places are given one at a time."""


@dataclass(frozen=True, slots=True)
class Places:
    """How many runs may go on at once, in all and of one workspace."""

    whole: int
    per_workspace: int


class QueueRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self) -> None:
        """No one else gives or counts places until the transaction ends."""
        self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))

    def count_unfinished(self, workflow_id: UUID) -> int:
        """How many runs of a workflow go on or wait for their turn."""
        row = self._connection.execute(
            "SELECT count(*) AS runs FROM workflow_runs WHERE workflow_id = %s AND status IN ('pending', 'running')",
            (workflow_id,),
        ).fetchone()
        return int(one(row)["runs"])

    def is_empty(self) -> bool:
        """Whether no run waits for a place."""
        row = self._connection.execute(
            "SELECT FROM workflow_runs WHERE admitted_at IS NULL AND status = 'pending' LIMIT 1"
        ).fetchone()
        return row is None

    def admit_next(self, places: Places) -> UnfinishedRun | None:
        """Give a place to the run whose turn it is; None where no one may have one.

        The workspace with the fewest runs is first, and in it the run that has waited the longest, of a workflow that
        may have one more. Runs of a workflow never overtake one another: under a limit that was raised since, new ones
        would keep old ones waiting for ever.

        A run that a node of another one waits for shares that one's place: waiting for one of its own, it might wait
        for those that wait for it. Only the limit of its workflow holds for it.
        """
        row = self._connection.execute(
            """
            WITH RECURSIVE active AS (
              SELECT workspace_id, workflow_id, count(*) AS runs,
                     count(*) FILTER (WHERE parent_run_id IS NULL) AS places
              FROM workflow_runs
              WHERE admitted_at IS NOT NULL AND status IN ('pending', 'running')
              GROUP BY workspace_id, workflow_id
            ), of_workspace AS (
              SELECT workspace_id, sum(places) AS places FROM active GROUP BY workspace_id
            ), whole AS (
              SELECT coalesce(sum(places), 0) < %(whole)s AS has_place FROM active
            ), queue AS NOT MATERIALIZED (
              SELECT id, workflow_id, workspace_id, concurrency_limit, started_at, parent_run_id IS NULL AS is_alone
              FROM workflow_runs WHERE admitted_at IS NULL AND status = 'pending'
            ), heads AS (
              (SELECT * FROM queue ORDER BY is_alone, workflow_id, started_at, id LIMIT 1)
              UNION ALL
              SELECT following.* FROM heads CROSS JOIN LATERAL (
                SELECT * FROM queue
                WHERE (is_alone, workflow_id) > (heads.is_alone, heads.workflow_id)
                  AND is_alone <= (SELECT has_place FROM whole)
                ORDER BY is_alone, workflow_id, started_at, id LIMIT 1
              ) following
            ), next AS (
              SELECT r.id FROM heads r CROSS JOIN whole
              LEFT JOIN active f ON f.workflow_id = r.workflow_id
              LEFT JOIN of_workspace w ON w.workspace_id = r.workspace_id
              WHERE (r.concurrency_limit IS NULL OR coalesce(f.runs, 0) < r.concurrency_limit)
                AND (NOT r.is_alone OR (coalesce(w.places, 0) < %(per_workspace)s AND whole.has_place))
              ORDER BY r.is_alone, coalesce(w.places, 0), r.started_at, r.id
              LIMIT 1
            )
            UPDATE workflow_runs r SET
              admitted_at = clock_timestamp(),
              deadline_at = clock_timestamp() + make_interval(secs => r.timeout_seconds)
            FROM next, workflow_versions v
            WHERE r.id = next.id AND r.status = 'pending' AND v.workflow_id = r.workflow_id AND v.version = r.version
            RETURNING r.id, r.workflow_id, v.id AS version_id, r.execution_arn, r.executions
            """,
            {"whole": places.whole, "per_workspace": places.per_workspace},
        ).fetchone()
        return cast("UnfinishedRun | None", row)
