"""What is asked of a whole workspace: its runs, and whether a graph could be saved in it."""

from __future__ import annotations

from uuid import uuid4

from local.stack import Stack
from tests.client import Api, edge, graph, node

HELLO = graph([node("a")])
FAILS = graph([node("no", "fail", {"message": "no"})])


class TestRuns:
    def test_those_of_all_workflows_are_one_list_newest_first(self, owner: Api) -> None:
        made = [owner.run(drawn) for drawn in (HELLO, FAILS, HELLO)]
        runs = owner.of("runs")
        first = runs.send("GET", "?limit=2").body
        rest = runs.send("GET", f"?cursor={first['next_cursor']}").body
        found = [*first["items"], *rest["items"]]
        assert [each["id"] for each in found] == [run["id"] for run in reversed(made)]
        assert [each["workflow_id"] for each in found] == [run["workflow_id"] for run in reversed(made)]
        failed = runs.send("GET", "?status=failed").body["items"]
        assert [each["id"] for each in failed] == [made[1]["id"]]
        assert runs.send("GET", "?status=odd").status == 400

    def test_one_is_found_without_its_workflow(self, owner: Api) -> None:
        run = owner.run(HELLO)
        found = owner.of("runs").send("GET", f"/{run['id']}")
        assert (found.status, found.body) == (200, owner.get(f"/{run['workflow_id']}/runs/{run['id']}"))

    def test_those_of_another_workspace_are_not_there(self, owner: Api, stack: Stack) -> None:
        run = owner.run(HELLO)
        workspace_id, token, _ = stack.workspace(uuid4().hex)
        other = Api(owner.base, str(workspace_id), token).of("runs")
        assert other.send("GET", "").body["items"] == []
        assert other.send("GET", f"/{run['id']}").status == 404
        assert other.send("GET", "/nonsense").status == 404


class TestValidate:
    def test_what_it_would_cost_is_told_and_nothing_is_saved(self, owner: Api, member: Api) -> None:
        answer = member.send("POST", "/validate", {"graph_definition": HELLO})
        assert answer.status == 200
        assert owner.get()["items"] == []
        assert answer.body["certificate"] == owner.create(HELLO)["certificate"]

    def test_all_that_is_wrong_is_told(self, owner: Api) -> None:
        drawn = graph([node("a", "nothing"), node("b")], edge("a", "b"), edge("b", "a"))
        answer = owner.send("POST", "/validate", {"graph_definition": drawn})
        assert answer.status == 422
        assert {each["code"] for each in answer.body["errors"]} == {"unknown_type", "cycle"}
