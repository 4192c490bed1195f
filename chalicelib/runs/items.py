"""SQL of workflow_run_items: what containers run their nodes for, and what came of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast
from uuid import UUID

from chalicelib.jsontext import to_text

from .state import ItemRecord, Scope, json_or_null

if TYPE_CHECKING:
    from chalicelib.db import Connection
    from chalicelib.paging import PathPage

    from .results import ItemRow


class ItemRepository:
    """Statements on one connection; whoever opened it decides the transaction.

    `scope` is the run or the item that a container is in, and `container` its node id.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, scope: Scope, container: str, items: Sequence[Any]) -> None:
        """The items of a container; those that are there stay."""
        self._connection.execute(
            """
            INSERT INTO workflow_run_items (run_id, node_id, scope, position, item)
            SELECT %s, %s, %s, given.number - 1, nullif(given.item, 'null')
            FROM unnest(%s::jsonb[]) WITH ORDINALITY AS given(item, number)
            ON CONFLICT DO NOTHING
            """,
            (scope.run_id, container, scope.path, [to_text(item) for item in items]),
        )

    def list_pending(self, scope: Scope, container: str) -> list[int]:
        """The positions of the items that have not ended."""
        rows = self._connection.execute(
            """
            SELECT position FROM workflow_run_items
            WHERE run_id = %s AND node_id = %s AND scope = %s AND status = 'pending'
            ORDER BY position
            """,
            (scope.run_id, container, scope.path),
        ).fetchall()
        return [row["position"] for row in rows]

    def list_page(self, run_id: UUID, container: str, page: PathPage) -> list[ItemRow]:
        """One more than a page of a container's items in all of a run, each with its nodes' results."""
        rows = self._connection.execute(
            """
            SELECT listed.path, i.status, i.item, i.output, i.error,
                   (SELECT coalesce(jsonb_object_agg(n.node_id, node_result(n)), '{}')
                    FROM workflow_run_nodes n
                    WHERE n.run_id = i.run_id AND n.path = i.scope || i.position || '/') AS node_results
            FROM workflow_run_items i
            CROSS JOIN LATERAL (SELECT string_to_array(i.scope || i.position::text, '/')::int[] AS path) listed
            WHERE i.run_id = %s AND i.node_id = %s AND listed.path > %s::int[]
            ORDER BY listed.path
            LIMIT %s
            """,
            (run_id, container, page.after, page.limit + 1),
        ).fetchall()
        return cast("list[ItemRow]", rows)

    def list_outcomes(self, scope: Scope, container: str) -> list[ItemRecord]:
        """What came of all items, in their order; the items themselves are left out."""
        rows = self._connection.execute(
            """
            SELECT position, NULL AS item, status, output, error FROM workflow_run_items
            WHERE run_id = %s AND node_id = %s AND scope = %s
            ORDER BY position
            """,
            (scope.run_id, container, scope.path),
        ).fetchall()
        return [ItemRecord(**row) for row in rows]

    def list_batch(self, scope: Scope, container: str, positions: range) -> list[ItemRecord]:
        """The items at these positions that have not ended, in their order."""
        rows = self._connection.execute(
            """
            SELECT position, item, status FROM workflow_run_items
            WHERE run_id = %s AND node_id = %s AND scope = %s AND position BETWEEN %s AND %s AND status = 'pending'
            ORDER BY position
            """,
            (scope.run_id, container, scope.path, positions.start, positions.stop - 1),
        ).fetchall()
        return [ItemRecord(**row) for row in rows]

    def count(self, run_id: UUID, containers: Collection[str]) -> dict[str, dict[str, int]]:
        """How many items of these containers, outside of others, have which status; those that did not begin have
        none."""
        rows = self._connection.execute(
            """
            SELECT node_id, status, count(*) AS items FROM workflow_run_items
            WHERE run_id = %s AND node_id = ANY(%s) AND scope = ''
            GROUP BY node_id, status
            """,
            (run_id, list(containers)),
        ).fetchall()
        counts: dict[str, dict[str, int]] = {}
        for row in rows:
            counts.setdefault(row["node_id"], {})[row["status"]] = row["items"]
        return counts

    def has_failed(self, scope: Scope, container: str) -> bool:
        """Whether one of the items failed."""
        row = self._connection.execute(
            """
            SELECT FROM workflow_run_items
            WHERE run_id = %s AND node_id = %s AND scope = %s AND status = 'failed' LIMIT 1
            """,
            (scope.run_id, container, scope.path),
        ).fetchone()
        return row is not None

    def save(self, scope: Scope, container: str, items: Collection[ItemRecord]) -> None:
        """What came of items; of one that has ended already, nothing changes."""
        self._connection.execute(
            """
            UPDATE workflow_run_items SET status = given.status, output = given.output, error = given.error
            FROM unnest(%(position)s::int[], %(status)s::text[], %(output)s::jsonb[], %(error)s::jsonb[])
              AS given(position, status, output, error)
            WHERE run_id = %(run_id)s AND node_id = %(container)s AND scope = %(scope)s
              AND workflow_run_items.position = given.position AND workflow_run_items.status = 'pending'
            """,
            {
                "run_id": scope.run_id,
                "container": container,
                "scope": scope.path,
                "position": [item.position for item in items],
                "status": [item.status for item in items],
                "output": [json_or_null(item.output) for item in items],
                "error": [json_or_null(item.error) for item in items],
            },
        )

    def settle(
        self, item: Scope, status: Literal["succeeded", "failed"], ends: Iterable[str], error: Any = None
    ) -> None:
        """End an item; its output is that of the node that ended it, or of each by its id when there are several."""
        self._connection.execute(
            """
            UPDATE workflow_run_items
            SET status = %(status)s, error = %(error)s, output = joined_output(run_id, %(path)s, %(ends)s::text[])
            WHERE run_id = %(run_id)s AND node_id = %(container)s AND scope = %(outer)s AND position = %(index)s
              AND status = 'pending'
            """,
            {
                "run_id": item.run_id,
                "container": item.container,
                "outer": item.outer,
                "index": item.index,
                "path": item.path,
                "status": status,
                "ends": list(ends),
                "error": json_or_null(error),
            },
        )

    def cancel(self, scope: Scope, nodes: Iterable[str]) -> None:
        """Of the items in a run or an item, end those of these containers that have not ended, and these nodes in
        them.

        Twice, because what is begun in an item holds its lock: the second statement sees what the first waited for.
        """
        inside = {"run_id": scope.run_id, "scope": scope.path, "nodes": list(nodes)}
        for _ in range(2):
            self._connection.execute(
                """
                UPDATE workflow_run_items SET status = 'cancelled'
                WHERE run_id = %(run_id)s AND node_id = ANY(%(nodes)s) AND starts_with(scope, %(scope)s)
                  AND status = 'pending'
                """,
                inside,
            )
        self._connection.execute(
            """
            UPDATE workflow_run_nodes SET status = 'cancelled', completed_at = clock_timestamp()
            WHERE run_id = %(run_id)s AND node_id = ANY(%(nodes)s) AND starts_with(path, %(scope)s)
              AND path <> %(scope)s AND status IN ('running', 'waiting')
            """,
            inside,
        )

    def copy(self, run_id: UUID, retry_id: UUID, container: str, kept: Collection[str]) -> None:
        """Take over the items of a container. Where it has ended they stay as they are. Else those stay whose status
        is one of `kept`; all others are to be run."""
        self._connection.execute(
            """
            INSERT INTO workflow_run_items (run_id, node_id, scope, position, item, status, output, error)
            SELECT %(retry_id)s, i.node_id, i.scope, i.position, i.item,
                   CASE WHEN stays THEN i.status ELSE 'pending' END,
                   CASE WHEN stays THEN i.output END,
                   CASE WHEN stays THEN i.error END
            FROM workflow_run_items i
            JOIN workflow_run_nodes c ON c.run_id = %(retry_id)s AND c.node_id = i.node_id AND c.path = i.scope
            CROSS JOIN LATERAL (SELECT c.status <> 'running' OR i.status = ANY(%(kept)s) AS stays) known
            WHERE i.run_id = %(run_id)s AND i.node_id = %(container)s
            """,
            {"run_id": run_id, "retry_id": retry_id, "container": container, "kept": list(kept)},
        )
