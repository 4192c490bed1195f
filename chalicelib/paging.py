"""Keyset pages: part of a list, newest first, and the cursor to the next one."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from .errors import MalformedError

DEFAULT_LIMIT = 50
MAX_LIMIT = 250


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list, newest first: at most `limit` items older than `before`."""

    limit: int
    before: tuple[datetime, UUID] | None

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Page:
        """From `limit` and `cursor`. Raises MalformedError."""
        text = query.get("limit") or str(DEFAULT_LIMIT)
        if not re.fullmatch("[1-9][0-9]{0,2}", text) or int(text) > MAX_LIMIT:
            raise MalformedError(f"limit must be a whole number from 1 to {MAX_LIMIT}, not {text[:50]!r}")
        cursor = query.get("cursor")
        return cls(int(text), _decode_cursor(cursor) if cursor else None)

    def answer(self, items: list[dict[str, Any]], key: str) -> dict[str, Any]:
        """`{items, next_cursor}` from one item more than asked for, ordered by `key` and id."""
        shown = items[: self.limit]
        more = len(items) > self.limit
        return {"items": shown, "next_cursor": _encode_cursor(shown[-1], key) if more else None}


def _encode_cursor(item: Mapping[str, Any], key: str) -> str:
    text = json.dumps([item[key].isoformat(), str(item["id"])], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        moment, item_id = json.loads(text)
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(item_id)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise MalformedError("the cursor is not one that a list gave as next_cursor") from None
