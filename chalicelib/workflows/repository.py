"""SQL of workflows and workflow_versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.db import Connection, one
from chalicelib.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Collection

    from chalicelib.compiler.node_type import WorkflowReference
    from chalicelib.paging import Page

    from .schemas import NewVersion, ReferencedVersion, StoredWorkflow, VersionDetail, VersionRow, WorkflowRow


class WorkflowRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(
        self,
        workspace_id: UUID,
        created_by: UUID,
        name: str,
        description: str | None,
        is_template: bool,
        version: NewVersion,
    ) -> UUID:
        """A workflow and its version 1; its id."""
        row = self._connection.execute(
            """
            WITH workflow AS (
              INSERT INTO workflows (workspace_id, created_by, name, description, is_template)
              VALUES (%(workspace_id)s, %(created_by)s, %(name)s, %(description)s, %(is_template)s)
              RETURNING id, current_version
            ), version AS (
              INSERT INTO workflow_versions (workflow_id, version, graph_definition, certificate, secrets, webhook)
              SELECT id, current_version, %(graph)s, %(certificate)s, %(secrets)s, %(webhook)s FROM workflow
            ), webhook AS (
              INSERT INTO workflow_webhooks (workflow_id) SELECT id FROM workflow WHERE %(webhook)s::jsonb IS NOT NULL
            )
            SELECT id FROM workflow
            """,
            {
                "workspace_id": workspace_id,
                "created_by": created_by,
                "name": name,
                "description": description,
                "is_template": is_template,
                **_columns(version),
            },
        ).fetchone()
        return cast("UUID", one(row)["id"])

    def get(self, workspace_id: UUID, workflow_id: UUID) -> StoredWorkflow:
        """A workflow with its current graph. Raises NotFoundError."""
        row = self._connection.execute(
            """
            SELECT w.*, v.graph_definition, v.certificate, h.token AS webhook_token, h.is_enabled AS webhook_enabled,
                   (SELECT coalesce(jsonb_object_agg(taken.name, taken.nodes), '{}')
                    FROM jsonb_each(v.secrets) AS taken(name, nodes)
                    WHERE NOT EXISTS (
                      SELECT FROM workspace_secrets s
                      WHERE s.workspace_id = w.workspace_id AND s.name = taken.name AND s.updated_at IS NOT NULL
                    )) AS missing_secrets
            FROM workflows w
            JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.current_version
            LEFT JOIN workflow_webhooks h ON h.workflow_id = w.id AND v.webhook IS NOT NULL
            WHERE w.id = %s AND w.workspace_id = %s
            """,
            (workflow_id, workspace_id),
        ).fetchone()
        return cast("StoredWorkflow", _found(row, workflow_id))

    def require(self, workspace_id: UUID, workflow_id: UUID) -> None:
        """Raises NotFoundError where there is no such workflow."""
        row = self._connection.execute(
            "SELECT id FROM workflows WHERE id = %s AND workspace_id = %s", (workflow_id, workspace_id)
        ).fetchone()
        _found(row, workflow_id)

    def lock(self, workspace_id: UUID, workflow_id: UUID) -> WorkflowRow:
        """A workflow that no one else changes until the transaction ends. Raises NotFoundError."""
        row = self._connection.execute(
            "SELECT * FROM workflows WHERE id = %s AND workspace_id = %s FOR NO KEY UPDATE",
            (workflow_id, workspace_id),
        ).fetchone()
        return cast("WorkflowRow", _found(row, workflow_id))

    def list_workflows(self, workspace_id: UUID, page: Page, is_template: bool | None) -> list[WorkflowRow]:
        """One more than a page, newest first."""
        moment, item_id = page.before or (None, None)
        rows = self._connection.execute(
            """
            SELECT * FROM workflows
            WHERE workspace_id = %(workspace_id)s
              AND (%(moment)s::timestamptz IS NULL OR (created_at, id) < (%(moment)s, %(item_id)s::uuid))
              AND (%(is_template)s::boolean IS NULL OR is_template = %(is_template)s)
            ORDER BY created_at DESC, id DESC
            LIMIT %(limit)s
            """,
            {
                "workspace_id": workspace_id,
                "moment": moment,
                "item_id": item_id,
                "is_template": is_template,
                "limit": page.limit + 1,
            },
        ).fetchall()
        return cast("list[WorkflowRow]", rows)

    def update(
        self,
        workflow_id: UUID,
        name: str | None,
        is_template: bool | None,
        description: tuple[str | None] | None,
    ) -> None:
        """Change what is not None; a description is in a tuple because it may become null."""
        self._connection.execute(
            """
            UPDATE workflows SET
              name = coalesce(%(name)s, name),
              is_template = coalesce(%(is_template)s, is_template),
              description = CASE WHEN %(describe)s THEN %(description)s ELSE description END,
              updated_at = NOW()
            WHERE id = %(workflow_id)s
            """,
            {
                "workflow_id": workflow_id,
                "name": name,
                "is_template": is_template,
                "describe": description is not None,
                "description": description[0] if description else None,
            },
        )

    def copy_schedule(self, template_id: UUID, workflow_id: UUID) -> None:
        """Give a workflow the schedule of another one, where that has one; it is off."""
        self._connection.execute(
            """
            WITH template AS (
              SELECT w.schedule_cron, w.schedule_timezone, s.overlap, s.catch_up, s.pause_after_failures
              FROM workflows w JOIN workflow_schedules s ON s.workflow_id = w.id
              WHERE w.id = %(template_id)s AND w.schedule_cron IS NOT NULL
            ), workflow AS (
              UPDATE workflows w
              SET schedule_cron = template.schedule_cron, schedule_timezone = template.schedule_timezone
              FROM template WHERE w.id = %(workflow_id)s
              RETURNING w.id
            )
            INSERT INTO workflow_schedules (workflow_id, overlap, catch_up, pause_after_failures)
            SELECT workflow.id, overlap, catch_up, pause_after_failures FROM workflow, template
            """,
            {"template_id": template_id, "workflow_id": workflow_id},
        )

    def append_version(self, workflow_id: UUID, version: NewVersion) -> None:
        """The next version, made current."""
        self._connection.execute(
            """
            WITH workflow AS (
              UPDATE workflows SET current_version = current_version + 1, updated_at = NOW()
              WHERE id = %(workflow_id)s
              RETURNING id, current_version
            ), webhook AS (
              INSERT INTO workflow_webhooks (workflow_id) SELECT id FROM workflow WHERE %(webhook)s::jsonb IS NOT NULL
              ON CONFLICT DO NOTHING
            )
            INSERT INTO workflow_versions (workflow_id, version, graph_definition, certificate, secrets, webhook)
            SELECT id, current_version, %(graph)s, %(certificate)s, %(secrets)s, %(webhook)s FROM workflow
            """,
            {"workflow_id": workflow_id, **_columns(version)},
        )

    def delete_runs(self, workflow_id: UUID, limit: int) -> int:
        """Delete runs of a workflow, the oldest first, with their results; how many there were. What someone else works
        on is left for `delete`."""
        return self._connection.execute(
            """
            DELETE FROM workflow_runs WHERE id IN (
              SELECT id FROM workflow_runs WHERE workflow_id = %s ORDER BY started_at, id LIMIT %s
              FOR UPDATE SKIP LOCKED
            )
            """,
            (workflow_id, limit),
        ).rowcount

    def delete(self, workspace_id: UUID, workflow_id: UUID) -> None:
        """A workflow with its versions and what is left of its runs. Raises NotFoundError."""
        row = self._connection.execute(
            "DELETE FROM workflows WHERE id = %s AND workspace_id = %s RETURNING id",
            (workflow_id, workspace_id),
        ).fetchone()
        _found(row, workflow_id)

    def list_versions(self, workflow_id: UUID, page: Page) -> list[VersionRow]:
        """One more than a page, newest first."""
        rows = self._connection.execute(
            """
            SELECT id, workflow_id, version, created_at FROM workflow_versions
            WHERE workflow_id = %(workflow_id)s
              AND (%(last_id)s::uuid IS NULL
                   OR version < (SELECT version FROM workflow_versions
                                 WHERE id = %(last_id)s AND workflow_id = %(workflow_id)s))
            ORDER BY version DESC
            LIMIT %(limit)s
            """,
            {
                "workflow_id": workflow_id,
                "last_id": page.before[1] if page.before else None,
                "limit": page.limit + 1,
            },
        ).fetchall()
        return cast("list[VersionRow]", rows)

    def get_version(self, workflow_id: UUID, version: int) -> VersionDetail:
        """A version with its graph. Raises NotFoundError."""
        row = self._connection.execute(
            "SELECT * FROM workflow_versions WHERE workflow_id = %s AND version = %s", (workflow_id, version)
        ).fetchone()
        if row is None:
            raise NotFoundError(f"workflow {workflow_id} has no version {version}")
        return cast("VersionDetail", row)

    def get_current_version(self, workspace_id: UUID, workflow_id: UUID) -> VersionRow:
        """The current version without its graph. Raises NotFoundError."""
        row = self._connection.execute(
            """
            SELECT v.id, v.workflow_id, v.version, v.created_at
            FROM workflows w
            JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.current_version
            WHERE w.id = %s AND w.workspace_id = %s
            """,
            (workflow_id, workspace_id),
        ).fetchone()
        return cast("VersionRow", _found(row, workflow_id))

    def find_referenced(
        self, workspace_id: UUID, references: Collection[WorkflowReference]
    ) -> dict[WorkflowReference, ReferencedVersion]:
        """The versions that nodes run, of those that there are; the current one where a reference names none."""
        asked = list(references)
        rows = self._connection.execute(
            """
            SELECT asked.position, v.id, w.name
            FROM unnest(%(workflow_ids)s::uuid[], %(versions)s::int[]) WITH ORDINALITY
              AS asked (workflow_id, version, position)
            JOIN workflows w ON w.id = asked.workflow_id AND w.workspace_id = %(workspace_id)s
            JOIN workflow_versions v
              ON v.workflow_id = w.id AND v.version = coalesce(asked.version, w.current_version)
            """,
            {
                "workspace_id": workspace_id,
                "workflow_ids": [reference.workflow_id for reference in asked],
                "versions": [reference.version for reference in asked],
            },
        ).fetchall()
        return {asked[row["position"] - 1]: {"id": row["id"], "name": row["name"]} for row in rows}

    def find_graph(self, version_id: UUID) -> dict[str, Any] | None:
        """The graph of a version, by the version's own id; it never changes."""
        row = self._connection.execute(
            "SELECT graph_definition FROM workflow_versions WHERE id = %s", (version_id,)
        ).fetchone()
        return row["graph_definition"] if row else None


def _columns(version: NewVersion) -> dict[str, Any]:
    return {
        "graph": Jsonb(version.graph_definition),
        "certificate": version.certificate and Jsonb(version.certificate),
        "secrets": Jsonb(version.secrets),
        "webhook": version.webhook and Jsonb(version.webhook.model_dump()),
    }


def _found(row: dict[str, Any] | None, workflow_id: UUID) -> dict[str, Any]:
    if row is None:
        raise NotFoundError(f"there is no workflow {workflow_id}")
    return row
