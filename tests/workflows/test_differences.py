"""What differs between two graphs is told with its place, layout apart."""

from __future__ import annotations

from typing import Any

import pytest

import stepgraph.differences
from chalicelib.workflows.differences import LAYOUT, MAX_ENTRIES, changes, entries, in_words
from tests.client import edge, graph, node

BASE = graph([node("a"), node("b")], edge("a", "b"))


def told(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    return [change.as_json() for change in changes(before, after)]


def with_node(**keys: Any) -> dict[str, Any]:
    return {**BASE, "nodes": [BASE["nodes"][0] | keys, BASE["nodes"][1]]}


def test_nothing_differs_from_itself() -> None:
    assert changes(BASE, BASE) == []
    assert in_words([]) == "the graph did not change"


def test_what_was_added_removed_and_changed_is_told_with_its_fields() -> None:
    after = graph([node("a", config={"value": 2}, label="A"), node("c")], edge("a", "c"))
    assert told(BASE, after) == [
        {
            "code": "node_changed",
            "message": 'node "a" changed: "data.label", "data.config.value"',
            "path": "nodes[id=a]",
            "node_id": "a",
        },
        {"code": "node_removed", "message": 'node "b" was removed', "path": "nodes[id=b]", "node_id": "b"},
        {"code": "node_added", "message": 'node "c" was added', "path": "nodes[id=c]", "node_id": "c"},
        {
            "code": "edge_removed",
            "message": 'edge "a-out-b" was removed',
            "path": "edges[id=a-out-b]",
            "edge_id": "a-out-b",
        },
        {
            "code": "edge_added",
            "message": 'edge "a-out-c" was added',
            "path": "edges[id=a-out-c]",
            "edge_id": "a-out-c",
        },
    ]


@pytest.mark.parametrize(
    "layout",
    [{"position": {"x": 1, "y": 0}}, {"selected": True}, {"dragging": True}, {"measured": {"width": 3}}, {"width": 1},
     {"height": 1}, {"style": {"color": "red"}}],
)  # fmt: skip
def test_layout_is_told_apart(layout: dict[str, Any]) -> None:
    assert [change["code"] for change in told(BASE, with_node(**layout))] == ["node_moved"]
    assert [change["code"] for change in told(BASE, with_node(**layout, type="wait"))] == ["node_changed"]


def test_the_command_tells_the_same_layout_apart() -> None:
    assert stepgraph.differences.LAYOUT == LAYOUT


def test_layout_comes_after_what_means_something() -> None:
    after = {**with_node(selected=True), "edges": [BASE["edges"][0] | {"sourceHandle": "out"}]}
    assert [change["code"] for change in told(BASE, after)] == ["edge_changed", "node_moved"]


def test_a_field_of_that_name_in_data_is_no_layout() -> None:
    before, after = (graph([node("a", config={"value": {"position": x}})]) for x in (1, 2))
    assert [change["code"] for change in told(before, after)] == ["node_changed"]


def test_other_keys_of_a_graph_are_told_by_their_path() -> None:
    after = BASE | {"settings": {"x": 1}, "viewport": {"x": 5, "y": 0, "zoom": 1}}
    found = [(change["code"], change["path"], change["message"]) for change in told(BASE, after)]
    assert found == [
        ("graph_changed", "settings", "the graph, settings changed"),
        ("graph_moved", "viewport", "the graph, viewport changed in layout"),
    ]


@pytest.mark.parametrize(("one", "other"), [(True, 1), (0, False), (None, 0), ("1", 1), ([], {}), ([1], [True])])
def test_values_that_json_tells_apart_differ(one: Any, other: Any) -> None:
    before, after = (graph([node("a", config={"value": value})]) for value in (one, other))
    assert len(told(before, after)) == 1


def test_a_number_is_the_same_as_whole_and_as_double() -> None:
    assert told(graph([node("a", config={"value": 1})]), graph([node("a", config={"value": 1.0})])) == []


def test_null_differs_from_what_is_not_there() -> None:
    assert told(BASE, with_node(parentId=None))[0]["message"] == 'node "a" changed: "parentId"'


def test_many_changes_are_cut_openly() -> None:
    after = graph([node(f"n{number}") for number in range(MAX_ENTRIES + 5)])
    found = changes(graph([]), after)
    assert in_words(found).endswith('node "n7" was added, and 997 more, see errors')
    listed = entries(found)
    assert len(listed) == MAX_ENTRIES + 1
    assert listed[-1] == {"code": "more", "message": "and 5 more", "path": ""}


def test_long_keys_and_ids_make_no_long_message() -> None:
    after = graph([node("x" * 200), node("a", **{"k" * 9_000: 1}), node("b")], edge("a", "b"))
    assert all(len(change["message"]) < 200 and len(change["path"]) < 400 for change in told(BASE, after))
