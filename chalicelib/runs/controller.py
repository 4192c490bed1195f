"""Requests about runs become schemas, one service call, a response."""

from __future__ import annotations

import re
from http import HTTPStatus

from chalicelib.api import Request, Response
from chalicelib.errors import MalformedError
from chalicelib.paging import Page, PathPage
from chalicelib.requests import parse_body

from .schemas import RUN_STATUSES, Execute, NewRun
from .service import RunService


class RunController:
    """One method an endpoint."""

    def __init__(self, service: RunService) -> None:
        self._service = service

    def execute(self, request: Request) -> Response:
        """202 with the run. `Idempotency-Key`: the same run for the same key and input, for a day."""
        body = parse_body(request.body, Execute)
        key = request.headers.get("idempotency-key")
        if key is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
            raise MalformedError("an Idempotency-Key has 1 to 255 visible ASCII characters")
        new = NewRun(body.input, "manual", request.user_id, key)
        run = self._service.execute(request.workspace_id, request.id("workflow_id"), new)
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

    def list_items(self, request: Request) -> Response:
        """`?node_id&limit&cursor`: the items of a container."""
        node_id = request.query.get("node_id")
        if not node_id:
            raise MalformedError("node_id must be that of a container in the workflow")
        page = PathPage.from_query(request.query)
        ids = (request.workspace_id, request.id("workflow_id"), request.id("run_id"))
        return Response(self._service.list_items(*ids, node_id, page))
