"""SQL of workflow_runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from chalicelib.errors import NotFoundError
from chalicelib.jsontext import to_text

if TYPE_CHECKING:
    from chalicelib.compiler.settings import RunSettings
    from chalicelib.db import Connection
    from chalicelib.workflows.schemas import VersionRow

    from .schemas import RunDetail
    from .state import EndedRun, NewRun, Scope


class RunRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, workspace_id: UUID, version: VersionRow, new: NewRun, settings: RunSettings) -> UUID | None:
        """A run of a version, at the end of the queue; None where there is one for its idempotency key or its fire, or
        its workflow was deleted."""
        row = self._connection.execute(
            """
            INSERT INTO workflow_runs (id, workflow_id, workspace_id, version, input, trigger, triggered_by,
                                       idempotency_key, request_hash, concurrency_limit, timeout_seconds,
                                       retry_of, reused, fire_at, parent_run_id, parent_path, parent_node_id, history)
            SELECT %(id)s::uuid, id, workspace_id, %(version)s::int, %(input)s::jsonb, %(trigger)s::text,
                   %(triggered_by)s::uuid, %(key)s::text, %(hash)s, %(concurrency_limit)s::int,
                   %(timeout_seconds)s::int, %(retry_of)s::uuid, %(reused)s::text[], %(fire_at)s::timestamptz,
                   %(parent)s::uuid, %(parent_path)s::text, %(parent_node)s::text,
                   happened('accepted', jsonb_build_object(
                     'by', %(triggered_by)s::uuid, 'trigger', %(trigger)s::text, 'retry_of', %(retry_of)s::uuid,
                     'parent_run_id', %(parent)s::uuid))
            FROM workflows WHERE id = %(workflow_id)s AND workspace_id = %(workspace_id)s
            ON CONFLICT DO NOTHING
            RETURNING id
            """,
            {
                "id": new.id,
                "workspace_id": workspace_id,
                "workflow_id": version["workflow_id"],
                "version": version["version"],
                "parent": new.parent and new.parent.run_id,
                "parent_path": new.parent and new.parent.path,
                "parent_node": new.parent and new.parent.node_id,
                "input": to_text(new.input),
                "trigger": new.trigger,
                "triggered_by": new.triggered_by,
                "key": new.idempotency_key,
                "hash": new.request_hash,
                "concurrency_limit": settings.limit,
                "timeout_seconds": settings.timeout_seconds,
                "retry_of": new.retry_of,
                "reused": new.reused,
                "fire_at": new.fire_at,
            },
        ).fetchone()
        return cast("UUID", row["id"]) if row else None

    def release_key(self, workflow_id: UUID, key: str) -> None:
        """Let an idempotency key be used again a day after its run began."""
        self._connection.execute(
            """
            UPDATE workflow_runs SET idempotency_key = NULL
            WHERE workflow_id = %s AND idempotency_key = %s AND started_at < NOW() - INTERVAL '24 hours'
            """,
            (workflow_id, key),
        )

    def get_by_key(self, workflow_id: UUID, key: str | None) -> tuple[UUID, str]:
        """The run that has an idempotency key, and the hash of its request. Raises NotFoundError."""
        row = self._connection.execute(
            "SELECT id, request_hash FROM workflow_runs WHERE workflow_id = %s AND idempotency_key = %s",
            (workflow_id, key),
        ).fetchone()
        if row is None:
            raise NotFoundError(f"there is no workflow {workflow_id}")
        return row["id"], row["request_hash"]

    def find_by_key(self, workflow_id: UUID, key: str) -> UUID | None:
        """The run that has an idempotency key and began within a day."""
        row = self._connection.execute(
            """
            SELECT id FROM workflow_runs
            WHERE workflow_id = %s AND idempotency_key = %s AND started_at >= NOW() - INTERVAL '24 hours'
            """,
            (workflow_id, key),
        ).fetchone()
        return row["id"] if row else None

    def mark_started(self, run_id: UUID, execution_arn: str, number: int, reason: str | None) -> None:
        """The execution of that number (from 1) was started; a later one stays the run's, and what has ended ended.

        `reason` tells why it was not the first. A run may end before this is told; its end stays last in its history.
        """
        self._connection.execute(
            """
            UPDATE workflow_runs
            SET execution_arn = %(arn)s::text, executions = %(number)s::int, checked_at = NOW(),
                status = CASE WHEN status = 'pending' THEN 'running' ELSE status END,
                history = CASE WHEN status IN ('pending', 'running') THEN history || told.entry
                  ELSE jsonb_insert(history, '{-1}', told.entry || jsonb_build_object('at', history -> -1 -> 'at')) END
            FROM (
              SELECT happened(
                CASE WHEN %(number)s::int = 1 THEN 'started' ELSE 'resumed' END,
                jsonb_build_object('execution_arn', %(arn)s::text, 'reason', %(reason)s::text)) -> 0 AS entry
            ) AS told
            WHERE id = %(run_id)s AND executions < %(number)s::int
            """,
            {"run_id": run_id, "arn": execution_arn, "number": number, "reason": reason},
        )

    def append_history(self, run_id: UUID, event: str, more: Mapping[str, Any]) -> None:
        """Add to a run's history."""
        self._connection.execute(
            "UPDATE workflow_runs SET history = history || happened(%s, %s::jsonb) WHERE id = %s",
            (event, to_text(more), run_id),
        )

    def get(self, workspace_id: UUID, workflow_id: UUID, run_id: UUID) -> RunDetail:
        """A run with the results of all its nodes as they are now. Raises NotFoundError.

        A run that succeeded has them folded in its row; late results may still join the others.
        """
        row = self._connection.execute(
            """
            SELECT r.id, r.workflow_id, r.workspace_id, r.version, r.status, r.trigger, r.triggered_by,
                   r.started_at, r.completed_at, r.error_message,
                   CASE WHEN r.status = 'pending' AND r.admitted_at IS NULL
                     THEN place_in_queue(r.workflow_id, r.started_at, r.id) END AS queue_position,
                   r.retry_of, r.reused, r.deadline_at, r.input, r.output, r.execution_arn, r.history,
                   r.parent_run_id,
                   (SELECT jsonb_build_object('workflow_id', p.workflow_id, 'run_id', p.id, 'path', r.parent_path,
                                              'node_id', r.parent_node_id)
                    FROM workflow_runs p WHERE p.id = r.parent_run_id) AS parent,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object(
                      'node_id', c.parent_node_id, 'path', c.parent_path, 'workflow_id', c.workflow_id,
                      'version', c.version, 'run_id', c.id, 'status', c.status) ORDER BY c.started_at, c.id), '[]')
                    FROM workflow_runs c WHERE c.parent_run_id = r.id) AS children,
                   CASE WHEN r.status = 'succeeded' THEN r.node_results
                     ELSE run_node_results(r.id, r.status) END AS node_results
            FROM workflow_runs r
            WHERE r.id = %s AND r.workflow_id = %s AND r.workspace_id = %s
            """,
            (run_id, workflow_id, workspace_id),
        ).fetchone()
        if row is None:
            raise NotFoundError(f"there is no run {run_id} of workflow {workflow_id}")
        return cast("RunDetail", row)

    def get_version_id(self, workspace_id: UUID, workflow_id: UUID, run_id: UUID) -> UUID:
        """The id of the version that a run pins. Raises NotFoundError."""
        row = self._connection.execute(
            """
            SELECT v.id FROM workflow_runs r
            JOIN workflow_versions v ON v.workflow_id = r.workflow_id AND v.version = r.version
            WHERE r.id = %s AND r.workflow_id = %s AND r.workspace_id = %s
            """,
            (run_id, workflow_id, workspace_id),
        ).fetchone()
        if row is None:
            raise NotFoundError(f"there is no run {run_id} of workflow {workflow_id}")
        return cast("UUID", row["id"])

    def lock(self, scope: Scope) -> str | None:
        """The status of a run, or of an item of a run that goes on, that no one else settles until the transaction
        ends; None where it is gone.

        Writing node results takes a share of the run's key, which this lock leaves alone: no deadlock with it.
        """
        if scope.container is None:
            query = "SELECT status FROM workflow_runs WHERE id = %(run_id)s FOR NO KEY UPDATE"
        else:
            query = """
                WITH run AS MATERIALIZED (
                  SELECT id, status FROM workflow_runs WHERE id = %(run_id)s FOR KEY SHARE
                )
                SELECT CASE WHEN run.status IN ('pending', 'running') THEN i.status ELSE run.status END AS status
                FROM run JOIN workflow_run_items i ON i.run_id = run.id
                WHERE i.node_id = %(container)s AND i.scope = %(outer)s AND i.position = %(index)s
                FOR NO KEY UPDATE OF i
                """
        row = self._connection.execute(
            query,
            {"run_id": scope.run_id, "container": scope.container, "outer": scope.outer, "index": scope.index},
        ).fetchone()
        return row["status"] if row else None

    def settle(
        self,
        run_id: UUID,
        status: str,
        ends: list[str],
        error_message: str | None,
        by: UUID | None = None,
        *,
        is_stopping: bool = False,
    ) -> None:
        """End a run: fold the node results into its row; its output is that of the node that ended it, or of
        each by its id when there are several. `is_stopping`: executions of it are still to be stopped."""
        self._connection.execute(
            """
            UPDATE workflow_runs SET
              status = %(status)s::text,
              error_message = %(error_message)s::text,
              completed_at = clock_timestamp(),
              is_stopping = %(is_stopping)s,
              node_results = run_node_results(id, %(status)s::text),
              output = joined_output(id, '', %(ends)s::text[]),
              history = history || happened(%(status)s::text, jsonb_build_object(
                'by', %(by)s::uuid, 'reason', %(error_message)s::text))
            WHERE id = %(run_id)s AND status IN ('pending', 'running')
            """,
            {
                "run_id": run_id,
                "status": status,
                "ends": ends,
                "error_message": error_message,
                "by": by,
                "is_stopping": is_stopping,
            },
        )

    def is_overdue(self, run_id: UUID) -> bool:
        """Whether a run is over its time."""
        row = self._connection.execute(
            "SELECT FROM workflow_runs WHERE id = %s AND deadline_at < clock_timestamp()", (run_id,)
        ).fetchone()
        return row is not None

    def find_ended(self, run_id: UUID) -> EndedRun | None:
        """How a run has ended; None where it goes on, or is gone."""
        row = self._connection.execute(
            """
            SELECT status, execution_arn FROM workflow_runs
            WHERE id = %s AND status NOT IN ('pending', 'running')
            """,
            (run_id,),
        ).fetchone()
        return cast("EndedRun | None", row)

    def mark_stopped(self, run_id: UUID) -> None:
        """Nothing runs of it any more."""
        self._connection.execute("UPDATE workflow_runs SET is_stopping = FALSE WHERE id = %s", (run_id,))

    def lock_first(self, run_id: UUID) -> UUID:
        """The run that this one is a retry of, at however many removes. No other retry of it is made until the
        transaction ends."""
        row = self._connection.execute(
            """
            WITH RECURSIVE before AS (
              SELECT id, retry_of FROM workflow_runs WHERE id = %s
              UNION ALL SELECT r.id, r.retry_of FROM workflow_runs r JOIN before ON r.id = before.retry_of
            )
            SELECT r.id FROM workflow_runs r JOIN before USING (id) WHERE before.retry_of IS NULL
            FOR NO KEY UPDATE OF r
            """,
            (run_id,),
        ).fetchone()
        if row is None:
            raise NotFoundError(f"there is no run {run_id}")
        return cast("UUID", row["id"])

    def find_retry_going_on(self, first: UUID) -> UUID | None:
        """A retry of a run that has not ended, or one of a retry of it."""
        row = self._connection.execute(
            """
            WITH RECURSIVE retries AS (
              SELECT id, status FROM workflow_runs WHERE retry_of = %s
              UNION ALL SELECT r.id, r.status FROM workflow_runs r JOIN retries ON r.retry_of = retries.id
            )
            SELECT id FROM retries WHERE status IN ('pending', 'running') LIMIT 1
            """,
            (first,),
        ).fetchone()
        return row["id"] if row else None
