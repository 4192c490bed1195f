"""URLs of runs, and the Lambda that runs their nodes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import CloudWatchEvent

from chalicelib.api import Request, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services
from chalicelib.errors import ConflictError
from chalicelib.observed import observed

from .execution_names import run_of_execution

if TYPE_CHECKING:
    from chalicelib.paging import Page, Paged

    from .controller import RunController
    from .results import Approval, ItemRow
    from .schemas import (
        AskRetry,
        Cancel,
        Decide,
        Execute,
        Idempotent,
        ListItems,
        ListRuns,
        Retried,
        Retry,
        RetryPreview,
        RunDetail,
        RunRow,
    )

routes = Routes(__name__)
of_workspace = Routes(f"{__name__}.of_workspace")
approvals = Routes(f"{__name__}.approvals")


def _controller() -> RunController:
    from .controller import RunController

    return RunController(services().runs, services().decisions)


@routes.route("POST", "/{workflow_id}/execute", Role.MEMBER, status=HTTPStatus.ACCEPTED, raises=[ConflictError])
def execute_workflow(request: Request, headers: Idempotent, body: Execute) -> RunDetail:
    """Execute a workflow: accept a run of its current version, and start it."""
    return _controller().execute(request, body, headers)


@routes.route("GET", "/{workflow_id}/runs", Role.MEMBER)
def list_runs(request: Request, query: ListRuns) -> Paged[RunRow]:
    """List runs, without what may be large."""
    return _controller().list_runs(request, query)


@routes.route("GET", "/{workflow_id}/runs/{run_id}", Role.MEMBER)
def get_run(request: Request) -> RunDetail:
    """Get a run with what every node did, as it is now."""
    return _controller().get(request)


@of_workspace.route("GET", "/", Role.MEMBER)
def list_all_runs(request: Request, query: ListRuns) -> Paged[RunRow]:
    """List the runs of all workflows, without what may be large."""
    return _controller().list_all_runs(request, query)


@of_workspace.route("GET", "/{run_id}", Role.MEMBER)
def find_run(request: Request) -> RunDetail:
    """Get a run with what every node did, whatever workflow it is of."""
    return _controller().find(request)


@routes.route("GET", "/{workflow_id}/runs/{run_id}/items", Role.MEMBER)
def list_items(request: Request, query: ListItems) -> Paged[ItemRow]:
    """List the items of a container in a run, with what every node did for each."""
    return _controller().list_items(request, query)


@routes.route("POST", "/{workflow_id}/runs/{run_id}/cancel", Role.MEMBER, raises=[ConflictError])
def cancel_run(request: Request, body: Cancel) -> RunDetail:
    """Cancel a run: nothing begins any more."""
    return _controller().cancel(request, body)


@routes.route("POST", "/{workflow_id}/runs/{run_id}/nodes/{node_id}/decision", Role.MEMBER, raises=[ConflictError])
def decide(request: Request, body: Decide) -> RunDetail:
    """Decide what a node waits for."""
    return _controller().decide(request, body)


@approvals.route("GET", "/", Role.MEMBER)
def list_approvals(request: Request, query: Page) -> Paged[Approval]:
    """List what waits for a decision in the workspace, what was asked last first."""
    return _controller().list_approvals(request, query)


@routes.route("GET", "/{workflow_id}/runs/{run_id}/retry", Role.MEMBER, raises=[ConflictError])
def preview_retry(request: Request, query: AskRetry) -> RetryPreview:
    """Tell what a retry would take over and what it would run again."""
    return _controller().preview_retry(request, query)


@routes.route(
    "POST", "/{workflow_id}/runs/{run_id}/retry", Role.MEMBER, status=HTTPStatus.ACCEPTED, raises=[ConflictError]
)
def retry_run(request: Request, headers: Idempotent, body: Retry) -> Retried:
    """Go on from what failed, in a new run."""
    return _controller().retry(request, body, headers)


@routes.blueprint.lambda_function(name="run_unit")
@observed
def run_unit(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Behind every Task state."""
    return services().runner.handle(event)


@routes.blueprint.schedule("rate(1 minute)", name="reconcile")
@observed
def reconcile(_event: CloudWatchEvent) -> dict[str, int]:
    """Every minute: what died on the way is mended."""
    return services().reconciler.run()


@routes.blueprint.on_cw_event(
    {"source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"]}, name="execution_status"
)
@observed
def execution_status(event: CloudWatchEvent) -> None:
    """An execution started or ended; such events may be lost, doubled or late, so it is only a hint."""
    if run_id := run_of_execution(event.detail):
        services().reconciler.look_at(run_id)
        services().pausing.look_at_end(run_id)
