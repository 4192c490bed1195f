"""Requests for trials become one service call."""

from __future__ import annotations

from uuid import UUID

from chalicelib.api import Request

from .schemas import DryRunRequest, NodeTest, TriedNode, Walked
from .service import TrialService


class TrialController:
    """One method an endpoint; of a workflow where its id is in the path."""

    def __init__(self, service: TrialService) -> None:
        self._service = service

    def test_node(self, request: Request, body: NodeTest) -> TriedNode:
        """What one node gives."""
        return self._service.test_node(request.workspace_id, _workflow_id(request), body, request.user_id)

    def dry_run(self, request: Request, body: DryRunRequest) -> Walked:
        """The path through a graph, and what each node would receive."""
        return self._service.dry_run(request.workspace_id, _workflow_id(request), body, request.user_id)


def _workflow_id(request: Request) -> UUID | None:
    return request.id("workflow_id") if "workflow_id" in request.path else None
