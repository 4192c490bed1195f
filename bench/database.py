"""The bench's own hold on the stack's database: the bare round trip, and bulk that would take too long by HTTP."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

ROUND_TRIPS = 3_000
DRAIN_SECONDS = 120.0


class Database:
    """One connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = psycopg.connect(url, autocommit=True)

    def close(self) -> None:
        self._connection.close()

    def round_trip(self) -> float:
        """Seconds of a `SELECT 1`, the median of many."""
        return statistics.median(self._timed() for _ in range(ROUND_TRIPS))

    def _timed(self) -> float:
        start = time.perf_counter()
        self._connection.execute("SELECT 1").fetchone()
        return time.perf_counter() - start

    def other_workspace(self, workspace_id: str) -> str:
        """A new workspace with the same members."""
        row = self._connection.execute(
            """
            WITH workspace AS (INSERT INTO workspaces (name) VALUES ('bench') RETURNING id)
            INSERT INTO workspace_members (workspace_id, user_id, role)
            SELECT workspace.id, member.user_id, member.role
            FROM workspace, workspace_members AS member WHERE member.workspace_id = %s
            RETURNING workspace_id
            """,
            (UUID(workspace_id),),
        ).fetchone()
        assert row is not None
        return str(row[0])

    def fill_workflows(self, workspace_id: str, count: int, graph: dict[str, Any]) -> None:
        """As many workflows as are missing to that count, a second apart, older than any drawn by hand."""
        self._connection.execute(
            """
            WITH workflow AS (
              INSERT INTO workflows (workspace_id, name, created_at)
              SELECT %(workspace_id)s, 'stored ' || number, NOW() - number * INTERVAL '1 second'
              FROM generate_series((SELECT count(*) FROM workflows WHERE workspace_id = %(workspace_id)s) + 1,
                                   %(count)s) AS number
              RETURNING id
            )
            INSERT INTO workflow_versions (workflow_id, version, graph_definition)
            SELECT id, 1, %(graph)s FROM workflow
            """,
            {"workspace_id": UUID(workspace_id), "count": count, "graph": Jsonb(graph)},
        )
        self._connection.execute("ANALYZE workflows, workflow_versions")  # autovacuum would, within a minute

    def copy_run(self, run_id: str, count: int) -> None:
        """Runs like one that has ended, a second apart, older than it."""
        self._connection.execute(
            """
            INSERT INTO workflow_runs
              (workflow_id, workspace_id, version, status, node_results, started_at, completed_at, input, output,
               trigger, triggered_by)
            SELECT workflow_id, workspace_id, version, status, node_results,
                   started_at - number * INTERVAL '1 second', completed_at - number * INTERVAL '1 second',
                   input, output, trigger, triggered_by
            FROM workflow_runs, generate_series(1, %(count)s) AS number
            WHERE id = %(run_id)s
            """,
            {"run_id": UUID(run_id), "count": count},
        )
        self._connection.execute("ANALYZE workflow_runs")

    def count_executed(self) -> int:
        """Runs that were really executed, and are over."""
        return self._number("SELECT count(DISTINCT run_id) FROM workflow_run_nodes")

    def fires(self, workflow_ids: list[str], minute: datetime) -> dict[str, Any]:
        """How often a minute's fire started runs of these workflows, and how long after it they were accepted and
        over. Raises TimeoutError."""
        time.sleep(max(0.0, (minute - datetime.now(UTC)).total_seconds()))
        end = time.monotonic() + DRAIN_SECONDS
        while (found := self._fires(workflow_ids, minute))["over"] < len(workflow_ids):
            if time.monotonic() > end:
                raise TimeoutError(f"after {DRAIN_SECONDS:g} s: {found}")
            time.sleep(0.2)
        return found

    def _fires(self, workflow_ids: list[str], minute: datetime) -> dict[str, Any]:
        row = self._connection.execute(
            """
            WITH runs AS (
              SELECT *, count(*) OVER (PARTITION BY workflow_id) AS of_workflow FROM workflow_runs
              WHERE workflow_id = ANY(%(workflow_ids)s) AND trigger = 'schedule'
            )
            SELECT count(*) AS runs, count(*) FILTER (WHERE of_workflow = 1) AS once,
                   count(*) FILTER (WHERE status = 'succeeded') AS over,
                   EXTRACT(EPOCH FROM max(started_at) - %(minute)s)::float AS accepted_within_seconds,
                   EXTRACT(EPOCH FROM max(completed_at) - %(minute)s)::float AS over_within_seconds
            FROM runs
            """,
            {"workflow_ids": [UUID(each) for each in workflow_ids], "minute": minute},
        ).fetchone()
        assert row is not None
        return dict(zip(("runs", "once", "over", "accepted_within_seconds", "over_within_seconds"), row, strict=True))

    def drain(self) -> None:
        """Wait until no run is on its way. Raises TimeoutError."""
        end = time.monotonic() + DRAIN_SECONDS
        while self._number("SELECT count(*) FROM workflow_runs WHERE status IN ('pending', 'running')"):
            if time.monotonic() > end:
                raise TimeoutError(f"runs are still on their way after {DRAIN_SECONDS:g} s")
            time.sleep(0.05)

    def _number(self, statement: str) -> int:
        row = self._connection.execute(statement.encode()).fetchone()
        assert row is not None
        return int(row[0])
