"""The built-in templates: JSON files that every workspace can list and clone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

FOLDER = Path(__file__).parent / "gallery"
PUBLISHED = datetime(2026, 1, 1, tzinfo=UTC)
"""Older than any workflow, so that a workspace's own templates come first; the gallery's own order follows."""


@cache
def gallery() -> Mapping[UUID, dict[str, Any]]:
    """The templates by id, in the order of their files' numbers. An id depends on the file's name after that."""
    templates = [
        _template(rank, file.stem.partition("-")[2], json.loads(file.read_text()))
        for rank, file in enumerate(sorted(FOLDER.glob("*.json")))
    ]
    return {template["id"]: template for template in templates}


def _template(rank: int, slug: str, content: Mapping[str, Any]) -> dict[str, Any]:
    published = PUBLISHED - timedelta(minutes=rank)
    return {
        "id": uuid5(NAMESPACE_URL, f"stepgraph:gallery:{slug}"),
        "name": content["name"],
        "description": content["description"],
        "graph_definition": content["graph_definition"],
        "is_template": True,
        "created_at": published,
        "updated_at": published,
    }
