"""Keyset pages: part of a list and the cursor to the next one."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from .errors import MalformedError

DEFAULT_LIMIT = 50
MAX_LIMIT = 250
MAX_STEP = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list, newest first: at most `limit` items older than `before`."""

    limit: int
    before: tuple[datetime, UUID] | None

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Page:
        """From `limit` and `cursor`. Raises MalformedError."""
        cursor = query.get("cursor")
        return cls(_limit(query), _moment_and_id(cursor) if cursor else None)

    def answer(self, items: list[dict[str, Any]], key: str) -> dict[str, Any]:
        """`{items, next_cursor}` from one item more than asked for, ordered by `key` and id."""
        return _answer(items, self.limit, lambda last: [last[key].isoformat(), str(last["id"])])


@dataclass(frozen=True, slots=True)
class PathPage:
    """Which part of a list in the order of its items' paths: at most `limit` items after `after`."""

    limit: int
    after: list[int]

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> PathPage:
        """From `limit` and `cursor`. Raises MalformedError."""
        cursor = query.get("cursor")
        return cls(_limit(query), _path(cursor) if cursor else [])

    def answer(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        """`{items, next_cursor}` from one item more than asked for, each with its `path`."""
        return _answer(items, self.limit, lambda last: last["path"])


def _answer(items: list[dict[str, Any]], limit: int, place: Callable[[dict[str, Any]], list[Any]]) -> dict[str, Any]:
    shown = items[:limit]
    return {"items": shown, "next_cursor": _encode(place(shown[-1])) if len(items) > limit else None}


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit") or str(DEFAULT_LIMIT)
    if not re.fullmatch("[1-9][0-9]{0,2}", text) or int(text) > MAX_LIMIT:
        raise MalformedError(f"limit must be a whole number from 1 to {MAX_LIMIT}, not {text[:50]!r}")
    return int(text)


def _encode(place: list[Any]) -> str:
    text = json.dumps(place, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _moment_and_id(cursor: str) -> tuple[datetime, UUID]:
    with _only_ours():
        moment, item_id = _decode(cursor)
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(item_id)


def _path(cursor: str) -> list[int]:
    with _only_ours():
        return [max(0, min(int(step), MAX_STEP)) for step in _decode(cursor)]


def _decode(cursor: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


@contextmanager
def _only_ours() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise MalformedError("the cursor is not one that a list gave as next_cursor") from None
