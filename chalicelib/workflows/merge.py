"""Two editors' graphs become one: what each changed since the graph that both began with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from chalicelib.compiler.shape import json_path
from chalicelib.compiler.words import listed
from chalicelib.errors import ConflictError, summary
from chalicelib.jsontext import to_text

from .differences import ABSENT, Kind, Place, by_id, cut, differing, entries, only_moved, others, same

TOLD_CONFLICTS = 3
"""How many conflicts a detail tells; `errors` has them all."""

MAX_VALUE, MAX_WORDS = 300, 80
"""Characters of a value beside a conflict, and in its message."""


def merge(base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """A graph with the changes of both: nodes and edges by their ids, objects key by key, a list as one value.

    Where both changed the layout of the same, mine stays whole: half of each would be a place that no one chose. Raises
    ConflictError with every place that can't have both changes.
    """
    merging = _Merge()
    merged = merging.run(_Sides(base, mine, theirs))
    if merging.conflicts:
        told = summary([conflict.message for conflict in merging.conflicts], TOLD_CONFLICTS)
        raise ConflictError(f"the two edits can't be merged: {told}", entries(merging.conflicts))
    return merged


class _Sides(NamedTuple):
    """A value as both began with it, and as each has it now; `ABSENT` where there is none."""

    base: Any
    mine: Any
    theirs: Any

    def at(self, key: str) -> _Sides:
        return _Sides(*(side.get(key, ABSENT) if isinstance(side, dict) else ABSENT for side in self))

    def ordered_keys(self) -> list[str]:
        """In their order, then what only mine has; in mine where they left keys and order alone."""
        base, mine, theirs = (list(side) if isinstance(side, dict) else [] for side in self)
        return list(dict.fromkeys(mine + theirs if theirs == base else theirs + mine))

    def merge_by_key(self) -> bool:
        """Whether these are objects; both may have added one."""
        began = {} if self.base is ABSENT else self.base
        return all(isinstance(side, dict) for side in (began, self.mine, self.theirs))


class _Conflict(NamedTuple):
    place: Place
    sides: _Sides
    words: str

    @property
    def message(self) -> str:
        return f"{self.place.title}: {self.words}"

    def as_json(self) -> dict[str, Any]:
        """As the API shows it: what is absent is left out, a long value is cut and says so."""
        values = {name: _brief(side) for name, side in self.sides._asdict().items() if side is not ABSENT}
        return {"code": "merge_conflict", "message": self.message, **self.place.as_json(), **values}


@dataclass(slots=True)
class _Merge:
    conflicts: list[_Conflict] = field(default_factory=list)

    def run(self, graphs: _Sides) -> dict[str, Any]:
        nodes = _Sides(*(by_id(graph, "node") for graph in graphs))
        edges = _Sides(*(by_id(graph, "edge") for graph in graphs))
        merged_nodes, merged_edges = self._items("node", nodes), self._items("edge", edges)
        told = {conflict.place for conflict in self.conflicts}
        for place, node_id in _ends(merged_nodes, merged_edges):
            if node_id not in merged_nodes and told.isdisjoint((place, replace(place, keys=()))):
                self._hangs_on_nothing(place, node_id, nodes, nodes if place.kind == "node" else edges)
        rest = self._by_key(_Sides(*map(others, graphs)), Place("graph"))
        return {"nodes": _parents_first(merged_nodes), "edges": list(merged_edges.values()), **rest}

    def _items(self, kind: Kind, sides: _Sides) -> dict[str, Any]:
        merged = {item_id: self._item(sides.at(item_id), Place(kind, item_id)) for item_id in sides.ordered_keys()}
        return {item_id: item for item_id, item in merged.items() if item is not ABSENT}

    def _item(self, sides: _Sides, place: Place) -> Any:
        """A node or an edge. One that was deleted is gone although the other moved it."""
        base, mine, theirs = sides
        is_everywhere = ABSENT not in (mine, theirs)
        if base is ABSENT and is_everywhere and not only_moved(place, mine, theirs):
            return self._conflict(place, sides, f"mine and theirs both added it and differ in {_fields(mine, theirs)}")
        if base is ABSENT or is_everywhere:
            return self._value(sides, place)
        deleter, changer, kept = ("mine", "theirs", theirs) if mine is ABSENT else ("theirs", "mine", mine)
        if kept is ABSENT or only_moved(place, base, kept):
            return ABSENT
        self._conflict(place, sides, f"{deleter} deleted it, {changer} changed {_fields(base, kept)}")
        return kept

    def _value(self, sides: _Sides, place: Place) -> Any:
        base, mine, theirs = sides
        if same(base, theirs) or same(mine, theirs):
            return mine
        if same(base, mine):
            return theirs
        if place.is_layout:
            return mine
        if sides.merge_by_key():
            return self._by_key(sides, place)
        return self._conflict(place, sides, f"base has {_words(base)}, mine {_words(mine)}, theirs {_words(theirs)}")

    def _by_key(self, sides: _Sides, place: Place) -> dict[str, Any]:
        merged = {key: self._value(sides.at(key), place / key) for key in sides.ordered_keys()}
        return {key: value for key, value in merged.items() if value is not ABSENT}

    def _hangs_on_nothing(self, place: Place, node_id: str, nodes: _Sides, items: _Sides) -> None:
        has, deleter = ("mine", "theirs") if node_id in nodes.mine else ("theirs", "mine")
        sides = items.at(place.id).at(place.keys[0])
        self._conflict(place, sides, f"{has} has node {listed([node_id])}, which {deleter} deleted")

    def _conflict(self, place: Place, sides: _Sides, words: str) -> Any:
        """Something to go on with, so that all conflicts are told at once."""
        self.conflicts.append(_Conflict(place, sides, words))
        return sides.mine


def _ends(nodes: Mapping[str, Any], edges: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """What hangs on which node: both ends of an edge, and a node inside another one."""
    for edge_id, edge in edges.items():
        for end in ("source", "target"):
            yield Place("edge", edge_id, (end,)), edge[end]
    for node_id, node in nodes.items():
        if (parent := node.get("parentId")) is not None:
            yield Place("node", node_id, ("parentId",)), parent


def _parents_first(nodes: Mapping[str, Any]) -> list[Any]:
    """React Flow draws no node whose parent comes after it. A circle of parents is for the compiler to tell."""
    placed: dict[str, Any] = {}
    for node_id in nodes:
        chain: dict[str, Any] = {}
        above = node_id
        while above in nodes and above not in placed and above not in chain:
            chain[above] = nodes[above]
            above = nodes[above].get("parentId")
        placed.update(reversed(chain.items()))
    return list(placed.values())


def _fields(before: Any, after: Any) -> str:
    return listed(map(json_path, differing(before, after)))


def _words(value: Any) -> str:
    return "nothing" if value is ABSENT else cut(to_text(value), MAX_WORDS)


def _brief(value: Any) -> Any:
    text = value if isinstance(value, str) else to_text(value)
    return value if len(text) <= MAX_VALUE else cut(text, MAX_VALUE)
