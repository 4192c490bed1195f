"""URLs of trials: of one node, and of a whole graph, saved or not."""

from __future__ import annotations

from chalicelib.api import Request, Response, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services

from .controller import TrialController

routes = Routes(__name__)


def _controller() -> TrialController:
    return TrialController(services().trials)


@routes.route("POST", "/nodes/test", Role.OWNER)
def test_drawn_node(request: Request) -> Response:
    """Run a node that is drawn, once, with its effects."""
    return _controller().test_node(request)


@routes.route("POST", "/{workflow_id}/nodes/test", Role.OWNER)
def test_node(request: Request) -> Response:
    """Run a node of a workflow, or one drawn for it, once, with its effects."""
    return _controller().test_node(request)


@routes.route("POST", "/dry-run", Role.MEMBER)
def dry_run_drawn(request: Request) -> Response:
    """Walk a graph that is drawn, without effects."""
    return _controller().dry_run(request)


@routes.route("POST", "/{workflow_id}/dry-run", Role.MEMBER)
def dry_run(request: Request) -> Response:
    """Walk a workflow, or a graph drawn for it, without effects."""
    return _controller().dry_run(request)
