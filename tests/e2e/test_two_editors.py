"""Two people edit one workflow at a time: the late one is told what changed, and can merge."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.client import Answer, Api, edge, graph, node
from tests.e2e.test_api import assert_problem

BASE = graph([node("a"), node("b"), node("c")], edge("a", "b"))


def labelled(drawn: dict[str, Any], node_id: str, label: str) -> dict[str, Any]:
    nodes = [
        item | {"data": item["data"] | {"label": label}} if item["id"] == node_id else item for item in drawn["nodes"]
    ]
    return drawn | {"nodes": nodes}


def moved(drawn: dict[str, Any], node_id: str, x: int) -> dict[str, Any]:
    nodes = [item | {"position": {"x": x, "y": 0}} if item["id"] == node_id else item for item in drawn["nodes"]]
    return drawn | {"nodes": nodes}


@pytest.fixture
def workflow_id(owner: Api) -> str:
    return str(owner.create(BASE)["id"])


class TestStale:
    def late(self, owner: Api, workflow_id: str, expected: int, status: int = 409) -> dict[str, Any]:
        answer = owner.send("PUT", f"/{workflow_id}", {"graph_definition": BASE, "expected_version": expected})
        rolled_back = owner.send("POST", f"/{workflow_id}/rollback", {"version": 1, "expected_version": expected})
        problem = assert_problem(answer, status, "stale_version")
        assert assert_problem(rolled_back, status) == problem
        return problem

    def test_what_changed_since_is_told(self, owner: Api, workflow_id: str) -> None:
        theirs = graph([node("a", label="A"), node("b"), node("d")], edge("a", "d"))
        owner.put(workflow_id, graph_definition=moved(theirs, "b", 5))
        owner.put(workflow_id, graph_definition=moved(theirs, "b", 9))
        problem = self.late(owner, workflow_id, 1)
        assert problem["detail"] == (
            'you changed version 1; the current version is 3; since then node "a" changed, node "c" was removed, '
            'node "d" was added, edge "a-out-b" was removed, edge "a-out-d" was added, node "b" changed in layout'
        )
        stale, *changed = problem["errors"]
        assert stale == {
            "code": "stale_version", "message": "load the workflow again", "path": "expected_version",
            "expected_version": 1, "current_version": 3,
        }  # fmt: skip
        assert [(error["code"], error.get("node_id") or error["edge_id"]) for error in changed] == [
            ("node_changed", "a"), ("node_removed", "c"), ("node_added", "d"), ("edge_removed", "a-out-b"),
            ("edge_added", "a-out-d"), ("node_moved", "b"),
        ]  # fmt: skip
        assert owner.get(f"/{workflow_id}")["current_version"] == 3

    def test_a_version_that_never_was_is_told_so(self, owner: Api, workflow_id: str) -> None:
        problem = self.late(owner, workflow_id, 7)
        assert problem["detail"] == "there never was a version 7; the current version is 1"
        assert len(problem["errors"]) == 1

    def test_the_same_graph_saved_twice_did_not_change(self, owner: Api, workflow_id: str) -> None:
        owner.put(workflow_id, graph_definition=BASE)
        problem = self.late(owner, workflow_id, 1)
        assert problem["detail"].endswith("since then the graph did not change")
        assert len(problem["errors"]) == 1

    def test_many_changes_are_all_listed_and_a_few_told(self, owner: Api, workflow_id: str) -> None:
        owner.put(workflow_id, graph_definition=graph([node(f"n{number}") for number in range(400)]))
        problem = self.late(owner, workflow_id, 1)
        assert len(problem["errors"]) == 1 + 400 + 3 + 1
        assert len(problem["detail"]) < 400
        assert problem["detail"].endswith("and 396 more, see errors")


class TestMerge:
    def merge(self, api: Api, workflow_id: str, base: Any, mine: Any) -> Answer:
        return api.send("POST", f"/{workflow_id}/merge", {"base": base, "mine": mine})

    @pytest.mark.parametrize("base", [1, BASE])
    def test_both_edits_are_in_the_answer_and_nothing_is_saved(self, owner: Api, workflow_id: str, base: Any) -> None:
        owner.put(workflow_id, graph_definition=labelled(BASE, "a", "theirs"))
        mine = moved(labelled(BASE, "b", "mine"), "a", 7)
        answer = self.merge(owner, workflow_id, base, mine)
        assert answer.status == 200
        assert answer.body == {
            "graph_definition": labelled(mine, "a", "theirs"),
            "base_version": 1 if base == 1 else None,
            "current_version": 2,
            "changes": {
                "mine": [
                    {"code": "node_changed", "message": 'node "b" changed: "data.label"', "path": "nodes[id=b]",
                     "node_id": "b"},
                    {"code": "node_moved", "message": 'node "a" changed in layout: "position.x"',
                     "path": "nodes[id=a]", "node_id": "a"},
                ],
                "theirs": [
                    {"code": "node_changed", "message": 'node "a" changed: "data.label"', "path": "nodes[id=a]",
                     "node_id": "a"},
                ],
            },
        }  # fmt: skip
        assert owner.get(f"/{workflow_id}")["current_version"] == 2
        merged, current = answer.body["graph_definition"], answer.body["current_version"]
        saved = owner.put(workflow_id, graph_definition=merged, expected_version=current)
        assert (saved["current_version"], saved["graph_definition"]) == (3, merged)

    def test_conflicts_are_told_with_what_each_has(self, owner: Api, workflow_id: str) -> None:
        owner.put(workflow_id, graph_definition=labelled(BASE, "a", "theirs"))
        problem = assert_problem(self.merge(owner, workflow_id, 1, labelled(BASE, "a", "mine")), 409)
        assert problem["errors"] == [
            {"code": "merge_conflict", "message": 'node "a", data.label: base has "a", mine "mine", theirs "theirs"',
             "path": "nodes[id=a].data.label", "node_id": "a", "base": "a", "mine": "mine", "theirs": "theirs"}
        ]  # fmt: skip
        assert problem["errors"][0]["message"] in problem["detail"]

    def test_what_is_wrong_only_together_is_told_by_the_compiler(self, owner: Api, workflow_id: str) -> None:
        owner.put(workflow_id, graph_definition=graph(BASE["nodes"], *BASE["edges"], edge("b", "c")))
        mine = graph(BASE["nodes"], *BASE["edges"], edge("c", "a"))
        problem = assert_problem(self.merge(owner, workflow_id, 1, mine), 409, "cycle")
        assert problem["detail"].startswith("both edits together are wrong: the graph goes in a circle: ")

    def test_what_is_too_large_only_together_is_a_conflict(self, owner: Api, workflow_id: str) -> None:
        owner.put(workflow_id, graph_definition=BASE | {"theirs": "x" * 600_000})
        problem = assert_problem(self.merge(owner, workflow_id, 1, BASE | {"mine": "x" * 600_000}), 409)
        assert "1,048,576" in problem["detail"]
        owner.put(workflow_id, graph_definition=graph([node(f"n{number}") for number in range(300)]))
        mine = graph([node(f"m{number}") for number in range(300)])
        assert_problem(self.merge(owner, workflow_id, graph([]), mine), 409, "too_many_nodes")

    def test_what_is_wrong_by_itself_is_refused_as_on_save(self, owner: Api, workflow_id: str) -> None:
        wrong = graph([node("a", "teleport")])
        problem = assert_problem(self.merge(owner, workflow_id, 1, wrong), 422, "unknown_type")
        assert problem["errors"][0]["path"] == "mine.nodes[0].type"
        assert_problem(self.merge(owner, workflow_id, 1, {"nodes": []}), 400, "malformed_graph")
        problem = assert_problem(self.merge(owner, workflow_id, {"nodes": [1], "edges": []}, BASE), 400)
        assert problem["errors"][0]["path"].startswith("base.nodes[0]")
        assert_problem(self.merge(owner, workflow_id, graph([node("a"), node("a")]), BASE), 422, "duplicate_node_id")
        for base, mine in ((1, BASE | {"x": "x" * 1_100_000}), (BASE | {"x": "x" * 1_100_000}, BASE)):
            assert "1,048,576" in assert_problem(self.merge(owner, workflow_id, base, mine), 413)["detail"]

    @pytest.mark.parametrize("base", [2, 0, -1, 2**40])
    def test_a_version_that_never_was_is_not_found(self, owner: Api, workflow_id: str, base: int) -> None:
        assert f"no version {base}" in assert_problem(self.merge(owner, workflow_id, base, BASE), 404)["detail"]

    @pytest.mark.parametrize(
        "body", [{}, {"base": 1}, {"mine": BASE}, {"base": 1, "mine": 1}, {"base": 1, "mine": BASE, "x": 1}]
    )
    def test_a_wrong_body_is_malformed(self, owner: Api, workflow_id: str, body: dict[str, Any]) -> None:
        assert_problem(owner.send("POST", f"/{workflow_id}/merge", body), 400)

    @pytest.mark.parametrize("base", [True, None, "1", 1.0, [1], 2**70])
    def test_a_base_that_is_neither_is_told_what_it_may_be(self, owner: Api, workflow_id: str, base: Any) -> None:
        problem = assert_problem(self.merge(owner, workflow_id, base, BASE), 400, "base_type")
        assert problem["detail"] == "base: must be the number of a version, or a graph"

    def test_members_may_not_and_there_must_be_a_workflow(self, owner: Api, member: Api, workflow_id: str) -> None:
        assert_problem(self.merge(member, workflow_id, 1, BASE), 403)
        assert_problem(self.merge(owner, str(uuid.uuid4()), 1, BASE), 404)
