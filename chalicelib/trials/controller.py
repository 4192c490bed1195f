"""Requests for trials become schemas, one service call, a response."""

from __future__ import annotations

from uuid import UUID

from chalicelib.api import Request, Response
from chalicelib.requests import parse_body

from .schemas import DryRunRequest, NodeTest
from .service import TrialService


class TrialController:
    """One method an endpoint; of a workflow where its id is in the path."""

    def __init__(self, service: TrialService) -> None:
        self._service = service

    def test_node(self, request: Request) -> Response:
        """What one node gives."""
        body = parse_body(request.body, NodeTest)
        return Response(self._service.test_node(request.workspace_id, _workflow_id(request), body, request.user_id))

    def dry_run(self, request: Request) -> Response:
        """The path through a graph, and what each node would receive."""
        body = parse_body(request.body, DryRunRequest)
        return Response(self._service.dry_run(request.workspace_id, _workflow_id(request), body, request.user_id))


def _workflow_id(request: Request) -> UUID | None:
    return request.id("workflow_id") if "workflow_id" in request.path else None
