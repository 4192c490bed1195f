"""What differs between two graphs, as people read it: nodes and their fields, connections, settings; layout apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

LAYOUT = frozenset(
    ("position", "positionAbsolute", "selected", "dragging", "resizing", "measured", "width", "height", "style")
)  # fmt: skip
"""The keys of a node that only say how it looks; of an edge all but its ends are."""

ABSENT: Final = object()
"""The value of a key that is not there; null is a value."""

Json = Mapping[str, Any]
Connection = tuple[str, str, str]
"""Source, handle, target."""


@dataclass(frozen=True, slots=True)
class Field:
    """A value that changed, and where; `before` or `after` is ABSENT where there was none."""

    path: str
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        """Without what is absent."""
        told = {"path": self.path, "before": self.before, "after": self.after}
        return {key: value for key, value in told.items() if value is not ABSENT}


@dataclass(frozen=True, slots=True)
class ChangedNode:
    """A node that both graphs have."""

    before: Json
    after: Json
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Difference:
    """From one graph to another."""

    added: list[Json]
    removed: list[Json]
    changed: list[ChangedNode]
    connected: list[Connection]
    disconnected: list[Connection]
    others: list[Field]
    """Of the graph itself, such as its settings."""
    moved: list[str]
    """The ids of the nodes of which only the layout changed, or that too."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "nodes": {
                "added": self.added,
                "removed": self.removed,
                "changed": [
                    {"id": each.after["id"], "fields": [field.as_json() for field in each.fields]}
                    for each in self.changed
                ],
            },
            "edges": {"added": [_edge(each) for each in self.connected], "removed": [*map(_edge, self.disconnected)]},
            "graph": [field.as_json() for field in self.others],
            "moved": self.moved,
        }


def compare(before: Json, after: Json) -> Difference:
    """What the later graph has otherwise."""
    old, new = _by_id(before), _by_id(after)
    both = [node_id for node_id in new if node_id in old]
    changed = [_changed(old[each], new[each]) for each in both]
    old_edges, new_edges = _connections(before), _connections(after)
    return Difference(
        added=[node for node_id, node in new.items() if node_id not in old],
        removed=[node for node_id, node in old.items() if node_id not in new],
        changed=[each for each in changed if each.fields],
        connected=[each for each in new_edges if each not in old_edges],
        disconnected=[each for each in old_edges if each not in new_edges],
        others=list(_fields(_others(before), _others(after))),
        moved=[each for each in both if not same(_layout(old[each]), _layout(new[each]))],
    )


def _changed(before: Json, after: Json) -> ChangedNode:
    return ChangedNode(before, after, list(_fields(_meaning(before), _meaning(after))))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal. In Python alone, true is 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _fields(before: Any, after: Any, path: str = "") -> Iterator[Field]:
    """Objects are looked into; a list is one value. That a field is in `data` is so usual that it is left out."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _fields(before.get(key, ABSENT), after.get(key, ABSENT), f"{path}.{key}".lstrip("."))
    elif not same(before, after):
        yield Field(path.removeprefix("data."), before, after)


def _by_id(graph: Json) -> dict[str, Json]:
    return {str(node.get("id")): node for node in graph["nodes"]}


def _meaning(node: Json) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in LAYOUT}


def _layout(node: Json) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key in LAYOUT}


def _others(graph: Json) -> dict[str, Any]:
    return {key: value for key, value in graph.items() if key not in ("nodes", "edges", "viewport")}


def _connections(graph: Json) -> list[Connection]:
    found = [(str(e.get("source")), e.get("sourceHandle") or "out", str(e.get("target"))) for e in graph["edges"]]
    return list(dict.fromkeys(found))


def _edge(connection: Connection) -> dict[str, str]:
    return dict(zip(("source", "handle", "target"), connection, strict=True))
