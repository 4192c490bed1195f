"""The built-in templates: JSON files that every workspace can list and clone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

FOLDER = Path(__file__).parent / "gallery"
PUBLISHED = datetime(2026, 1, 1, tzinfo=UTC)
"""Older than any workflow, so that a workspace's own templates come first."""


@cache
def gallery() -> Mapping[UUID, dict[str, Any]]:
    """The templates by id. An id depends on the file's name alone."""
    files = sorted(FOLDER.glob("*.json"))
    templates = [_template(file.stem, json.loads(file.read_text())) for file in files]
    return {template["id"]: template for template in sorted(templates, key=_newest_first, reverse=True)}


def _newest_first(template: Mapping[str, Any]) -> tuple[datetime, UUID]:
    return template["created_at"], template["id"]


def _template(slug: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": uuid5(NAMESPACE_URL, f"stepgraph:gallery:{slug}"),
        "name": content["name"],
        "description": content["description"],
        "graph_definition": content["graph_definition"],
        "is_template": True,
        "created_at": PUBLISHED,
        "updated_at": PUBLISHED,
    }
