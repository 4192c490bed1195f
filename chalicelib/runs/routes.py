"""URLs of runs, and the Lambda that runs their nodes."""

from __future__ import annotations

from typing import Any

from chalicelib.api import Request, Response, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services

from .controller import RunController

routes = Routes(__name__)


def _controller() -> RunController:
    return RunController(services().runs)


@routes.route("POST", "/{workflow_id}/execute", Role.MEMBER)
def execute_workflow(request: Request) -> Response:
    """Execute a workflow."""
    return _controller().execute(request)


@routes.route("GET", "/{workflow_id}/runs", Role.MEMBER)
def list_runs(request: Request) -> Response:
    """List runs."""
    return _controller().list_runs(request)


@routes.route("GET", "/{workflow_id}/runs/{run_id}", Role.MEMBER)
def get_run(request: Request) -> Response:
    """Get run details."""
    return _controller().get(request)


@routes.route("GET", "/{workflow_id}/runs/{run_id}/items", Role.MEMBER)
def list_items(request: Request) -> Response:
    """List the items of a container in a run, with what every node did for each."""
    return _controller().list_items(request)


@routes.blueprint.lambda_function(name="run_unit")
def run_unit(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Behind every Task state."""
    return services().runner.handle(event)
