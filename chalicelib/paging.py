"""Keyset pages: part of a list and the cursor to the next one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar, cast
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from chalicelib.model import Model

DEFAULT_LIMIT = 50
MAX_LIMIT = 250
MAX_STEP = 2_147_483_647

Item = TypeVar("Item")


class Paged(TypedDict, Generic[Item]):
    """A page of a list; `next_cursor` asks for the next one, and is null on the last."""

    items: list[Item]
    next_cursor: str | None


def _ours(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Reads what a cursor says, and refuses what none of ours can be."""

    def decode(cursor: Any) -> Any:
        if not isinstance(cursor, str):
            return cursor
        try:
            return read(json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            raise PydanticCustomError("bad_cursor", "is not one that a list gave as next_cursor") from None

    return decode


def _moment_and_id(said: Any) -> tuple[datetime, UUID]:
    moment, item_id = said
    return datetime.fromisoformat(moment).astimezone(UTC), UUID(item_id)


def _path(said: Any) -> list[int]:
    return [max(0, min(int(step), MAX_STEP)) for step in said]


_CURSOR = WithJsonSchema({"type": "string", "description": "The next_cursor of the page before."})


class _Page(Model):
    model_config = ConfigDict(frozen=True, populate_by_name=True)

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="How many items at most.")] = DEFAULT_LIMIT


class Page(_Page):
    """Which part of a list, newest first: at most `limit` items older than `before`."""

    before: Annotated[tuple[datetime, UUID] | None, BeforeValidator(_ours(_moment_and_id)), _CURSOR] = Field(
        None, alias="cursor"
    )

    def answer(self, items: Sequence[Item], key: str) -> Paged[Item]:
        """`{items, next_cursor}` from one item more than asked for, ordered by `key` and id."""
        return _answer(items, self.limit, lambda last: [last[key].isoformat(), str(last["id"])])


class PathPage(_Page):
    """Which part of a list in the order of its items' paths: at most `limit` items after `after`."""

    after: Annotated[list[int], BeforeValidator(_ours(_path)), _CURSOR] = Field(default_factory=list, alias="cursor")

    def answer(self, items: Sequence[Item]) -> Paged[Item]:
        """`{items, next_cursor}` from one item more than asked for, each with its `path`."""
        return _answer(items, self.limit, lambda last: last["path"])


def _answer(items: Sequence[Item], limit: int, place: Callable[[Any], list[Any]]) -> Paged[Item]:
    shown = list(items[:limit])
    cursor = _encode(place(cast("Any", shown[-1]))) if len(items) > limit else None
    return {"items": shown, "next_cursor": cursor}


def _encode(place: list[Any]) -> str:
    text = json.dumps(place, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
