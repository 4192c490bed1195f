"""Requests about runs become schemas, one service call, a response."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Literal
from urllib.parse import unquote

from chalicelib.api import Request, Response
from chalicelib.errors import MalformedError
from chalicelib.paging import Page, PathPage
from chalicelib.requests import parse_body

from .decisions import DecisionService
from .schemas import RUN_STATUSES, Cancel, Decide, Execute, NewRun, Retry
from .service import RunService


class RunController:
    """One method an endpoint."""

    def __init__(self, service: RunService, decisions: DecisionService) -> None:
        self._service = service
        self._decisions = decisions

    def execute(self, request: Request) -> Response:
        """202 with the run. `Idempotency-Key`: the same run for the same key and input, for a day."""
        body = parse_body(request.body, Execute)
        new = NewRun(body.input, "manual", request.user_id, _idempotency_key(request))
        run = self._service.execute(request.workspace_id, request.id("workflow_id"), new)
        return Response(run, HTTPStatus.ACCEPTED)

    def list_runs(self, request: Request) -> Response:
        """`?limit&cursor&status`."""
        page, status = Page.from_query(request.query), _status(request)
        return Response(self._service.list_runs(request.workspace_id, request.id("workflow_id"), page, status))

    def list_all_runs(self, request: Request) -> Response:
        """`?limit&cursor&status`, of all workflows."""
        page, status = Page.from_query(request.query), _status(request)
        return Response(self._service.list_all_runs(request.workspace_id, page, status))

    def find(self, request: Request) -> Response:
        """The run with its node results, whatever workflow it is of."""
        return Response(self._service.find(request.workspace_id, request.id("run_id")))

    def get(self, request: Request) -> Response:
        """The run with its node results."""
        return Response(self._service.get(request.workspace_id, request.id("workflow_id"), request.id("run_id")))

    def preview_retry(self, request: Request) -> Response:
        """`?version`: what a retry would take over, and what it would run again."""
        ids = (request.workspace_id, request.id("workflow_id"), request.id("run_id"))
        return Response(self._service.preview_retry(*ids, _version(request.query.get("version"))))

    def retry(self, request: Request) -> Response:
        """202 with the new run, and what it runs again. `Idempotency-Key` as of execute."""
        body = parse_body(request.body, Retry)
        ids = (request.workspace_id, request.id("workflow_id"), request.id("run_id"))
        run = self._service.retry(*ids, body.version, request.user_id, _idempotency_key(request))
        return Response(run, HTTPStatus.ACCEPTED)

    def cancel(self, request: Request) -> Response:
        """The run as it is now. `{reason}` is kept with it."""
        body = parse_body(request.body, Cancel)
        ids = (request.workspace_id, request.id("workflow_id"), request.id("run_id"))
        return Response(self._service.cancel(*ids, request.user_id, body.reason))

    def decide(self, request: Request) -> Response:
        """The run as it is now. `{decision, data, path}`."""
        body = parse_body(request.body, Decide)
        ids = (request.workspace_id, request.id("workflow_id"), request.id("run_id"))
        self._decisions.decide(*ids, unquote(request.path["node_id"]), body, request.user_id)
        return Response(self._service.get(*ids))

    def list_approvals(self, request: Request) -> Response:
        """`?limit&cursor`: what waits for a decision in the workspace."""
        return Response(self._decisions.list_waiting(request.workspace_id, Page.from_query(request.query)))

    def list_items(self, request: Request) -> Response:
        """`?node_id&limit&cursor`: the items of a container."""
        node_id = request.query.get("node_id")
        if not node_id:
            raise MalformedError("node_id must be that of a container in the workflow")
        page = PathPage.from_query(request.query)
        ids = (request.workspace_id, request.id("workflow_id"), request.id("run_id"))
        return Response(self._service.list_items(*ids, node_id, page))


def _status(request: Request) -> str | None:
    status = request.query.get("status")
    if status is not None and status not in RUN_STATUSES:
        raise MalformedError(f"status must be one of {', '.join(RUN_STATUSES)}")
    return status


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise MalformedError("an Idempotency-Key has 1 to 255 visible ASCII characters")
    return key


def _version(text: str | None) -> int | Literal["current"] | None:
    if text is None or text == "current":
        return "current" if text else None
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise MalformedError(f"version must be a number or current, not {text[:50]!r}")
    return int(text)
