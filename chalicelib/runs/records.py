"""SQL of workflow_run_nodes: what every node did in a run, and in its items."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from .state import NodeRecord, RunState, Scope, json_or_null

if TYPE_CHECKING:
    from chalicelib.db import Connection


class RecordRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_state(self, scope: Scope, nodes: Iterable[str], outputs: Iterable[str]) -> RunState | None:
        """The run, the item, and the records of some nodes in or around it; of those in `outputs` with output and
        error."""
        row = self._connection.execute(
            """
            SELECT r.id, r.workflow_id, r.workspace_id, r.version, r.status, r.trigger, r.triggered_by,
                   r.started_at, r.input, r.parent_run_id, r.retry_of,
                   coalesce(r.deadline_at < clock_timestamp(), FALSE) AS is_overdue,
                   i.item, i.status AS item_status,
                   (SELECT jsonb_agg(jsonb_build_object(
                      'node_id', n.node_id, 'path', n.path, 'status', n.status, 'branch', n.branch,
                      'attempts', n.attempts,
                      'output', CASE WHEN n.node_id = ANY(%(outputs)s) THEN n.output END,
                      'error', CASE WHEN n.node_id = ANY(%(outputs)s) THEN n.error END))
                    FROM workflow_run_nodes n
                    WHERE n.run_id = r.id AND n.path = ANY(%(paths)s) AND n.node_id = ANY(%(nodes)s)) AS records
            FROM workflow_runs r
            LEFT JOIN workflow_run_items i
              ON i.run_id = r.id AND i.node_id = %(container)s AND i.scope = %(outer)s AND i.position = %(index)s
            WHERE r.id = %(run_id)s
            """,
            {
                "run_id": scope.run_id,
                "container": scope.container,
                "outer": scope.outer,
                "index": scope.index,
                "paths": list(scope.paths),
                "nodes": list(nodes),
                "outputs": list(outputs),
            },
        ).fetchone()
        if row is None:
            return None
        records = row.pop("records") or []
        item, item_status = row.pop("item"), row.pop("item_status")
        by_id = {record["node_id"]: NodeRecord(**record) for record in records}
        return RunState(row, by_id, item, scope.index, item_status)

    def save_records(self, scope: Scope, records: Collection[NodeRecord]) -> set[str]:
        """Write node results; the ids of those written.

        A result that is decided is never overwritten, and one that was cancelled only where it had begun, by what came
        of it after all. A first start is kept. In a run or an item that has ended nothing begins. The run is held
        before its results are, in the order of whoever deletes it: no deadlock.
        """
        rows = self._connection.execute(
            """
            WITH run AS MATERIALIZED (
              SELECT id, status IN ('pending', 'running') AND NOT EXISTS (
                SELECT FROM workflow_run_items i
                WHERE i.run_id = workflow_runs.id AND i.node_id = %(container)s AND i.scope = %(outer)s
                  AND i.position = %(index)s AND i.status <> 'pending') AS goes_on
              FROM workflow_runs WHERE id = %(run_id)s FOR KEY SHARE
            )
            INSERT INTO workflow_run_nodes
              (run_id, path, node_id, status, started_at, completed_at, attempts, output, error, branch,
               attempt_started_at, attempt_ended_at)
            SELECT run.id, given.*, given.started_at,
                   CASE WHEN given.status = 'running' AND given.error IS NOT NULL THEN clock_timestamp() END
            FROM run, unnest(%(path)s::text[], %(node_id)s::text[], %(status)s::text[], %(started_at)s::timestamptz[],
                        %(completed_at)s::timestamptz[], %(attempts)s::int[], %(output)s::jsonb[],
                        %(error)s::jsonb[], %(branch)s::text[])
              AS given(path, node_id, status, started_at, completed_at, attempts, output, error, branch)
            WHERE run.goes_on OR given.status NOT IN ('running', 'waiting')
            ORDER BY given.path, given.node_id
            ON CONFLICT (run_id, path, node_id) DO UPDATE SET
              status = EXCLUDED.status,
              started_at = coalesce(workflow_run_nodes.started_at, EXCLUDED.started_at),
              completed_at = EXCLUDED.completed_at,
              attempts = EXCLUDED.attempts,
              output = EXCLUDED.output,
              error = EXCLUDED.error,
              branch = EXCLUDED.branch,
              attempt_started_at = coalesce(EXCLUDED.attempt_started_at, workflow_run_nodes.attempt_started_at),
              attempt_ended_at = EXCLUDED.attempt_ended_at,
              earlier_attempts = CASE WHEN EXCLUDED.attempts > workflow_run_nodes.attempts
                THEN attempts_before(workflow_run_nodes) ELSE workflow_run_nodes.earlier_attempts END
            WHERE workflow_run_nodes.status IN ('running', 'waiting')
               OR (workflow_run_nodes.status = 'cancelled' AND workflow_run_nodes.attempts > 0
                   AND EXCLUDED.status IN ('succeeded', 'failed'))
            RETURNING node_id
            """,
            {
                "run_id": scope.run_id,
                "container": scope.container,
                "outer": scope.outer,
                "index": scope.index,
                "path": [record.path for record in records],
                "node_id": [record.node_id for record in records],
                "status": [record.status for record in records],
                "started_at": [record.started_at for record in records],
                "completed_at": [record.completed_at for record in records],
                "attempts": [record.attempts for record in records],
                "output": [json_or_null(record.output) for record in records],
                "error": [json_or_null(record.error) for record in records],
                "branch": [record.branch for record in records],
            },
        ).fetchall()
        return {row["node_id"] for row in rows}

    def list_records(self, scope: Scope, nodes: Iterable[str]) -> dict[str, NodeRecord]:
        """The records of the nodes of a run or an item that have one, without their outputs."""
        rows = self._connection.execute(
            """
            SELECT node_id, path, status, started_at, completed_at, attempts, error, branch
            FROM workflow_run_nodes WHERE run_id = %s AND path = %s AND node_id = ANY(%s)
            """,
            (scope.run_id, scope.path, list(nodes)),
        ).fetchall()
        return {row["node_id"]: NodeRecord(**row) for row in rows}

    def cancel_drawn(self, run_id: UUID) -> None:
        """Cancel what runs in a run and in its items, and all nodes of it that have no result, as they were drawn."""
        self._connection.execute(
            """
            WITH running AS (
              UPDATE workflow_run_nodes SET status = 'cancelled', completed_at = clock_timestamp()
              WHERE run_id = %(run_id)s AND status IN ('running', 'waiting')
            ), pending AS (
              UPDATE workflow_run_items SET status = 'cancelled' WHERE run_id = %(run_id)s AND status = 'pending'
            )
            INSERT INTO workflow_run_nodes (run_id, node_id, status, completed_at)
            SELECT r.id, drawn.node ->> 'id', 'cancelled', clock_timestamp()
            FROM workflow_runs r
            JOIN workflow_versions v ON v.workflow_id = r.workflow_id AND v.version = r.version
            CROSS JOIN LATERAL jsonb_array_elements(v.graph_definition -> 'nodes') AS drawn(node)
            WHERE r.id = %(run_id)s AND drawn.node ->> 'parentId' IS NULL
            ON CONFLICT DO NOTHING
            """,
            {"run_id": run_id},
        )

    def copy(self, run_id: UUID, retry_id: UUID, unchanged: Collection[str], dealt_with: Collection[str]) -> None:
        """Take over the results of these nodes, outside of containers, that succeeded; where the run goes on after an
        error, those that failed."""
        self._connection.execute(
            """
            INSERT INTO workflow_run_nodes
              (run_id, path, node_id, status, started_at, completed_at, attempts, output, error, branch,
               attempt_started_at, attempt_ended_at, earlier_attempts)
            SELECT %(retry_id)s, path, node_id, status, started_at, completed_at, attempts, output, error, branch,
                   attempt_started_at, attempt_ended_at, earlier_attempts
            FROM workflow_run_nodes
            WHERE run_id = %(run_id)s AND path = '' AND node_id = ANY(%(unchanged)s)
              AND (status = 'succeeded' OR (status = 'failed' AND node_id = ANY(%(dealt_with)s)))
            """,
            {"run_id": run_id, "retry_id": retry_id, "unchanged": list(unchanged), "dealt_with": list(dealt_with)},
        )

    def copy_inside(
        self,
        run_id: UUID,
        retry_id: UUID,
        container: str,
        nodes: Iterable[str],
        unchanged: Collection[str],
        dealt_with: Collection[str],
    ) -> None:
        """The same for the nodes right in the items of a container; of items that have ended, all results as they
        are."""
        self._connection.execute(
            """
            INSERT INTO workflow_run_nodes
              (run_id, path, node_id, status, started_at, completed_at, attempts, output, error, branch,
               attempt_started_at, attempt_ended_at, earlier_attempts)
            SELECT %(retry_id)s, n.path, n.node_id, n.status, n.started_at, n.completed_at, n.attempts, n.output,
                   n.error, n.branch, n.attempt_started_at, n.attempt_ended_at, n.earlier_attempts
            FROM workflow_run_items i
            JOIN workflow_run_nodes n ON n.run_id = %(run_id)s AND n.path = i.scope || i.position || '/'
            WHERE i.run_id = %(retry_id)s AND i.node_id = %(container)s AND n.node_id = ANY(%(nodes)s)
              AND n.status NOT IN ('running', 'waiting')
              AND (i.status <> 'pending' OR (n.node_id = ANY(%(unchanged)s) AND (
                n.status = 'succeeded' OR (n.status = 'failed' AND n.node_id = ANY(%(dealt_with)s)))))
            """,
            {
                "run_id": run_id,
                "retry_id": retry_id,
                "container": container,
                "nodes": list(nodes),
                "unchanged": list(unchanged),
                "dealt_with": list(dealt_with),
            },
        )

    def copy_begun(self, run_id: UUID, retry_id: UUID, container: str, outer: str | None) -> None:
        """Go on with a container where it had begun and is not taken over as it ended: in the run, or in those items
        of the container around it that are to be run."""
        self._connection.execute(
            """
            INSERT INTO workflow_run_nodes (run_id, path, node_id, status, started_at, attempts, attempt_started_at)
            SELECT %(retry_id)s, n.path, n.node_id, 'running', n.started_at, n.attempts, n.attempt_started_at
            FROM workflow_run_nodes n
            WHERE n.run_id = %(run_id)s AND n.node_id = %(container)s
              AND EXISTS (
                SELECT FROM workflow_run_items i
                WHERE i.run_id = n.run_id AND i.node_id = n.node_id AND i.scope = n.path)
              AND (%(outer)s::text IS NULL OR EXISTS (
                SELECT FROM workflow_run_items o
                WHERE o.run_id = %(retry_id)s AND o.node_id = %(outer)s AND o.status = 'pending'
                  AND o.scope || o.position || '/' = n.path))
            ON CONFLICT DO NOTHING
            """,
            {"run_id": run_id, "retry_id": retry_id, "container": container, "outer": outer},
        )
