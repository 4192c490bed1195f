"""SQL of workflow_webhooks, and of the runs that they start."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from uuid import UUID

from chalicelib.compiler.webhook import Webhook
from chalicelib.db import Connection, one
from chalicelib.errors import NotFoundError

if TYPE_CHECKING:
    from .schemas import Listening, WebhookRow


class WebhookRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, token: str) -> Listening | None:
        """Who is asked at a token, with what its current version wants."""
        row = self._connection.execute(
            """
            SELECT w.id AS workflow_id, w.workspace_id, h.is_enabled AS enabled, v.webhook
            FROM workflow_webhooks h
            JOIN workflows w ON w.id = h.workflow_id
            JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.current_version
            WHERE h.token = %s
            """,
            (token,),
        ).fetchone()
        if row is None:
            return None
        return cast("Listening", row | {"webhook": row["webhook"] and Webhook.model_validate(row["webhook"])})

    def get(self, workspace_id: UUID, workflow_id: UUID) -> WebhookRow:
        """A workflow's webhook. Raises NotFoundError."""
        row = self._connection.execute(
            """
            SELECT h.token, h.is_enabled AS enabled, h.created_at, h.rotated_at
            FROM workflow_webhooks h JOIN workflows w ON w.id = h.workflow_id
            WHERE w.id = %s AND w.workspace_id = %s
            """,
            (workflow_id, workspace_id),
        ).fetchone()
        if row is None:
            raise NotFoundError(f'workflow {workflow_id} has no webhook; save it with a trigger of kind "webhook"')
        return cast("WebhookRow", row)

    def enable(self, workflow_id: UUID, *, enabled: bool) -> None:
        """Turn it on or off."""
        self._connection.execute(
            "UPDATE workflow_webhooks SET is_enabled = %s WHERE workflow_id = %s", (enabled, workflow_id)
        )

    def rotate(self, workflow_id: UUID) -> None:
        """Give it another token; the one before is no one's any more."""
        self._connection.execute(
            "UPDATE workflow_webhooks SET token = DEFAULT, rotated_at = NOW() WHERE workflow_id = %s", (workflow_id,)
        )

    def count_runs_of_last_minute(self, workflow_id: UUID) -> int:
        """How many runs its webhook started of late."""
        row = self._connection.execute(
            """
            SELECT count(*) AS runs FROM workflow_runs
            WHERE workflow_id = %s AND trigger = 'webhook' AND started_at > NOW() - INTERVAL '1 minute'
            """,
            (workflow_id,),
        ).fetchone()
        return int(one(row)["runs"])
