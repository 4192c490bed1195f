"""URLs of runs, and the Lambda that runs their nodes."""

from __future__ import annotations

from typing import Any

from chalice.app import CloudWatchEvent

from chalicelib.api import Request, Response, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services

from .controller import RunController
from .executions import run_of_execution

routes = Routes(__name__)
of_workspace = Routes(f"{__name__}.of_workspace")
approvals = Routes(f"{__name__}.approvals")


def _controller() -> RunController:
    return RunController(services().runs, services().decisions)


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


@of_workspace.route("GET", "/", Role.MEMBER)
def list_all_runs(request: Request) -> Response:
    """List the runs of all workflows."""
    return _controller().list_all_runs(request)


@of_workspace.route("GET", "/{run_id}", Role.MEMBER)
def find_run(request: Request) -> Response:
    """Get run details, whatever workflow it is of."""
    return _controller().find(request)


@routes.route("GET", "/{workflow_id}/runs/{run_id}/items", Role.MEMBER)
def list_items(request: Request) -> Response:
    """List the items of a container in a run, with what every node did for each."""
    return _controller().list_items(request)


@routes.route("POST", "/{workflow_id}/runs/{run_id}/cancel", Role.MEMBER)
def cancel_run(request: Request) -> Response:
    """Cancel a run."""
    return _controller().cancel(request)


@routes.route("POST", "/{workflow_id}/runs/{run_id}/nodes/{node_id}/decision", Role.MEMBER)
def decide(request: Request) -> Response:
    """Decide what a node waits for."""
    return _controller().decide(request)


@approvals.route("GET", "/", Role.MEMBER)
def list_approvals(request: Request) -> Response:
    """List what waits for a decision in the workspace."""
    return _controller().list_approvals(request)


@routes.route("GET", "/{workflow_id}/runs/{run_id}/retry", Role.MEMBER)
def preview_retry(request: Request) -> Response:
    """Tell what a retry would take over and what it would run again."""
    return _controller().preview_retry(request)


@routes.route("POST", "/{workflow_id}/runs/{run_id}/retry", Role.MEMBER)
def retry_run(request: Request) -> Response:
    """Go on from what failed, in a new run."""
    return _controller().retry(request)


@routes.blueprint.lambda_function(name="run_unit")
def run_unit(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Behind every Task state."""
    return services().runner.handle(event)


@routes.blueprint.schedule("rate(1 minute)", name="reconcile")
def reconcile(_event: CloudWatchEvent) -> dict[str, int]:
    """Every minute: what died on the way is mended."""
    return services().reconciler.run()


@routes.blueprint.on_cw_event(
    {"source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"]}, name="execution_status"
)
def execution_status(event: CloudWatchEvent) -> None:
    """An execution started or ended; such events may be lost, doubled or late, so it is only a hint."""
    if run_id := run_of_execution(event.detail):
        services().reconciler.look_at(run_id)
        services().schedules.look_at_end(run_id)
