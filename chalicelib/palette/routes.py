"""URLs of the palette, which belongs to no workspace."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chalicelib.api import Request, Response, Routes

if TYPE_CHECKING:
    from .service import NodeTypes

routes = Routes(__name__)


@routes.route("GET", "/node-types", role=None, or_status=HTTPStatus.NOT_MODIFIED)
def list_node_types(request: Request) -> Response[NodeTypes]:
    """List the types of nodes that can be drawn."""
    from . import controller

    return controller.get_node_types(request)
