"""Runs ended from outside: cancelled by a user, or over their time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.bootstrap import services
from tests.client import Api, edge, graph, node, poll, statuses
from tests.e2e.test_run import ask
from tests.upstream import Upstream


def started(api: Api, drawn: dict[str, Any], run_input: Any = None) -> tuple[str, str]:
    workflow_id = api.create(drawn)["id"]
    return workflow_id, f"/{workflow_id}/runs/{api.execute(workflow_id, run_input)['id']}"


def execution_status(run: dict[str, Any]) -> str:
    found = services().step_functions.find(run["execution_arn"])
    assert found
    return found.status


class TestCancel:
    def test_it_ends_a_wait_now_and_nothing_behind_it_runs(self, owner: Api, member: Api) -> None:
        drawn = graph([node("nap", "wait", {"seconds": 600}), node("end")], edge("nap", "end"))
        _, path = started(owner, drawn)
        poll(lambda: statuses(owner.get(path))["nap"] == "waiting")
        answer = member.send("POST", f"{path}/cancel", {"reason": "wrong customer"})
        assert (answer.status, answer.body["status"]) == (200, "cancelled")
        assert answer.body["error_message"] == "cancelled: wrong customer"
        assert statuses(answer.body) == {"nap": "cancelled", "end": "cancelled"}
        poll(lambda: execution_status(answer.body) == "ABORTED")
        last = owner.get(path)["history"][-1]
        assert (last["event"], last["reason"]) == ("cancelled", "cancelled: wrong customer")
        assert UUID(last["by"]) != UUID(owner.get(path)["triggered_by"])

    def test_a_request_in_flight_is_marked_and_what_follows_never_starts(
        self, owner: Api, given: dict[str, Any], calls: list[Any], upstream: Upstream
    ) -> None:
        """`tell` needs no call of its own: the one of `slow` runs it too."""
        nodes = [ask("slow", "slow?held=1"), node("tell"), ask("next", "next")]
        _, path = started(owner, graph(nodes, edge("slow", "tell"), edge("tell", "next")), given)
        poll(lambda: calls)
        run = owner.send("POST", f"{path}/cancel").body
        assert statuses(run) == {"slow": "cancelled", "tell": "cancelled", "next": "cancelled"}
        upstream.let_go[f"/{owner.workspace_id}/slow"].set()
        poll(lambda: statuses(owner.get(path))["slow"] == "succeeded")  # its effect has happened, and that is told
        run = owner.get(path)
        assert (run["status"], statuses(run)["tell"], len(calls)) == ("cancelled", "cancelled", 1)
        assert run["node_results"]["tell"]["history"] == []

    def test_gates_and_items_end(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        """The letter N, whose last corner stands behind a gate; and items that run elsewhere."""
        corners = [ask("a", "a?sleep=0.3"), node("b", "wait", {"seconds": 600}), ask("c", "c"), ask("d", "d")]
        each = node("each", "for_each", {"items": "{% [1..3] %}", "max_concurrency": 1})
        inside = node("nap", "wait", {"seconds": 600}) | {"parentId": "each"}
        drawn = graph([*corners, each, inside], edge("a", "c"), edge("b", "c"), edge("b", "d"))
        _, path = started(owner, drawn, given)
        poll(lambda: (now := statuses(owner.get(path)))["nap"] == "waiting" and now["a"] == "succeeded")
        run = owner.send("POST", f"{path}/cancel", {}).body
        found = statuses(run)
        assert found == {"a": "succeeded"} | dict.fromkeys(("b", "c", "d", "each", "nap"), "cancelled")
        assert {item["status"] for item in owner.get(f"{path}/items?node_id=each")["items"]} == {"cancelled"}
        poll(lambda: execution_status(run) == "ABORTED")
        assert len(calls) == 1

    def test_a_run_that_has_ended_is_left_alone(self, owner: Api) -> None:
        workflow_id, path = started(owner, graph([node("a")]))
        owner.ended(workflow_id, path.rpartition("/")[2])
        answer = owner.send("POST", f"{path}/cancel")
        assert (answer.status, "succeeded" in answer.body["detail"]) == (409, True)
        assert owner.get(path)["status"] == "succeeded"

    def test_of_two_at_once_one_cancels(self, owner: Api) -> None:
        _, path = started(owner, graph([node("nap", "wait", {"seconds": 600})]))
        found = sorted(owner.send("POST", f"{path}/cancel").status for _ in range(2))
        assert found == [200, 409]

    def test_it_is_not_there_for_others(self, owner: Api, stack: Any) -> None:
        _, path = started(owner, graph([node("nap", "wait", {"seconds": 600})]))
        workspace_id, token, _ = stack.workspace("cancel-strangers")
        assert Api(owner.base, str(workspace_id), token).send("POST", f"{path}/cancel").status == 404
        assert owner.send("POST", f"{path}/cancel", {"why": 1}).status == 400
        assert owner.send("POST", f"{path}/cancel").status == 200


class TestTimeLimit:
    def test_a_run_that_takes_too_long_is_timed_out(self, owner: Api) -> None:
        drawn = graph([node("nap", "wait", {"seconds": 600}), node("end")], edge("nap", "end"))
        run = owner.run(drawn | {"settings": {"timeout_seconds": 1}})
        assert (run["status"], run["error_message"]) == (
            "timed_out",
            "the run took longer than its limit of 1 seconds",
        )
        assert statuses(run) == {"nap": "cancelled", "end": "cancelled"}
        assert run["completed_at"] >= run["deadline_at"]

    def test_one_that_is_quick_enough_is_not(self, owner: Api) -> None:
        run = owner.run(graph([node("a")]) | {"settings": {"timeout_seconds": 60}})
        assert run["status"] == "succeeded"

    def test_a_setting_that_can_not_be_is_refused(self, owner: Api) -> None:
        settings = {"timeout_seconds": 0, "overlap": "often", "max_concurent_runs": 2, "zoomOnScroll": True}
        answer = owner.send("POST", "", {"name": "x", "graph_definition": graph([]) | {"settings": settings}})
        assert answer.status == 422
        paths = [error["path"] for error in answer.body["errors"]]
        assert sorted(paths) == [
            f"graph_definition.settings.{name}" for name in ("max_concurent_runs", "overlap", "timeout_seconds")
        ]
