"""URLs of workflows, their versions and templates."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chalicelib.api import Request, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services
from chalicelib.errors import ConflictError

if TYPE_CHECKING:
    from chalicelib.paging import Page, Paged

    from .controller import WorkflowController
    from .schemas import (
        CloneTemplate,
        CreateWorkflow,
        ListWorkflows,
        Merge,
        Merged,
        Rollback,
        TemplateRow,
        UpdateWorkflow,
        Validate,
        Validated,
        VersionDetail,
        VersionRow,
        WorkflowAnswer,
        WorkflowRow,
    )

routes = Routes(__name__)


def _controller() -> WorkflowController:
    from .controller import WorkflowController

    return WorkflowController(services().workflows)


@routes.route("GET", "/", Role.MEMBER)
def list_workflows(request: Request, query: ListWorkflows) -> Paged[WorkflowRow]:
    """List workflows, without their graphs."""
    return _controller().list_workflows(request, query)


@routes.route("POST", "/", Role.OWNER, status=HTTPStatus.CREATED)
def create_workflow(request: Request, body: CreateWorkflow) -> WorkflowAnswer:
    """Create a workflow.

    A graph that can't work is refused with all its problems at once. What a run costs is in `certificate`.
    """
    return _controller().create(request, body)


@routes.route("GET", "/{workflow_id}", Role.MEMBER)
def get_workflow(request: Request) -> WorkflowAnswer:
    """Get a workflow with its current graph, as it was sent."""
    return _controller().get(request)


@routes.route("PUT", "/{workflow_id}", Role.OWNER, raises=[ConflictError])
def update_workflow(request: Request, body: UpdateWorkflow) -> WorkflowAnswer:
    """Update a workflow; a graph makes a new version.

    Only what is sent changes. An `expected_version` that is not current is a conflict, which tells what changed since.
    """
    return _controller().update(request, body)


@routes.route("DELETE", "/{workflow_id}", Role.OWNER, status=HTTPStatus.NO_CONTENT)
def delete_workflow(request: Request) -> None:
    """Delete a workflow with its versions and runs.

    Of a workflow with more runs than a request has time for (some 100,000), the oldest are deleted and the answer is a
    503 that says how many; the same request goes on.
    """
    return _controller().delete(request)


@routes.route("GET", "/{workflow_id}/versions", Role.MEMBER)
def list_versions(request: Request, query: Page) -> Paged[VersionRow]:
    """List versions, without their graphs."""
    return _controller().list_versions(request, query)


@routes.route("GET", "/{workflow_id}/versions/{version}", Role.MEMBER)
def get_version(request: Request) -> VersionDetail:
    """Get a version with its graph."""
    return _controller().get_version(request)


@routes.route("POST", "/{workflow_id}/rollback", Role.OWNER, raises=[ConflictError])
def rollback_workflow(request: Request, body: Rollback) -> WorkflowAnswer:
    """Roll back to a version: its graph is appended as a new one."""
    return _controller().rollback(request, body)


@routes.route("POST", "/{workflow_id}/merge", Role.OWNER, raises=[ConflictError])
def merge_workflow(request: Request, body: Merge) -> Merged:
    """Merge an edit with the current version; saves nothing.

    What can't have both changes is a conflict, and so is a graph that only both edits together make wrong.
    """
    return _controller().merge(request, body)


@routes.route("POST", "/validate", Role.MEMBER)
def validate_graph(request: Request, body: Validate) -> Validated:
    """Tell what is wrong with a graph, or what a run of it costs; saves nothing."""
    return _controller().validate(request, body)


@routes.route("GET", "/templates", Role.MEMBER)
def list_templates(request: Request, query: Page) -> Paged[TemplateRow]:
    """List the workspace's own templates, then those of the gallery."""
    return _controller().list_templates(request, query)


@routes.route("POST", "/templates/{template_id}/clone", Role.OWNER, status=HTTPStatus.CREATED)
def clone_template(request: Request, body: CloneTemplate) -> WorkflowAnswer:
    """Make a workflow of a template."""
    return _controller().clone_template(request, body)
