"""URLs of the palette, which belongs to no workspace."""

from __future__ import annotations

from chalicelib.api import Request, Response, Routes

from . import controller

routes = Routes(__name__)


@routes.route("GET", "/node-types", role=None)
def list_node_types(request: Request) -> Response:
    """List the types of nodes that can be drawn."""
    return controller.get_node_types(request)
