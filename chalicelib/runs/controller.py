"""Requests about runs become one service call."""

from __future__ import annotations

from urllib.parse import unquote

from chalicelib.api import Request
from chalicelib.paging import Page, Paged

from .decisions import DecisionService
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
from .service import RunService
from .state import NewRun


class RunController:
    """One method an endpoint."""

    def __init__(self, service: RunService, decisions: DecisionService) -> None:
        self._service = service
        self._decisions = decisions

    def execute(self, request: Request, body: Execute, headers: Idempotent) -> RunDetail:
        """The run; the same one for the same key and input, for a day."""
        new = NewRun(body.input, "manual", request.user_id, headers.key)
        return self._service.execute(request.workspace_id, request.id("workflow_id"), new)

    def list_runs(self, request: Request, query: ListRuns) -> Paged[RunRow]:
        """A page of runs."""
        return self._service.list_runs(request.workspace_id, request.id("workflow_id"), query, query.status)

    def get(self, request: Request) -> RunDetail:
        """The run with its node results."""
        return self._service.get(request.workspace_id, request.id("workflow_id"), request.id("run_id"))

    def list_all_runs(self, request: Request, query: ListRuns) -> Paged[RunRow]:
        """A page of the runs of all workflows."""
        return self._service.list_all_runs(request.workspace_id, query, query.status)

    def find(self, request: Request) -> RunDetail:
        """The run with its node results, whatever workflow it is of."""
        return self._service.find(request.workspace_id, request.id("run_id"))

    def preview_retry(self, request: Request, query: AskRetry) -> RetryPreview:
        """What a retry would take over, and what it would run again."""
        ids = (request.workspace_id, request.id("workflow_id"), request.id("run_id"))
        return self._service.preview_retry(*ids, query.version)

    def retry(self, request: Request, body: Retry, headers: Idempotent) -> Retried:
        """The new run, and what it runs again."""
        ids = (request.workspace_id, request.id("workflow_id"), request.id("run_id"))
        return self._service.retry(*ids, body.version, request.user_id, headers.key)

    def cancel(self, request: Request, body: Cancel) -> RunDetail:
        """The run as it is now."""
        ids = (request.workspace_id, request.id("workflow_id"), request.id("run_id"))
        return self._service.cancel(*ids, request.user_id, body.reason)

    def decide(self, request: Request, body: Decide) -> RunDetail:
        """The run as it is now."""
        ids = (request.workspace_id, request.id("workflow_id"), request.id("run_id"))
        self._decisions.decide(*ids, unquote(request.path["node_id"]), body, request.user_id)
        return self._service.get(*ids)

    def list_approvals(self, request: Request, page: Page) -> Paged[Approval]:
        """A page of what waits for a decision in the workspace."""
        return self._decisions.list_waiting(request.workspace_id, page)

    def list_items(self, request: Request, query: ListItems) -> Paged[ItemRow]:
        """A page of the items of a container."""
        ids = (request.workspace_id, request.id("workflow_id"), request.id("run_id"))
        return self._service.list_items(*ids, query.node_id, query)
