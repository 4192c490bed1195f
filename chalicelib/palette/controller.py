"""HTTP in and out of the palette."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus

from chalicelib.api import Request, Response
from chalicelib.jsontext import to_text

from .service import NodeTypes, list_node_types


def get_node_types(request: Request) -> Response[NodeTypes]:
    """All of them; 304 for who has them already."""
    headers = {"ETag": _tag(), "Cache-Control": "private, no-cache"}
    if _has_it(request.headers):
        return Response(NodeTypes(items=[]), HTTPStatus.NOT_MODIFIED, headers)
    return Response(NodeTypes(items=list_node_types()), headers=headers)


@cache
def _tag() -> str:
    return f'"{hashlib.sha256(to_text(list_node_types()).encode()).hexdigest()[:32]}"'


def _has_it(headers: Mapping[str, str]) -> bool:
    """RFC 9110, section 13.1.2; whoever packs an answer on its way may make the tag a weak one."""
    tags = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    return "*" in tags or _tag() in tags
