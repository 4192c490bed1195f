"""Two people edit one workflow at a time: the late one is told what changed, and can merge."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Api, edge, graph, node
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
