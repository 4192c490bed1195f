"""SQL of runs that a node of another run started and waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from chalicelib.jsontext import to_text

from .state import ChildRun, ClosedGate, Parent, Scope, UnfinishedRun

if TYPE_CHECKING:
    from chalicelib.db import Connection


class ChildRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, scope: Scope, node_id: str) -> ChildRun | None:
        """The run that a node started; None where it was deleted."""
        row = self._connection.execute(
            """
            SELECT r.id, r.workflow_id, v.id AS version_id, r.execution_arn, r.executions, r.status, r.output,
                   r.error_message
            FROM workflow_runs r
            JOIN workflow_versions v ON v.workflow_id = r.workflow_id AND v.version = r.version
            WHERE r.parent_run_id = %s AND r.parent_path = %s AND r.parent_node_id = %s
            """,
            (scope.run_id, scope.path, node_id),
        ).fetchone()
        return cast("ChildRun | None", row)

    def find_before(self, parent: Parent, workflow_id: UUID, run_input: Any) -> UUID | None:
        """The run that a node of a retry goes on from: the one that it started in the latest of the runs before that
        came so far, if it was of this workflow, had an equal input, and has ended.

        None also where the node had succeeded: then it is made to run again.
        """
        row = self._connection.execute(
            """
            WITH RECURSIVE before AS (
              SELECT retry_of AS id, 1 AS place FROM workflow_runs WHERE id = %(run_id)s
              UNION ALL SELECT r.retry_of, place + 1 FROM workflow_runs r JOIN before USING (id)
            ), latest AS (
              SELECT c.id, c.workflow_id, c.input, c.status, n.status AS node_status
              FROM before
              JOIN workflow_runs c
                ON c.parent_run_id = before.id AND c.parent_path = %(path)s AND c.parent_node_id = %(node_id)s
              JOIN workflow_run_nodes n
                ON n.run_id = c.parent_run_id AND n.path = c.parent_path AND n.node_id = c.parent_node_id
              ORDER BY place LIMIT 1
            )
            SELECT id FROM latest
            WHERE workflow_id = %(workflow_id)s AND input = %(input)s::jsonb
              AND status NOT IN ('pending', 'running') AND node_status <> 'succeeded'
            """,
            {
                "run_id": parent.run_id,
                "path": parent.path,
                "node_id": parent.node_id,
                "workflow_id": workflow_id,
                "input": to_text(run_input),
            },
        ).fetchone()
        return row["id"] if row else None

    def goes_on(self, scope: Scope, node_id: str) -> bool:
        """Whether the run that a node started has not ended. It can't end before the transaction does."""
        row = self._connection.execute(
            """
            SELECT status IN ('pending', 'running') AS goes_on FROM workflow_runs
            WHERE parent_run_id = %s AND parent_path = %s AND parent_node_id = %s FOR SHARE
            """,
            (scope.run_id, scope.path, node_id),
        ).fetchone()
        return row is not None and bool(row["goes_on"])

    def list_line(self, run_id: UUID) -> list[dict[str, Any]]:
        """The workflows, `{id, name}`, of a run, of the one that started it, and so on."""
        return self._connection.execute(
            """
            WITH RECURSIVE line AS (
              SELECT workflow_id, parent_run_id, 1 AS place FROM workflow_runs WHERE id = %s
              UNION ALL
              SELECT r.workflow_id, r.parent_run_id, place + 1
              FROM workflow_runs r JOIN line ON r.id = line.parent_run_id
            )
            SELECT w.id, w.name FROM line JOIN workflows w ON w.id = line.workflow_id ORDER BY place
            """,
            (run_id,),
        ).fetchall()

    def list_unfinished(self, run_id: UUID) -> list[UnfinishedRun]:
        """The runs that go on of those that nodes of a run started."""
        rows = self._connection.execute(
            """
            SELECT r.id, r.workflow_id, v.id AS version_id, r.execution_arn, r.executions
            FROM workflow_runs r
            JOIN workflow_versions v ON v.workflow_id = r.workflow_id AND v.version = r.version
            WHERE r.parent_run_id = %s AND r.status IN ('pending', 'running') ORDER BY r.started_at, r.id
            """,
            (run_id,),
        ).fetchall()
        return cast("list[UnfinishedRun]", rows)

    def list_forsaken(self, limit: int) -> list[UnfinishedRun]:
        """Runs that go on while the node that started them waits no more, or its run has ended."""
        rows = self._connection.execute(
            """
            SELECT r.id, r.workflow_id, v.id AS version_id, r.execution_arn, r.executions
            FROM workflow_runs r
            JOIN workflow_versions v ON v.workflow_id = r.workflow_id AND v.version = r.version
            JOIN workflow_runs p ON p.id = r.parent_run_id
            LEFT JOIN workflow_run_nodes n
              ON n.run_id = r.parent_run_id AND n.path = r.parent_path AND n.node_id = r.parent_node_id
            WHERE r.status IN ('pending', 'running')
              AND (n.status IS DISTINCT FROM 'waiting' OR p.status NOT IN ('pending', 'running'))
            LIMIT %s
            """,
            (limit,),
        ).fetchall()
        return cast("list[UnfinishedRun]", rows)

    def list_gates(self, run_id: UUID) -> list[tuple[UUID, ClosedGate]]:
        """The gates that a run which has ended opens, each with the run that waits at it."""
        rows = self._connection.execute(
            """
            SELECT g.run_id, g.gate, g.token, g.nodes FROM workflow_runs r
            JOIN workflow_run_gates g
              ON g.run_id = r.parent_run_id AND g.path = r.parent_path AND g.answers = r.parent_node_id
            WHERE r.id = %s AND r.status NOT IN ('pending', 'running')
            """,
            (run_id,),
        ).fetchall()
        return [(row.pop("run_id"), ClosedGate(**row)) for row in rows]
