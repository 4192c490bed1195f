"""What users do with workflows: draw, change, roll back, delete, and start from templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from chalicelib.batches import in_batches
from chalicelib.compiler.webhook import Webhook
from chalicelib.errors import (
    ConflictError,
    InvalidError,
    MalformedError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)

from .differences import changes, entries, in_words
from .gallery import gallery
from .merge import merge
from .read_only import NOT_SCHEDULED, check_unchanged
from .repository import WorkflowRepository
from .schemas import (
    ChangeEntry,
    CloneTemplate,
    CreateWorkflow,
    Merge,
    Merged,
    NewVersion,
    Rollback,
    TemplateRow,
    UpdateWorkflow,
    VersionDetail,
    VersionRow,
    WorkflowDetail,
    WorkflowRow,
)
from .shown import shown

if TYPE_CHECKING:
    from chalicelib.compiler.certified import Certificate
    from chalicelib.compiler.graph import Graph
    from chalicelib.compiler.plan import Plan
    from chalicelib.db import Connection, Database
    from chalicelib.paging import Page, Paged

    from .drawings import Drawings

NOT_A_WORKFLOW = {
    "workspace_id": None,
    "current_version": 1,
    "schedule_cron": None,
    "schedule_timezone": "UTC",
    "schedule_enabled": False,
    "created_by": None,
}
"""The columns that a built-in template has no row for."""

DELETE_SECONDS = 15
"""How long a request goes on deleting the runs of a workflow. API Gateway waits for 29 seconds, and the rest takes a
few."""


class WorkflowService:
    """Use cases of workflows. All raise NotFoundError for ids of another workspace.

    `drawings` are asked for when something is drawn: a cold start that only reads does without the compiler.
    """

    def __init__(
        self,
        database: Database,
        drawings: Callable[[], Drawings],
        sync_timers: Callable[[UUID], object],
        delete_seconds: float = DELETE_SECONDS,
    ) -> None:
        self._database = database
        self._drawings = drawings
        self._sync_timers = sync_timers
        self._delete_seconds = delete_seconds

    def plan(self, version_id: UUID) -> Plan:
        """The plan of a version. Raises NotFoundError, InvalidError or MalformedError."""
        return self._drawings().plan(version_id)

    def list_workflows(self, workspace_id: UUID, page: Page, is_template: bool | None) -> Paged[WorkflowRow]:
        """A page of workflows without their graphs."""
        with self._database.connection() as connection:
            rows = WorkflowRepository(connection).list_workflows(workspace_id, page, is_template)
        return page.answer(rows, "created_at")

    def create(self, workspace_id: UUID, user_id: UUID, new: CreateWorkflow) -> WorkflowDetail:
        """Save version 1. Raises InvalidError, MalformedError or TooLargeError for a graph that can't run."""
        check_unchanged(new.shown, NOT_SCHEDULED)
        version = self._drawings().checked(new.graph_definition, workspace_id)
        return self._insert(workspace_id, user_id, new.name, new.description, version, is_template=new.is_template)

    def _insert(
        self,
        workspace_id: UUID,
        user_id: UUID,
        name: str,
        description: str | None,
        version: NewVersion,
        *,
        is_template: bool = False,
        template_id: UUID | None = None,
    ) -> WorkflowDetail:
        with self._database.transaction() as connection:
            repository = WorkflowRepository(connection)
            workflow_id = repository.insert(workspace_id, user_id, name, description, is_template, version)
            if template_id:
                repository.copy_schedule(template_id, workflow_id)
            return shown(repository.get(workspace_id, workflow_id))

    def validate(self, workspace_id: UUID, graph_definition: dict[str, Any]) -> Certificate | None:
        """What a run of a graph would cost; saves nothing. Raises as `create` does."""
        return self._drawings().checked(graph_definition, workspace_id).certificate

    def get(self, workspace_id: UUID, workflow_id: UUID) -> WorkflowDetail:
        """A workflow with its current graph."""
        with self._database.connection() as connection:
            return shown(WorkflowRepository(connection).get(workspace_id, workflow_id))

    def current_version(self, workspace_id: UUID, workflow_id: UUID) -> VersionRow:
        """The version that runs now."""
        with self._database.connection() as connection:
            return WorkflowRepository(connection).get_current_version(workspace_id, workflow_id)

    def require(self, connection: Connection, workspace_id: UUID, workflow_id: UUID) -> None:
        """Raises NotFoundError where the workspace has no such workflow."""
        WorkflowRepository(connection).require(workspace_id, workflow_id)

    def update(self, workspace_id: UUID, workflow_id: UUID, change: UpdateWorkflow) -> WorkflowDetail:
        """Change what is sent; a graph makes a new version. Raises ConflictError for a stale version."""
        graph = change.graph_definition
        version = None if graph is None else self._drawings().checked(graph, workspace_id, workflow_id)
        with self._database.transaction() as connection:
            repository = WorkflowRepository(connection)
            workflow = repository.lock(workspace_id, workflow_id)
            check_unchanged(change.shown, workflow)
            _check_version(repository, workflow, change.expected_version)
            if change.model_fields_set & {"name", "description", "is_template"}:
                description = (change.description,) if "description" in change.model_fields_set else None
                repository.update(workflow_id, change.name, change.is_template, description)
            if version is not None:
                repository.append_version(workflow_id, version)
            return shown(repository.get(workspace_id, workflow_id))

    def rollback(self, workspace_id: UUID, workflow_id: UUID, target: Rollback) -> WorkflowDetail:
        """Append a version with an older one's graph. Raises NotFoundError for a missing version, InvalidError for one
        that can't run any more."""
        found = self.get_version(workspace_id, workflow_id, target.version)
        self._drawings().check_again(workspace_id, workflow_id, found["id"])
        with self._database.transaction() as connection:
            repository = WorkflowRepository(connection)
            _check_version(repository, repository.lock(workspace_id, workflow_id), target.expected_version)
            old = repository.get_version(workflow_id, target.version)
            webhook = Webhook.model_validate(old["webhook"]) if old["webhook"] else None
            version = NewVersion(old["graph_definition"], old["certificate"], old["secrets"], webhook)
            repository.append_version(workflow_id, version)
            return shown(repository.get(workspace_id, workflow_id))

    def merge(self, workspace_id: UUID, workflow_id: UUID, edit: Merge) -> Merged:
        """What an editor drew and what was saved meanwhile, in one graph; saves nothing. Raises ConflictError where
        they don't go together, InvalidError, MalformedError or TooLargeError for an edit that can't run by itself."""
        self._drawings().checked(edit.mine, workspace_id, workflow_id, "mine")
        if isinstance(edit.base, dict):
            self._drawings().checked(edit.base, workspace_id, workflow_id, "base")
        with self._database.connection() as connection:
            repository = WorkflowRepository(connection)
            current = repository.get(workspace_id, workflow_id)
            began = edit.base
            base = repository.get_version(workflow_id, began)["graph_definition"] if isinstance(began, int) else began
        theirs = current["graph_definition"]
        merged = merge(base, edit.mine, theirs)
        self._check_together(merged, workspace_id, workflow_id)
        return {
            "graph_definition": merged,
            "base_version": edit.base if isinstance(edit.base, int) else None,
            "current_version": current["current_version"],
            "changes": {"mine": _entries(base, edit.mine), "theirs": _entries(base, theirs)},
        }

    def delete(self, workspace_id: UUID, workflow_id: UUID) -> None:
        """Delete a workflow with its versions and runs. Raises UnavailableError where there are more runs than one
        request has time for; the next one goes on."""
        with self._database.connection() as connection:
            repository = WorkflowRepository(connection)
            repository.require(workspace_id, workflow_id)
            count, is_all = in_batches(lambda limit: repository.delete_runs(workflow_id, limit), self._delete_seconds)
            if not is_all:
                raise UnavailableError(
                    f"the workflow has more runs than can be deleted at once: {count:,} were, the oldest; "
                    "send the request again to go on"
                )
            repository.delete(workspace_id, workflow_id)
        self._sync_timers(workflow_id)

    def list_versions(self, workspace_id: UUID, workflow_id: UUID, page: Page) -> Paged[VersionRow]:
        """A page of versions without their graphs."""
        with self._database.connection() as connection:
            repository = WorkflowRepository(connection)
            repository.require(workspace_id, workflow_id)
            return page.answer(repository.list_versions(workflow_id, page), "created_at")

    def get_version(self, workspace_id: UUID, workflow_id: UUID, version: int) -> VersionDetail:
        """One version with its graph."""
        with self._database.connection() as connection:
            repository = WorkflowRepository(connection)
            repository.require(workspace_id, workflow_id)
            return repository.get_version(workflow_id, version)

    def list_templates(self, workspace_id: UUID, page: Page) -> Paged[TemplateRow]:
        """A page of the workspace's own templates, then of the gallery."""
        with self._database.connection() as connection:
            rows = WorkflowRepository(connection).list_workflows(workspace_id, page, is_template=True)
        own = [{**row, "source": "workspace"} for row in rows]
        built_in = [
            {**NOT_A_WORKFLOW, **_without_graph(template), "source": "gallery"}
            for template in gallery().values()
            if page.before is None or (template["created_at"], template["id"]) < page.before
        ]
        found = sorted(own + built_in, key=lambda item: (item["created_at"], item["id"]), reverse=True)
        return page.answer(cast("list[TemplateRow]", found[: page.limit + 1]), "created_at")

    def clone_template(
        self, workspace_id: UUID, user_id: UUID, template_id: UUID, clone: CloneTemplate
    ) -> WorkflowDetail:
        """A new workflow with a template's graph, and its schedule turned off. Raises NotFoundError for no template,
        InvalidError for one whose graph can't run any more."""
        template = gallery().get(template_id) or self._own_template(workspace_id, template_id)
        version = self._drawings().checked(template["graph_definition"], workspace_id)
        name = clone.name or template["name"]
        cloned = self._insert(workspace_id, user_id, name, template["description"], version, template_id=template_id)
        if cloned["schedule_cron"]:
            self._sync_timers(cloned["id"])
        return cloned

    def _own_template(self, workspace_id: UUID, template_id: UUID) -> dict[str, Any]:
        with self._database.connection() as connection:
            workflow = WorkflowRepository(connection).get(workspace_id, template_id)
        if not workflow["is_template"]:
            raise NotFoundError(f"workflow {template_id} is not a template")
        return dict(workflow)

    def check(self, workspace_id: UUID, workflow_id: UUID | None, graph_definition: dict[str, Any]) -> Graph:
        """The graph of a drawing that could be saved. Raises InvalidError, MalformedError or TooLargeError."""
        self._drawings().checked(graph_definition, workspace_id, workflow_id)
        return self._drawings().graph(graph_definition)

    def _check_together(self, merged: dict[str, Any], workspace_id: UUID, workflow_id: UUID) -> None:
        try:
            self._drawings().checked(merged, workspace_id, workflow_id)
        except (MalformedError, InvalidError, TooLargeError) as error:
            raise ConflictError(f"both edits together are wrong: {error.detail}", error.errors) from None


def _entries(base: dict[str, Any], graph: dict[str, Any]) -> list[ChangeEntry]:
    return cast("list[ChangeEntry]", entries(changes(base, graph)))


def _check_version(repository: WorkflowRepository, workflow: WorkflowRow, expected: int | None) -> None:
    """Raises ConflictError with what changed since the version that the caller saw."""
    current = workflow["current_version"]
    if expected is None or expected == current:
        return
    if expected > current:
        raise _stale(f"there never was a version {expected}; the current version is {current}", expected, current)
    before, after = (
        repository.get_version(workflow["id"], version)["graph_definition"] for version in (expected, current)
    )
    found = changes(before, after)
    raise _stale(
        f"you changed version {expected}; the current version is {current}; since then {in_words(found)}",
        expected,
        current,
        entries(found),
    )


def _stale(detail: str, expected: int, current: int, changed: Sequence[dict[str, Any]] = ()) -> ConflictError:
    stale = {
        "code": "stale_version",
        "message": "load the workflow again",
        "path": "expected_version",
        "expected_version": expected,
        "current_version": current,
    }
    return ConflictError(detail, [stale, *changed])


def _without_graph(template: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in template.items() if key != "graph_definition"}
