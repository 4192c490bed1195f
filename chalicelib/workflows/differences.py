"""What differs between two graphs, a node and an edge at a time: meaning apart from layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from chalicelib.compiler.shape import json_path
from chalicelib.compiler.words import listed
from chalicelib.errors import summary

LAYOUT = frozenset(
    ("position", "positionAbsolute", "selected", "dragging", "resizing", "measured", "width", "height", "style")
)  # fmt: skip
"""The keys of a node or an edge that only say how it looks; React Flow writes most of them by itself."""

MAX_ENTRIES = 1_000
MAX_PATH = 300
TOLD_CHANGES = 8
"""How many changes a detail tells; `errors` has them all."""

ABSENT: Final = object()
"""The value of a key that is not there; null is a value."""

Kind = Literal["node", "edge", "graph"]
Verb = Literal["changed", "added", "removed", "moved"]
Keys = tuple[str, ...]

_WORDS: Mapping[Verb, str] = {
    "changed": "changed",
    "added": "was added",
    "removed": "was removed",
    "moved": "changed in layout",
}


@dataclass(frozen=True, slots=True)
class Place:
    """The keys down from a node, an edge, or the graph itself."""

    kind: Kind
    id: str = ""
    keys: Keys = ()

    def __truediv__(self, key: str) -> Place:
        return Place(self.kind, self.id, (*self.keys, key))

    @property
    def title(self) -> str:
        """What to call it in a message, such as `node "a", data.label`."""
        item = "the graph" if self.kind == "graph" else f"{self.kind} {listed([self.id])}"
        return f"{item}, {cut(json_path(self.keys), MAX_PATH)}" if self.keys else item

    @property
    def is_layout(self) -> bool:
        """Whether it is inside what only says how the graph looks."""
        return self.keys[:1] == ("viewport",) if self.kind == "graph" else not LAYOUT.isdisjoint(self.keys[:1])

    def as_json(self) -> dict[str, str]:
        """`path`, such as `nodes[id=a].data.label`, and the `node_id` or `edge_id`."""
        if self.kind == "graph":
            return {"path": cut(json_path(self.keys), MAX_PATH)}
        path = f"{self.kind}s[id={self.id}].{json_path(self.keys)}".removesuffix(".")
        return {"path": cut(path, MAX_PATH), f"{self.kind}_id": self.id}


class Told(Protocol):
    """One entry of an answer: a change, or a conflict."""

    def as_json(self) -> dict[str, Any]:
        """As the API shows it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A node, an edge or another key of a graph that a later graph has otherwise."""

    place: Place
    verb: Verb
    fields: tuple[Keys, ...] = ()
    """What changed inside a node or an edge that both graphs have."""

    @property
    def words(self) -> str:
        """Such as `node "a" was added`."""
        return f"{self.place.title} {_WORDS[self.verb]}"

    def as_json(self) -> dict[str, Any]:
        """The change as the API shows it; the code of one that is only layout ends with `_moved`."""
        fields = f": {listed(map(json_path, self.fields))}" if self.fields else ""
        return {"code": f"{self.place.kind}_{self.verb}", "message": self.words + fields, **self.place.as_json()}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What the later graph has otherwise, what is only layout last. The order of nodes and edges is not compared."""
    found = [*_items("node", before, after), *_items("edge", before, after), *_others(before, after)]
    return sorted(found, key=lambda change: change.verb == "moved")


def in_words(found: Sequence[Change]) -> str:
    """The first changes, and how many more there are."""
    words = [change.words for change in found]
    return summary(words, TOLD_CHANGES, ", ") if found else "the graph did not change"


def entries(found: Sequence[Told]) -> list[dict[str, Any]]:
    """What an answer lists: an end that is cut off says how much it is."""
    more = len(found) - MAX_ENTRIES
    end = [{"code": "more", "message": f"and {more:,} more", "path": ""}] if more > 0 else []
    return [*(told.as_json() for told in found[:MAX_ENTRIES]), *end]


def by_id(graph: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """The nodes or the edges of a graph."""
    return {item["id"]: item for item in graph[f"{kind}s"]}


def others(graph: Mapping[str, Any]) -> dict[str, Any]:
    """All that a graph has besides nodes and edges."""
    return {key: value for key, value in graph.items() if key not in ("nodes", "edges")}


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal. In Python alone, true is 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def differing(before: Any, after: Any, keys: Keys = ()) -> Iterator[Keys]:
    """Where two values differ; objects are looked into, a list is one value."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from differing(before.get(key, ABSENT), after.get(key, ABSENT), (*keys, key))
    elif not same(before, after):
        yield keys


def only_moved(place: Place, before: Any, after: Any) -> bool:
    """Whether two values of a node, an edge or a graph's key differ in nothing but layout."""
    return all(Place(place.kind, place.id, keys).is_layout for keys in differing(before, after, place.keys))


def cut(text: str, size: int) -> str:
    """A text that says where it was cut."""
    return text if len(text) <= size else f"{text[:size]}… (cut)"


def _items(kind: Kind, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    old, new = by_id(before, kind), by_id(after, kind)
    for item_id in dict.fromkeys((*old, *new)):
        place = Place(kind, item_id)
        if item_id not in new:
            yield Change(place, "removed")
        elif item_id not in old:
            yield Change(place, "added")
        elif fields := tuple(differing(old[item_id], new[item_id])):
            verb: Verb = "moved" if only_moved(place, old[item_id], new[item_id]) else "changed"
            yield Change(place, verb, fields)


def _others(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    old, new = others(before), others(after)
    for key in dict.fromkeys((*old, *new)):
        if not same(old.get(key, ABSENT), new.get(key, ABSENT)):
            place = Place("graph", keys=(key,))
            yield Change(place, "moved" if place.is_layout else "changed")
