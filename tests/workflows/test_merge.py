"""Two edits of one graph: what merges, and what is told as a conflict."""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.errors import ConflictError
from chalicelib.workflows.differences import LAYOUT, MAX_ENTRIES, by_id, changes, same
from chalicelib.workflows.merge import merge
from tests.client import edge, graph, node
from tests.compiler.strategies import PROPERTY
from tests.workflows.edits import Graph, apart, edited, graphs, two_edits

BASE = graph([node("a"), node("b"), node("c")], edge("a", "b"))
Edit = Callable[[Graph], Any]


def after(*edits: Edit, base: Graph = BASE) -> Graph:
    drawn = deepcopy(base)
    for edit in edits:
        edit(drawn)
    return drawn


def at(index: int, *keys: str, to: Any) -> Edit:
    """Sets a field of a node."""

    def edit(drawn: Graph) -> None:
        item = drawn["nodes"][index]
        for key in keys[:-1]:
            item = item[key]
        item[keys[-1]] = to

    return edit


def without(node_id: str) -> Edit:
    def edit(drawn: Graph) -> None:
        drawn["nodes"] = [item for item in drawn["nodes"] if item["id"] != node_id]
        drawn["edges"] = [item for item in drawn["edges"] if node_id not in (item["source"], item["target"])]

    return edit


def plus(*nodes: dict[str, Any], edges: tuple[dict[str, Any], ...] = ()) -> Edit:
    def edit(drawn: Graph) -> None:
        drawn["nodes"] += nodes
        drawn["edges"] += edges

    return edit


def conflicts(mine: Graph, theirs: Graph, base: Graph = BASE) -> list[dict[str, Any]]:
    with pytest.raises(ConflictError) as told:
        merge(base, mine, theirs)
    assert told.value.detail.startswith("the two edits can't be merged: ")
    assert {error["code"] for error in told.value.errors} <= {"merge_conflict", "more"}
    return told.value.errors


def ids(drawn: Graph) -> list[str]:
    return [item["id"] for item in drawn["nodes"]]


def meaning(drawn: Graph) -> dict[str, Any]:
    """A graph without its layout and its order."""
    items = {
        kind: {item["id"]: {key: value for key, value in item.items() if key not in LAYOUT} for item in drawn[kind]}
        for kind in ("nodes", "edges")
    }
    return {**drawn, "viewport": None, **items}


def attempt(base: Graph, mine: Graph, theirs: Graph) -> Graph:
    try:
        return merge(base, mine, theirs)
    except ConflictError:
        assume(False)
        raise


class TestProperties:
    @PROPERTY
    @given(st.data())
    def test_an_unchanged_side_gives_the_other(self, data: st.DataObject) -> None:
        base = data.draw(graphs())
        changed = data.draw(edited(base))
        assert merge(base, base, changed) == changed
        assert merge(base, changed, base) == changed
        assert merge(base, changed, changed) == changed

    @PROPERTY
    @given(two_edits())
    def test_who_is_mine_matters_for_layout_alone(self, edit: tuple[Graph, Graph, Graph]) -> None:
        base, mine, theirs = edit
        try:
            merged = merge(base, mine, theirs)
        except ConflictError as told:
            with pytest.raises(ConflictError) as other:
                merge(base, theirs, mine)
            places = [{error["path"] for error in errors} for errors in (told.errors, other.value.errors)]
            assert places[0] == places[1]
        else:
            assert same(meaning(merged), meaning(merge(base, theirs, mine)))

    @PROPERTY
    @given(apart())
    def test_edits_apart_merge_and_both_are_there(self, edit: tuple[Graph, Graph, Graph]) -> None:
        base, mine, theirs = edit
        merged = merge(base, mine, theirs)
        merged_nodes, merged_edges = by_id(merged, "node"), by_id(merged, "edge")
        for side, drawn in (("mine", mine), ("theirs", theirs)):
            assert merged_nodes[side] == by_id(drawn, "node")[side]
            assert merged_edges.get(side) == by_id(drawn, "edge").get(side)
            assert same(merged[side], drawn[side])
            for node_id, item in by_id(drawn, "node").items():
                assert same(merged_nodes[node_id]["data"].get(side), item["data"].get(side))
        assert len(merged["nodes"]) == len(base["nodes"]) + 2

    @PROPERTY
    @given(two_edits())
    def test_nothing_is_dropped_that_neither_removed_and_nothing_is_made_up(
        self, edit: tuple[Graph, Graph, Graph]
    ) -> None:
        base, mine, theirs = edit
        merged = attempt(base, mine, theirs)
        assert_each_is_kept(base, mine, theirs, merged, layout={"viewport"})
        for kind in ("node", "edge"):
            sides = [by_id(drawn, kind) for drawn in (base, mine, theirs, merged)]
            assert_each_is_kept(*sides)
            for item_id, item in sides[3].items():
                assert_each_is_kept(*(side.get(item_id, {}) for side in sides[:3]), item, layout=LAYOUT)

    @PROPERTY
    @given(two_edits())
    def test_a_change_is_in_the_result_or_told_as_a_conflict(self, edit: tuple[Graph, Graph, Graph]) -> None:
        base, mine, theirs = edit
        merged = attempt(base, mine, theirs)
        made = {change.place for change in changes(base, merged) if change.verb != "moved"}
        wanted = {change.place for side in (mine, theirs) for change in changes(base, side) if change.verb != "moved"}
        assert made == wanted

    @PROPERTY
    @given(two_edits())
    def test_no_edge_of_the_result_hangs_on_nothing(self, edit: tuple[Graph, Graph, Graph]) -> None:
        merged = attempt(*edit)
        assert {item[end] for item in merged["edges"] for end in ("source", "target")} <= set(ids(merged))


def assert_each_is_kept(base: Graph, mine: Graph, theirs: Graph, merged: Graph, layout: Collection[str] = ()) -> None:
    """Layout that mine changed is mine, whatever they did to it."""
    chosen = {key for key in base if key in layout and key in mine and not same(base[key], mine[key])}
    removed = {key for key in base if key not in mine or key not in theirs} - chosen
    assert merged.keys() == (mine.keys() | theirs.keys()) - removed


class TestWhatMerges:
    def test_one_moved_a_node_and_the_other_edited_its_config(self) -> None:
        mine = after(at(0, "position", to={"x": 9, "y": 9}))
        theirs = after(at(0, "data", "config", to={"value": 2}), at(1, "data", "label", to="B"))
        assert merge(BASE, mine, theirs) == after(
            at(0, "position", to={"x": 9, "y": 9}),
            at(0, "data", "config", to={"value": 2}),
            at(1, "data", "label", to="B"),
        )

    def test_different_keys_of_one_object_merge_also_where_both_made_it(self) -> None:
        mine = after(at(0, "data", "retry", to={"max_attempts": 3}))
        theirs = after(at(0, "data", "retry", to={"interval_seconds": 2}))
        merged = merge(BASE, mine, theirs)
        assert merged["nodes"][0]["data"]["retry"] == {"max_attempts": 3, "interval_seconds": 2}

    def test_settings_and_unknown_keys_merge_too(self) -> None:
        base, mine, theirs = ({**BASE, "settings": settings} for settings in ({"x": 1}, {"x": 2}, {"x": 1, "y": 3}))
        assert merge(base, mine, theirs | {"note": "n"}) == {**BASE, "settings": {"x": 2, "y": 3}, "note": "n"}

    def test_layout_is_never_a_conflict_and_mine_stays(self) -> None:
        def moved(x: int) -> Graph:
            drawn = after(at(0, "position", to={"x": x, "y": x - 1}), at(0, "selected", to=bool(x % 2)))
            return drawn | {"viewport": {"x": x, "y": x - 1, "zoom": x}}

        assert merge(BASE, moved(1), moved(2)) == moved(1)
        assert merge(BASE, moved(2), moved(1)) == moved(2)
        assert merge(BASE, BASE, moved(2)) == moved(2)

    def test_a_node_that_one_deleted_and_the_other_moved_is_gone(self) -> None:
        moved = after(at(2, "position", to={"x": 5, "y": 5}))
        assert ids(merge(BASE, after(without("c")), moved)) == ["a", "b"]
        assert ids(merge(BASE, moved, after(without("c")))) == ["a", "b"]

    def test_what_both_deleted_is_gone_and_what_both_added_alike_is_there_once(self) -> None:
        mine = after(without("b"), plus(node("n")))
        theirs = after(without("b"), plus(node("n") | {"position": {"x": 3, "y": 3}}))
        assert merge(BASE, mine, theirs) == mine

    def test_their_order_comes_first_then_mine(self) -> None:
        merged = merge(BASE, after(plus(node("m"))), after(plus(node("t"))))
        assert ids(merged) == ["a", "b", "c", "t", "m"]

    def test_my_order_stays_where_they_left_theirs(self) -> None:
        mine = {**BASE, "nodes": [node("m"), *reversed(BASE["nodes"])]}
        assert ids(merge(BASE, mine, after(at(0, "data", "label", to="x")))) == ["m", "c", "b", "a"]

    def test_a_parent_comes_before_what_it_holds(self) -> None:
        mine = {**BASE, "nodes": [node("m") | {"parentId": "outer"}, node("outer"), *BASE["nodes"]]}
        mine = after(at(2, "parentId", to="m"), base=mine)
        merged = merge(BASE, mine, after(plus(node("t"))))
        assert ids(merged) == ["outer", "m", "a", "b", "c", "t"]


class TestConflicts:
    def test_the_same_field_changed_differently_is_told_with_all_three_values(self) -> None:
        mine, theirs = (after(at(0, "data", "config", "value", to=value)) for value in ("x", {"y": 1}))
        assert conflicts(mine, theirs) == [
            {
                "code": "merge_conflict",
                "message": 'node "a", data.config.value: base has "a", mine "x", theirs {"y":1}',
                "path": "nodes[id=a].data.config.value",
                "node_id": "a",
                "base": "a",
                "mine": "x",
                "theirs": {"y": 1},
            }
        ]

    def test_an_absent_value_is_left_out_and_null_is_not(self) -> None:
        mine, theirs = after(at(0, "parentId", to=None)), after(at(0, "parentId", to="b"))
        (told,) = conflicts(mine, theirs)
        assert told["message"] == 'node "a", parentId: base has nothing, mine null, theirs "b"'
        assert "base" not in told
        assert (told["mine"], told["theirs"]) == (None, "b")

    def test_a_list_is_one_value(self) -> None:
        base, mine, theirs = (after(at(0, "data", "config", to={"cases": each})) for each in (["a"], ["a", "m"], []))
        assert [told["path"] for told in conflicts(mine, theirs, base)] == ["nodes[id=a].data.config.cases"]

    @pytest.mark.parametrize("i_deleted", [True, False])
    def test_one_changed_what_the_other_deleted(self, i_deleted: bool) -> None:
        edits = after(without("c")), after(at(2, "data", "label", to="C"))
        mine, theirs = edits if i_deleted else edits[::-1]
        (told,) = conflicts(mine, theirs)
        deleter, changer = ("mine", "theirs") if i_deleted else ("theirs", "mine")
        assert told["message"] == f'node "c": {deleter} deleted it, {changer} changed "data.label"'
        assert (told["path"], told["node_id"], told["base"]) == ("nodes[id=c]", "c", BASE["nodes"][2])
        assert deleter not in told
        assert told[changer]["data"]["label"] == "C"

    @pytest.mark.parametrize("i_deleted", [True, False])
    def test_one_drew_an_edge_to_what_the_other_deleted(self, i_deleted: bool) -> None:
        edits = after(without("c")), after(plus(edges=(edge("a", "c"),)))
        (told,) = conflicts(*(edits if i_deleted else edits[::-1]))
        deleter, drawer = ("mine", "theirs") if i_deleted else ("theirs", "mine")
        assert told["message"] == f'edge "a-out-c", target: {drawer} has node "c", which {deleter} deleted'
        assert (told["path"], told["edge_id"], told[drawer]) == ("edges[id=a-out-c].target", "a-out-c", "c")

    def test_one_led_an_old_edge_to_what_the_other_deleted(self) -> None:
        mine = deepcopy(BASE)
        mine["edges"][0]["target"] = "c"
        (told,) = conflicts(mine, after(without("c")))
        assert (told["path"], told["base"], told["mine"], told["theirs"]) == ("edges[id=a-out-b].target", "b", "c", "b")

    def test_one_put_a_node_into_a_container_that_the_other_deleted(self) -> None:
        (told,) = conflicts(after(plus(node("n") | {"parentId": "c"})), after(without("c")))
        assert (told["path"], told["node_id"]) == ("nodes[id=n].parentId", "n")

    def test_what_hangs_on_a_deleted_node_and_is_in_conflict_itself_is_told_once(self) -> None:
        base = after(plus(node("d") | {"parentId": "c"}, edges=(edge("d", "b"),)))
        mine = after(at(3, "data", "label", to="D"), base=base)
        assert [told["path"] for told in conflicts(mine, after(without("c"), without("d")), base)] == ["nodes[id=d]"]
        mine, theirs = deepcopy(BASE), after(without("c"))
        mine["edges"][0]["target"], theirs["edges"][0]["target"] = "c", "a"
        assert [told["path"] for told in conflicts(mine, theirs)] == ["edges[id=a-out-b].target"]

    def test_another_conflict_of_an_edge_hides_none_about_its_ends(self) -> None:
        mine, theirs = deepcopy(BASE), after(without("c"))
        mine["edges"][0] |= {"target": "c", "label": "m"}
        theirs["edges"][0] |= {"label": "t"}
        assert [told["path"] for told in conflicts(mine, theirs)] == [
            "edges[id=a-out-b].label",
            "edges[id=a-out-b].target",
        ]

    def test_both_added_the_same_id_with_another_content(self) -> None:
        (told,) = conflicts(after(plus(node("n", label="m"))), after(plus(node("n", label="t"))))
        assert told["message"] == 'node "n": mine and theirs both added it and differ in "data.label"'
        assert told["path"] == "nodes[id=n]"
        assert "base" not in told
        (told,) = conflicts(*(after(plus(edges=({"id": "e", "source": "b", "target": end},))) for end in "ac"))
        assert (told["path"], told["edge_id"]) == ("edges[id=e]", "e")

    def test_all_conflicts_are_told_at_once(self) -> None:
        mine, theirs = (
            {**after(at(0, "type", to=who), at(1, "type", to=who), at(2, "type", to=who)), "settings": {"x": who}}
            for who in ("m", "t")
        )
        told = conflicts(mine, theirs)
        assert [error["path"] for error in told] == [
            "nodes[id=a].type",
            "nodes[id=b].type",
            "nodes[id=c].type",
            "settings.x",
        ]
        assert told[3].keys() == {"code", "message", "path", "mine", "theirs"}

    def test_long_values_and_many_conflicts_are_cut_openly(self) -> None:
        mine, theirs = (after(at(0, "data", "config", "value", to=who * 5_000)) for who in ("m", "t"))
        (told,) = conflicts(mine, theirs)
        assert told["mine"] == "m" * 300 + "… (cut)"
        assert len(told["message"]) < 300
        mine, theirs = (
            after(at(0, "data", "config", to={f"k{index}": who for index in range(MAX_ENTRIES + 1)})) for who in "mt"
        )
        many = conflicts(mine, theirs)
        assert (len(many), many[-1]["message"]) == (MAX_ENTRIES + 1, "and 1 more")
