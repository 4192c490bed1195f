"""Answers that come in pages: where the next one is, what is on it, and when it is enough."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from pydantic import Field, StrictStr, ValidationInfo, field_validator, model_validator

from chalicelib.compiler.node_type import Config
from chalicelib.compiler.settings import Whole
from chalicelib.jsontext import to_text
from chalicelib.node_contract import NodeFailure

from .content import as_text
from .urls import led_on, place, with_parameter

LINK = "link"
UNASKED_PAGES, MAX_PAGES, MAX_ITEMS = 100, 1_000, 100_000
TRIES = 3
"""How often a page is asked for that says when to ask again."""
A_PLACE = "a place in the answer, such as body.data[-1].id, where a name with a dot in it is in backticks"

_LINK_TARGET = re.compile(r"<([^<>]*)>")
_LINK_PARAMETER = re.compile(r"\s*;\s*([\w*!#$&+.^`|~-]+)\s*(?:=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"]*)))?")
_STEP = re.compile(r"\.([^\s.`\[\]{}]+)|\.`([^`]+)`|\[(-?\d{1,6})\]")
_PLACE = re.compile(rf"(body|headers)(?:{_STEP.pattern})*")


class Pages(Config):
    """How the pages of an answer are read; their items come out as one list."""

    next: StrictStr | None = Field(
        None,
        description=f'Where the next page is: "link" for the Link header with rel=next (RFC 8288), or {A_PLACE}.'
        " It has a URL, or the value of `parameter` if that is set. Nothing, null, false or an empty text ends the"
        " reading. Another origin gets no secret headers, and no request with a body.",
    )
    parameter: Annotated[StrictStr, Field(min_length=1, max_length=200)] | None = Field(
        None,
        description="The query parameter that names a page. Without `next` it counts from `start` until a page is"
        " empty.",
    )
    start: Annotated[Whole, Field(ge=0, le=2**53)] = Field(1, description="What `parameter` begins with.")
    step: Annotated[Whole, Field(ge=1, le=2**31)] = Field(
        1, description="By how much `parameter` grows from page to page: 1 for pages, their size for offsets."
    )
    size: Annotated[Whole, Field(ge=1, le=MAX_ITEMS)] | None = Field(
        None, description="How many items a full page has: when counting, one with fewer is the last."
    )
    items: StrictStr = Field(
        "body",
        description=f"Where the list of a page's items is: {A_PLACE}. One value is one item, nothing is none.",
    )
    max_pages: Annotated[Whole, Field(ge=1, le=MAX_PAGES)] | None = Field(
        None,
        description=f"How many pages are read at most; if there are more, `complete` is false. Without it more than"
        f" {UNASKED_PAGES} pages fail the node.",
    )
    max_items: Annotated[Whole, Field(ge=1, le=MAX_ITEMS)] | None = Field(
        None, description="How many items are kept at most; if there are more, `complete` is false."
    )

    @field_validator("next", "items")
    @classmethod
    def _is_a_place(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None or (value == LINK and info.field_name == "next"):
            return value
        if not _PLACE.fullmatch(value):
            raise ValueError(f"must be {A_PLACE}")
        if value.startswith("headers.") and value != value.lower():
            raise ValueError("must have the header's name in lower case")
        return value

    @model_validator(mode="after")
    def _leads_on(self) -> Self:
        if self.next is None and self.parameter is None:
            raise ValueError("must have next, parameter, or both")
        counting = sorted({"start", "step", "size"} & self.model_fields_set)
        if self.next is not None and counting:
            raise ValueError(f"{counting[0]} is for counting; with next there is none")
        if self.next == LINK and self.parameter is not None:
            raise ValueError('parameter takes no URL; next is "link", which gives one')
        return self

    def first(self, url: str) -> str:
        """The URL of the first page."""
        return with_parameter(url, str(self.parameter), str(self.start)) if self.next is None else url

    def on(self, page: Page) -> list[Any]:
        """The items of a page."""
        found = _at(self.items, page.answer)
        return found if isinstance(found, list) else [] if found is None else [found]

    def following(self, page: Page, number: int, items: int) -> str | None:
        """The URL of the page behind the `number`th, which had so many items; None behind the last.

        Raises NodeFailure.
        """
        if self.next is None:
            is_last = items < (self.size or 1)
            return None if is_last else self._with_parameter(page, str(self.start + number * self.step))
        found = self._named(page)
        if found is None:
            return None
        return (
            self._with_parameter(page, found)
            if self.parameter
            else led_on(page.came_from, found, "names as its next page")
        )

    def _with_parameter(self, page: Page, value: str) -> str:
        return with_parameter(page.asked, str(self.parameter), value)

    def _named(self, page: Page) -> str | None:
        """What the page says of the next one."""
        if self.next == LINK:
            return next_link(page.answer["headers"].get("link", "")) or None
        found = _at(str(self.next), page.answer)
        if found in (None, False, ""):
            return None
        if isinstance(found, str) or (self.parameter and isinstance(found, int | float) and found is not True):
            return as_text(found)
        raise NodeFailure("pages_failed", f"pages.next must lead to a text, not to {_kind(found)}")


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of several."""

    asked: str
    came_from: str
    """The URL that answered, after all redirects."""
    answer: Mapping[str, Any]
    """`{status, headers, body}`."""


@dataclass(slots=True)
class _Read:
    """What was read so far."""

    items: list[Any] = field(default_factory=list)
    characters: int = 0
    asked: set[str] = field(default_factory=set)

    def ask_once(self, url: str) -> None:
        """A page that leads back would be read for ever. Raises NodeFailure."""
        if url in self.asked:
            raise NodeFailure("pages_repeat", f"page {len(self.asked)} leads back to one that was read: {place(url)}")
        self.asked.add(url)

    def add(self, items: list[Any], most: int) -> None:
        """Keep a page's items while there is room. Raises NodeFailure."""
        self.items += items
        self.characters += len(to_text(items))
        if self.characters > most:
            where = f"after {len(self.asked)} pages they have more than {most:,} bytes"
            raise NodeFailure("output_too_large", f"the items can't be kept: {where}")


def read_pages(
    pages: Pages, url: str, ask: Callable[[str], Page], sleep: Callable[[float], None], max_bytes: int
) -> dict[str, Any]:
    """`{status, headers, body, items, pages, complete}`: the last answer, the items of all, how many pages those were,
    and whether there is no more. Raises NodeFailure."""
    read = _Read()
    following: str | None = pages.first(url)
    while following is not None:
        read.ask_once(following)
        page = ask(following) if len(read.asked) == 1 else _patiently(ask, following, sleep)
        items = pages.on(page)
        read.add(items, max_bytes)
        following = pages.following(page, len(read.asked), len(items))
        if _is_enough(pages, read, more=following is not None):
            break
    kept = read.items[: pages.max_items]
    complete = following is None and len(kept) == len(read.items)
    return {**page.answer, "items": kept, "pages": len(read.asked), "complete": complete}


def _patiently(ask: Callable[[str], Page], url: str, sleep: Callable[[float], None], tries: int = TRIES) -> Page:
    """A page that says when to ask again is waited for: another attempt of the node would begin with the first one."""
    try:
        return ask(url)
    except NodeFailure as failure:
        failure.retryable = failure.retryable and tries > 1
        if not failure.retryable or not failure.wait_seconds:
            raise
        sleep(failure.wait_seconds)
    return _patiently(ask, url, sleep, tries - 1)


def _is_enough(pages: Pages, read: _Read, *, more: bool) -> bool:
    if pages.max_items is not None and len(read.items) >= pages.max_items:
        return True
    if pages.max_pages is None and more and len(read.asked) == UNASKED_PAGES:
        why = f"set max_pages (at most {MAX_PAGES:,}) to say how many are wanted"
        raise NodeFailure("too_many_pages", f"there are more than {UNASKED_PAGES} pages; {why}")
    return len(read.asked) == pages.max_pages


def next_link(header: str) -> str | None:
    """The target of the first link with rel=next (RFC 8288, section 3) that is of the answer itself."""
    position = 0
    while target := _LINK_TARGET.search(header, position):
        parameters: dict[str, str] = {}
        position = target.end()
        while parameter := _LINK_PARAMETER.match(header, position):
            parameters.setdefault(parameter[1].lower(), parameter[2] or parameter[3] or "")
            position = parameter.end()
        if "next" in parameters.get("rel", "").lower().split() and "anchor" not in parameters:
            return target[1]
    return None


def _at(path: str, answer: Mapping[str, Any]) -> Any:
    """What is at this place; None where nothing is."""
    found: Any = answer
    for name, quoted, index in _STEP.findall(f".{path}"):
        found = _item(found, int(index)) if index else _member(found, name or quoted)
    return found


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _item(value: Any, index: int) -> Any:
    return value[index] if isinstance(value, list) and -len(value) <= index < len(value) else None


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", bool: "true"}.get(type(value), "a number")
