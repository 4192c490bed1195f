"""URLs of trials: of one node, and of a whole graph, saved or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.api import Request, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services

if TYPE_CHECKING:
    from .controller import TrialController
    from .schemas import DryRunRequest, NodeTest, TriedNode, Walked

routes = Routes(__name__)


def _controller() -> TrialController:
    from .controller import TrialController

    return TrialController(services().trials)


@routes.route("POST", "/nodes/test", Role.OWNER)
def test_drawn_node(request: Request, body: NodeTest) -> TriedNode:
    """Run a node that is drawn, once, with its effects."""
    return _controller().test_node(request, body)


@routes.route("POST", "/{workflow_id}/nodes/test", Role.OWNER)
def test_node(request: Request, body: NodeTest) -> TriedNode:
    """Run a node of a workflow, or one drawn for it, once, with its effects."""
    return _controller().test_node(request, body)


@routes.route("POST", "/dry-run", Role.MEMBER)
def dry_run_drawn(request: Request, body: DryRunRequest) -> Walked:
    """Walk a graph that is drawn, without effects."""
    return _controller().dry_run(request, body)


@routes.route("POST", "/{workflow_id}/dry-run", Role.MEMBER)
def dry_run(request: Request, body: DryRunRequest) -> Walked:
    """Walk a workflow, or a graph drawn for it, without effects."""
    return _controller().dry_run(request, body)
