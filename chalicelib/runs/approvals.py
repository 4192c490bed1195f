"""SQL of nodes that wait for someone to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from uuid import UUID

if TYPE_CHECKING:
    from chalicelib.db import Connection
    from chalicelib.paging import Page

    from .results import Approval


class ApprovalRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list_waiting(self, workspace_id: UUID, page: Page) -> list[Approval]:
        """One more than a page of a workspace's, those asked last first.

        Nodes of a run may have been asked at the same moment; what orders them is made of the run's id and the rest.
        """
        moment, item_id = page.before or (None, None)
        rows = self._connection.execute(
            """
            SELECT asked.* FROM (
              SELECT md5(r.id || ' ' || n.path || ' ' || n.node_id)::uuid AS id, r.workflow_id, w.name AS workflow_name,
                     r.id AS run_id, n.node_id,
                     (SELECT drawn.node #>> '{data,label}'
                      FROM workflow_versions v
                      CROSS JOIN LATERAL jsonb_array_elements(v.graph_definition -> 'nodes') AS drawn(node)
                      WHERE v.workflow_id = r.workflow_id AND v.version = r.version
                        AND drawn.node ->> 'id' = n.node_id) AS label,
                     n.path, n.output ->> 'message' AS message, n.output -> 'decisions' AS decisions,
                     'member' AS may_decide, n.started_at AS requested_at,
                     (n.output ->> 'expires_at')::timestamptz AS expires_at
              FROM workflow_run_nodes n
              JOIN workflow_runs r ON r.id = n.run_id
              JOIN workflows w ON w.id = r.workflow_id
              WHERE n.status = 'waiting' AND n.output ? 'decisions' AND r.workspace_id = %(workspace_id)s
                AND r.status IN ('pending', 'running')
            ) asked
            WHERE %(moment)s::timestamptz IS NULL OR (requested_at, id) < (%(moment)s, %(item_id)s::uuid)
            ORDER BY requested_at DESC, id DESC
            LIMIT %(limit)s
            """,
            {"workspace_id": workspace_id, "moment": moment, "item_id": item_id, "limit": page.limit + 1},
        ).fetchall()
        return cast("list[Approval]", rows)
