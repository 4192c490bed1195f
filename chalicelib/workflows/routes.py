"""URLs of workflows, their versions and templates."""

from __future__ import annotations

from chalicelib.api import Request, Response, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services

from .controller import WorkflowController

routes = Routes(__name__)


def _controller() -> WorkflowController:
    return WorkflowController(services().workflows)


@routes.route("GET", "/", Role.MEMBER)
def list_workflows(request: Request) -> Response:
    """List workflows."""
    return _controller().list_workflows(request)


@routes.route("POST", "/", Role.OWNER)
def create_workflow(request: Request) -> Response:
    """Create a workflow."""
    return _controller().create(request)


@routes.route("GET", "/{workflow_id}", Role.MEMBER)
def get_workflow(request: Request) -> Response:
    """Get a workflow and its current version."""
    return _controller().get(request)


@routes.route("PUT", "/{workflow_id}", Role.OWNER)
def update_workflow(request: Request) -> Response:
    """Update a workflow; a graph makes a new version."""
    return _controller().update(request)


@routes.route("DELETE", "/{workflow_id}", Role.OWNER)
def delete_workflow(request: Request) -> Response:
    """Delete a workflow."""
    return _controller().delete(request)


@routes.route("GET", "/{workflow_id}/versions", Role.MEMBER)
def list_versions(request: Request) -> Response:
    """List versions."""
    return _controller().list_versions(request)


@routes.route("GET", "/{workflow_id}/versions/{version}", Role.MEMBER)
def get_version(request: Request) -> Response:
    """Get a version with its graph."""
    return _controller().get_version(request)


@routes.route("POST", "/{workflow_id}/rollback", Role.OWNER)
def rollback_workflow(request: Request) -> Response:
    """Roll back to a version."""
    return _controller().rollback(request)


@routes.route("POST", "/{workflow_id}/merge", Role.OWNER)
def merge_workflow(request: Request) -> Response:
    """Merge an edit with the current version; saves nothing."""
    return _controller().merge(request)


@routes.route("POST", "/validate", Role.MEMBER)
def validate_graph(request: Request) -> Response:
    """Tell what is wrong with a graph, or what a run of it costs; saves nothing."""
    return _controller().validate(request)


@routes.route("GET", "/templates", Role.MEMBER)
def list_templates(request: Request) -> Response:
    """List templates."""
    return _controller().list_templates(request)


@routes.route("POST", "/templates/{template_id}/clone", Role.OWNER)
def clone_template(request: Request) -> Response:
    """Clone a template."""
    return _controller().clone_template(request)
