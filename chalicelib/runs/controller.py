"""Requests about runs become schemas, one service call, a response."""

from __future__ import annotations

from http import HTTPStatus

from chalicelib.api import Request, Response
from chalicelib.errors import MalformedError
from chalicelib.requests import Page, parse_body

from .schemas import RUN_STATUSES, Execute
from .service import RunService


class RunController:
    """One method an endpoint."""

    def __init__(self, service: RunService) -> None:
        self._service = service

    def execute(self, request: Request) -> Response:
        """202 with the run."""
        run = self._service.execute(
            request.workspace_id,
            request.id("workflow_id"),
            request.user_id,
            parse_body(request.body, Execute),
        )
        return Response(run, HTTPStatus.ACCEPTED)

    def list_runs(self, request: Request) -> Response:
        """`?limit&cursor&status`."""
        status = request.query.get("status")
        if status is not None and status not in RUN_STATUSES:
            raise MalformedError(f"status must be one of {', '.join(RUN_STATUSES)}")
        page = Page.from_query(request.query)
        return Response(self._service.list_runs(request.workspace_id, request.id("workflow_id"), page, status))

    def get(self, request: Request) -> Response:
        """The run with its node results."""
        return Response(self._service.get(request.workspace_id, request.id("workflow_id"), request.id("run_id")))
