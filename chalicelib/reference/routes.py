"""URLs of the API's description."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.api import OpenRequest, Response, Routes

if TYPE_CHECKING:
    from .controller import ReferenceController

routes = Routes(__name__)

HTML, JAVASCRIPT, CSS = "text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8"


@cache
def _controller() -> ReferenceController:
    from .controller import ReferenceController

    return ReferenceController(routes.blueprint.current_app.routes)


@routes.open("/openapi.json")
def get_document(request: OpenRequest) -> dict[str, Any]:
    """Get this document (OpenAPI 3.1)."""
    return _controller().document(request)


@routes.open("/docs", media_type=HTML)
def get_page(_request: OpenRequest) -> Response[str]:
    """Get a page to read this document and to try the API."""
    return _controller().file("index.html")


@routes.open("/docs/start.js", media_type=JAVASCRIPT)
def get_page_start(_request: OpenRequest) -> Response[str]:
    """Get what the page begins with."""
    return _controller().file("start.js")


@routes.open("/docs/swagger-ui-bundle.js", media_type=JAVASCRIPT)
def get_page_script(_request: OpenRequest) -> Response[str]:
    """Get the page's script."""
    return _controller().file("swagger-ui-bundle.js")


@routes.open("/docs/swagger-ui.css", media_type=CSS)
def get_page_style(_request: OpenRequest) -> Response[str]:
    """Get the page's style."""
    return _controller().file("swagger-ui.css")
