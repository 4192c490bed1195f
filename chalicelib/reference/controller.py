"""The document and the files of the page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from chalicelib.api import OpenRequest, Response

from .document import describe

FOLDER = Path(__file__).parent / "page"
HEADERS = {
    "Cache-Control": "public, max-age=3600",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The page loads nothing from elsewhere, and is in no one's frame."""


class ReferenceController:
    """One method a kind of answer; `routes` are those of the app."""

    def __init__(self, routes: Mapping[str, Mapping[str, Any]]) -> None:
        self._routes = routes

    def document(self, request: OpenRequest) -> dict[str, Any]:
        """The document, for the server that was asked."""
        return self._document | {"servers": [{"url": request.url_path.removesuffix("/openapi.json") or "/"}]}

    @cached_property
    def _document(self) -> dict[str, Any]:
        return describe(self._routes)

    def file(self, name: str) -> Response[str]:
        """A file of the page."""
        return Response((FOLDER / name).read_text(), headers=HEADERS)
