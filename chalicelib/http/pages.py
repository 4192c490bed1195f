"""Answers that come in pages: where the next one is, what is on it, and when it is enough."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from pydantic import Field, StrictStr, ValidationInfo, field_validator, model_validator

from chalicelib.compiler.expressions import ExpressionError, compile_expression
from chalicelib.compiler.node_type import Config, NodeFailure, is_drawn
from chalicelib.compiler.settings import Whole
from chalicelib.jsontext import to_text

from .content import as_text
from .urls import led_on, place, with_parameter

LINK = "link"
UNASKED_PAGES, MAX_PAGES, MAX_ITEMS = 100, 1_000, 100_000
OF_AN_ANSWER = "of each answer, as JSONata on {status, headers, body} without {% %}"

_LINK_TARGET = re.compile(r"<([^<>]*)>")
_LINK_PARAMETER = re.compile(r"\s*;\s*([\w*!#$&+.^`|~-]+)\s*(?:=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"]*)))?")
_OF_A_RUN = re.compile(r"\$(input|run|nodes)\b")
_PATH = re.compile(r"[a-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


class Pages(Config):
    """How the pages of an answer are read; their items come out as one list."""

    next: StrictStr | None = Field(
        None,
        description='Where the next page is: "link" for the Link header with rel=next (RFC 8288), or a part'
        f" {OF_AN_ANSWER}, such as body.links.next. It gives a URL, or the value of `parameter` if that is set."
        " Nothing, null, false or an empty text ends the reading.",
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
        description=f"The list of a page's items: a part {OF_AN_ANSWER}. One value is one item, nothing is none.",
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
    def _can_be_evaluated(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and is_drawn(info):
            _check(value)
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
        """The items of a page. Raises NodeFailure."""
        found = _value("items", self.items, page)
        return found if isinstance(found, list) else [] if found is None else [found]

    def following(self, page: Page, number: int, items: int) -> str | None:
        """The URL of the page behind the `number`th, which had so many items; None behind the last.

        Raises NodeFailure.
        """
        if self.next is None:
            if items < (self.size or 1):
                return None
            return with_parameter(page.asked, str(self.parameter), str(self.start + number * self.step))
        found = next_link(page.answer["headers"].get("link", "")) if self.next == LINK else self._named(page)
        if found in (None, "", False):
            return None
        if self.parameter is not None:
            return with_parameter(page.asked, self.parameter, found)
        return led_on(page.came_from, found, "names as its next page")

    def _named(self, page: Page) -> Any:
        found = _value("next", str(self.next), page)
        if isinstance(found, str) or found is None or found is False:
            return found
        if self.parameter is not None and isinstance(found, int | float) and found is not True:
            return as_text(found)
        raise NodeFailure("pages_failed", f"pages.next must give a text, not {_kind(found)}")


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


def read_pages(pages: Pages, url: str, ask: Callable[[str], Page], max_bytes: int) -> dict[str, Any]:
    """`{status, headers, body, items, pages, complete}`: the last answer, the items of all, how many pages those were,
    and whether there is no more. Raises NodeFailure."""
    read = _Read()
    following: str | None = pages.first(url)
    while following is not None:
        read.ask_once(following)
        page = ask(following)
        items = pages.on(page)
        read.add(items, max_bytes)
        following = pages.following(page, len(read.asked), len(items))
        if _is_enough(pages, read, more=following is not None):
            break
    kept = read.items[: pages.max_items]
    complete = following is None and len(kept) == len(read.items)
    return {**page.answer, "items": kept, "pages": len(read.asked), "complete": complete}


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


def _check(source: str) -> None:
    if "{%" in source:
        raise ValueError("must be written without {% %}: it is evaluated on each answer")
    try:
        names = compile_expression(source).names
    except ExpressionError as error:
        raise ValueError(f"must be JSONata: {error}") from None
    if names.unknown_functions:
        raise ValueError(f"must be JSONata: there is no function ${names.unknown_functions[0]}()")
    if names.unknown_variables or names.free_item or _OF_A_RUN.search(source):
        raise ValueError("must take what it needs from status, headers and body; there are no variables")


def _value(name: str, source: str, page: Page) -> Any:
    """A path is followed here, as JSONata would round an integer beyond 2^53. Raises NodeFailure."""
    if _PATH.fullmatch(source):
        found: Any = page.answer
        for step in source.split("."):
            if isinstance(found, list):
                break
            found = found.get(step) if isinstance(found, dict) else None
        else:
            return found
    try:
        return compile_expression(source).evaluate({}, dict(page.answer))
    except ExpressionError as error:
        raise NodeFailure("pages_failed", f"pages.{name}: {error}") from None


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", bool: "true"}.get(type(value), "a number")
