"""SQL of workflow_runs, of the results of their nodes, and of gates."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import cast
from uuid import UUID

from chalicelib.db import Connection
from chalicelib.errors import NotFoundError
from chalicelib.jsontext import to_text
from chalicelib.paging import Page
from chalicelib.workflows.schemas import VersionRow

from .schemas import (
    ClosedGate,
    NewRun,
    NodeRecord,
    RunDetail,
    RunRow,
    RunState,
    Scope,
    StartableRun,
    UnfinishedRun,
    json_or_null,
)


class RunRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, workspace_id: UUID, version: VersionRow, new: NewRun) -> StartableRun | None:
        """A pending run of a version; None where its idempotency key is taken, or its workflow was deleted."""
        row = self._connection.execute(
            """
            INSERT INTO workflow_runs (workflow_id, workspace_id, version, input, trigger, triggered_by,
                                       idempotency_key, request_hash)
            SELECT id, workspace_id, %(version)s, %(input)s::jsonb, %(trigger)s, %(triggered_by)s,
                   %(key)s::text, %(hash)s
            FROM workflows WHERE id = %(workflow_id)s AND workspace_id = %(workspace_id)s
            ON CONFLICT (workflow_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
            RETURNING id, workflow_id
            """,
            {
                "workspace_id": workspace_id,
                "workflow_id": version["workflow_id"],
                "version": version["version"],
                "input": to_text(new.input),
                "trigger": new.trigger,
                "triggered_by": new.triggered_by,
                "key": new.idempotency_key,
                "hash": new.request_hash,
            },
        ).fetchone()
        return cast("StartableRun", row | {"version_id": version["id"]}) if row else None

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

    def mark_running(self, run_id: UUID, execution_arn: str) -> None:
        """The execution was started; a run that has already ended stays so."""
        self._connection.execute(
            """
            UPDATE workflow_runs
            SET execution_arn = %(arn)s, status = CASE WHEN status = 'pending' THEN 'running' ELSE status END
            WHERE id = %(run_id)s
            """,
            {"run_id": run_id, "arn": execution_arn},
        )

    def get(self, workspace_id: UUID, workflow_id: UUID, run_id: UUID) -> RunDetail:
        """A run with the results of all its nodes as they are now. Raises NotFoundError.

        A run that succeeded has them folded in its row; late results may still join the others.
        """
        row = self._connection.execute(
            """
            SELECT r.id, r.workflow_id, r.workspace_id, r.version, r.status, r.trigger, r.triggered_by,
                   r.started_at, r.completed_at, r.error_message, r.input, r.output, r.execution_arn,
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

    def list_runs(self, workspace_id: UUID, workflow_id: UUID, page: Page, status: str | None) -> list[RunRow]:
        """One more than a page, newest first."""
        moment, item_id = page.before or (None, None)
        rows = self._connection.execute(
            """
            SELECT id, workflow_id, workspace_id, version, status, trigger, triggered_by, started_at,
                   completed_at,
                   left(error_message, 1000)
                     || CASE WHEN length(error_message) > 1000 THEN '… (cut)' ELSE '' END AS error_message
            FROM workflow_runs
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

    def list_unfinished(self) -> list[UnfinishedRun]:
        """Every run that has not ended, oldest first."""
        rows = self._connection.execute(
            """
            SELECT r.id, r.workflow_id, r.execution_arn, v.id AS version_id
            FROM workflow_runs r
            JOIN workflow_versions v ON v.workflow_id = r.workflow_id AND v.version = r.version
            WHERE r.status IN ('pending', 'running')
            ORDER BY r.started_at
            """
        ).fetchall()
        return cast("list[UnfinishedRun]", rows)

    def find_state(self, scope: Scope, nodes: Iterable[str], outputs: Iterable[str]) -> RunState | None:
        """The run, the item, and the records of some nodes in or around it; of those in `outputs` with output and
        error."""
        row = self._connection.execute(
            """
            SELECT r.id, r.workflow_id, r.workspace_id, r.version, r.status, r.trigger, r.started_at, r.input,
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

        A result that is decided is never overwritten, and one that was cancelled only by what came of it after all.
        A first start is kept. In a run or an item that has ended nothing begins. The run is held before its results
        are, in the order of whoever deletes it: no deadlock.
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
              (run_id, path, node_id, status, started_at, completed_at, attempts, output, error, branch)
            SELECT run.id, given.*
            FROM run, unnest(%(path)s::text[], %(node_id)s::text[], %(status)s::text[], %(started_at)s::timestamptz[],
                        %(completed_at)s::timestamptz[], %(attempts)s::int[], %(output)s::jsonb[],
                        %(error)s::jsonb[], %(branch)s::text[])
              AS given(path, node_id, status)
            WHERE run.goes_on OR given.status NOT IN ('running', 'waiting')
            ORDER BY given.path, given.node_id
            ON CONFLICT (run_id, path, node_id) DO UPDATE SET
              status = EXCLUDED.status,
              started_at = coalesce(workflow_run_nodes.started_at, EXCLUDED.started_at),
              completed_at = EXCLUDED.completed_at,
              attempts = EXCLUDED.attempts,
              output = EXCLUDED.output,
              error = EXCLUDED.error,
              branch = EXCLUDED.branch
            WHERE workflow_run_nodes.status IN ('running', 'waiting')
               OR (workflow_run_nodes.status = 'cancelled' AND EXCLUDED.status IN ('succeeded', 'failed'))
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

    def save_gate(self, scope: Scope, gate: str, token: str, nodes: Iterable[str]) -> None:
        """A gate that is closed; a later token of the same gate takes the place of an earlier one."""
        self._connection.execute(
            """
            INSERT INTO workflow_run_gates (run_id, path, container, gate, token, nodes)
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (run_id, path, container, gate) DO UPDATE SET token = EXCLUDED.token, nodes = EXCLUDED.nodes
            """,
            (scope.run_id, scope.path, scope.container or "", gate, token, list(nodes)),
        )

    def list_gates(self, scope: Scope) -> list[ClosedGate]:
        """The closed gates of a run or an item."""
        rows = self._connection.execute(
            """
            SELECT gate, token, nodes FROM workflow_run_gates
            WHERE run_id = %s AND path = %s AND container = %s ORDER BY gate
            """,
            (scope.run_id, scope.path, scope.container or ""),
        ).fetchall()
        return [ClosedGate(**row) for row in rows]

    def delete_gates(self, run_id: UUID, tokens: Iterable[str]) -> None:
        """Forget gates that were opened."""
        self._connection.execute(
            "DELETE FROM workflow_run_gates WHERE run_id = %s AND token = ANY(%s)", (run_id, list(tokens))
        )

    def delete_gates_inside(self, scope: Scope, containers: Iterable[str]) -> None:
        """Forget the gates of a run or an item, and of the items of these containers in it."""
        self._connection.execute(
            """
            DELETE FROM workflow_run_gates
            WHERE run_id = %s AND starts_with(path, %s) AND container = ANY(%s)
            """,
            (scope.run_id, scope.path, [scope.container or "", *containers]),
        )

    def settle(self, run_id: UUID, status: str, ends: list[str], error_message: str | None) -> None:
        """End a run: fold the node results into its row; its output is that of the node that ended it, or of
        each by its id when there are several."""
        self._connection.execute(
            """
            UPDATE workflow_runs SET
              status = %(status)s::text,
              error_message = %(error_message)s,
              completed_at = clock_timestamp(),
              node_results = run_node_results(id, %(status)s::text),
              output = joined_output(id, '', %(ends)s::text[])
            WHERE id = %(run_id)s AND status IN ('pending', 'running')
            """,
            {"run_id": run_id, "status": status, "ends": ends, "error_message": error_message},
        )
