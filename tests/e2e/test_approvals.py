"""Nodes that wait for someone to decide."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.bootstrap import services
from local.stack import Stack
from tests.client import Answer, Api, edge, graph, node, poll, statuses
from tests.e2e.scheduling import aws


def approval(node_id: str = "ok", message: str = "Pay {% $input.amount %}?", **more: Any) -> dict[str, Any]:
    config = {"message": message, **{key: more.pop(key) for key in ("timeout_seconds",) if key in more}}
    return node(node_id, "approval", config, **more)


PAYMENT = graph(
    [approval(), node("pay", "transform", {"value": "{% $nodes.ok.output.data %}"}), node("tell")],
    edge("ok", "pay", "approved"),
    edge("ok", "tell", "rejected"),
)


def waiting(api: Api, drawn: dict[str, Any], *nodes: str, **run_input: Any) -> str:
    """The path of a run whose nodes wait for decisions."""
    workflow_id = api.create(drawn)["id"]
    path = f"/{workflow_id}/runs/{api.execute(workflow_id, run_input)['id']}"

    def all_wait() -> bool:
        found = statuses(api.get(path))
        return all(found[node_id] == "waiting" for node_id in nodes or ("ok",))

    poll(all_wait)
    return path


def decide(api: Api, run: str, decision: str = "approved", node_id: str = "ok", **more: Any) -> Answer:
    return api.send("POST", f"{run}/nodes/{quote(node_id, safe='')}/decision", {"decision": decision, **more})


def ended(api: Api, path: str) -> dict[str, Any]:
    return api.ended(path.split("/")[1], path.rpartition("/")[2])


def listed(api: Api, query: str = "") -> Any:
    answer = api.of("approvals").send("GET", query)
    assert answer.status == 200, answer
    return answer.body


class TestDecision:
    def test_chooses_the_way_and_is_the_output(self, owner: Api, member: Api) -> None:
        path = waiting(owner, PAYMENT, amount=5)
        answer = decide(member, path, data={"iban": "DE1"})
        assert answer.status == 200
        result = answer.body["node_results"]["ok"]
        assert (result["status"], result["branch"]) == ("succeeded", "approved")
        run = ended(owner, path)
        assert run["output"] == {"iban": "DE1"}
        assert statuses(run) == {"ok": "succeeded", "pay": "succeeded", "tell": "skipped"}
        output = run["node_results"]["ok"]["output"]
        (told,) = [entry for entry in run["history"] if entry["event"] == "decided"]
        assert (told["by"], told["node_id"], told["decision"]) == (output["decided_by"], "ok", "approved")
        assert (output["decision"], output["data"]) == ("approved", {"iban": "DE1"})
        assert output["decided_by"] not in (None, run["triggered_by"])

    def test_may_be_no(self, owner: Api) -> None:
        path = waiting(owner, PAYMENT)
        decide(owner, path, "rejected")
        assert statuses(ended(owner, path)) == {"ok": "succeeded", "pay": "skipped", "tell": "succeeded"}

    def test_is_made_once(self, owner: Api) -> None:
        path = waiting(owner, PAYMENT)
        answers: list[Answer] = []
        decisions = ["approved", "rejected"] * 4
        threads = [
            threading.Thread(target=lambda each=each: answers.append(decide(owner, path, each))) for each in decisions
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status for answer in answers) == [200] + [409] * 7
        (made,) = (answer for answer in answers if answer.status == 200)
        decided = made.body["node_results"]["ok"]["branch"]
        assert ended(owner, path)["node_results"]["ok"]["branch"] == decided
        late = decide(owner, path)
        assert late.status == 409
        assert f'node "ok" was decided already: {decided}, by ' in late.body["detail"]

    def test_lets_every_branch_go_on_that_waits_for_it(self, owner: Api) -> None:
        """In a graph that no nesting can order, one of them is held back by a gate."""
        nodes = [approval("ok"), approval("too"), node("n", "wait", {"seconds": 0}), node("both", join="all")]
        edges = [
            edge("ok", "n", "approved"), edge("ok", "both", "approved"), edge("too", "both", "approved"),
        ]  # fmt: skip
        path = waiting(owner, graph(nodes, *edges), "ok", "too")
        decide(owner, path, node_id="too")
        assert owner.get(path)["node_results"]["both"]["status"] == "pending"
        decide(owner, path, node_id="ok")
        assert set(statuses(ended(owner, path)).values()) == {"succeeded"}

    def test_of_an_item_says_which(self, owner: Api) -> None:
        inside = {**approval(message="Pay {% $item %}?"), "parentId": "each"}
        drawn = graph([node("each", "for_each", {"items": ["a", "b"]}), inside])
        workflow_id = owner.create(drawn)["id"]
        path = f"/{workflow_id}/runs/{owner.execute(workflow_id)['id']}"
        found = poll(lambda: len(items := listed(owner)["items"]) == 2 and items)
        assert sorted((each["path"], each["message"]) for each in found) == [("0/", "Pay a?"), ("1/", "Pay b?")]
        for wrong in ("", "0/0/"):
            answer = decide(owner, path, path=wrong)
            assert (answer.status, answer.body["errors"][0]["path"]) == (422, "path")
        assert decide(owner, path, path="7/").status == 404
        decide(owner, path, "rejected", path="1/")
        decide(owner, path, "approved", path="0/", data=1)
        decisions = [(each["decision"], each["data"]) for each in ended(owner, path)["output"]]
        assert decisions == [("approved", 1), ("rejected", None)]

    def test_of_a_node_with_an_odd_id(self, owner: Api) -> None:
        path = waiting(owner, graph([approval("ask me / 100%")]), "ask me / 100%")
        assert decide(owner, path, node_id="ask me / 100%").status == 200

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 400), ({"decision": "maybe"}, 422), ({"decision": "error"}, 422), ({"decision": 1}, 400),
            ({"decision": "approved", "why": "x"}, 400), ({"decision": "approved", "path": "x"}, 422),
        ],
    )  # fmt: skip
    def test_that_means_nothing_is_refused(self, owner: Api, body: dict[str, Any], status: int) -> None:
        path = waiting(owner, PAYMENT)
        assert owner.send("POST", f"{path}/nodes/ok/decision", body).status == status
        assert owner.get(path)["node_results"]["ok"]["status"] == "waiting"
        owner.send("POST", f"{path}/cancel")

    def test_of_what_waits_for_none_is_refused(self, owner: Api) -> None:
        path = waiting(owner, graph([approval(), approval("later"), node("end")], edge("ok", "later", "approved")))
        later = decide(owner, path, node_id="later")
        assert (later.status, later.body["detail"]) == (409, 'node "later" does not wait for a decision yet')
        assert decide(owner, path, node_id="end").status == 422
        assert decide(owner, path, node_id="nowhere").status == 404
        assert decide(owner, f"{path[:-36]}{uuid4()}").status == 404
        owner.send("POST", f"{path}/cancel")
        over = decide(owner, path)
        assert over.status == 409
        assert "cancelled" in over.body["detail"]


class TestTime:
    def test_that_is_over_fails_the_node(self, owner: Api) -> None:
        run = owner.run(graph([approval(timeout_seconds=1)]))
        assert (run["status"], run["node_results"]["ok"]["error"]["code"]) == ("failed", "timed_out")

    def test_that_is_over_can_be_dealt_with(self, owner: Api) -> None:
        drawn = graph([approval(timeout_seconds=1, on_error="branch"), node("late")], edge("ok", "late", "error"))
        assert owner.run(drawn)["output"] == "late"

    def test_is_told_while_it_waits(self, owner: Api) -> None:
        path = waiting(owner, graph([approval(timeout_seconds=3600)]))
        shown = owner.get(path)["node_results"]["ok"]
        left = datetime.fromisoformat(shown["output"]["expires_at"]) - datetime.fromisoformat(shown["started_at"])
        assert abs(left - timedelta(hours=1)) < timedelta(seconds=1)
        owner.send("POST", f"{path}/cancel")

    def test_of_a_resumed_run_is_that_of_the_first(self, owner: Api) -> None:
        path = waiting(owner, graph([approval(timeout_seconds=2)]))
        asked_at = datetime.now(UTC)
        run = owner.get(path)
        with services().database.connection() as connection:
            connection.execute("UPDATE workflow_runs SET execution_arn = %s WHERE id = %s", (GONE, run["id"]))
        services().step_functions.stop(run["execution_arn"])
        services().reconciler.run(everything=True)
        assert owner.get(path)["status"] == "running"
        assert ended(owner, path)["node_results"]["ok"]["error"]["code"] == "timed_out"
        assert datetime.now(UTC) - asked_at < timedelta(seconds=10)


GONE = "arn:aws:states:us-east-1:123456789012:execution:stepgraph-gone:gone"


class TestList:
    def test_tells_what_waits_in_the_workspace(self, owner: Api, member: Api, stack: Stack, base_url: str) -> None:
        path = waiting(owner, PAYMENT, amount=7)
        (asked,) = listed(member)["items"]
        run = owner.get(path)
        assert asked["workflow_id"] == run["workflow_id"]
        assert (asked["run_id"], asked["node_id"], asked["path"]) == (run["id"], "ok", "")
        assert (asked["label"], asked["message"]) == ("ok", "Pay 7?")
        assert (asked["decisions"], asked["may_decide"]) == (["approved", "rejected"], "member")
        assert asked["requested_at"] == run["node_results"]["ok"]["started_at"]
        workspace_id, token, _ = stack.workspace(uuid4().hex)
        assert listed(Api(base_url, str(workspace_id), token))["items"] == []
        decide(owner, path)
        assert listed(owner)["items"] == []

    def test_comes_in_pages(self, owner: Api) -> None:
        drawn = graph([approval(f"n{number}") for number in range(5)])
        path = waiting(owner, drawn, "n0", "n1", "n2", "n3", "n4")
        found, cursor = [], ""
        while cursor is not None:
            page = listed(owner, f"?limit=2{f'&cursor={cursor}' if cursor else ''}")
            found += [each["node_id"] for each in page["items"]]
            cursor = page["next_cursor"]
        assert sorted(found) == ["n0", "n1", "n2", "n3", "n4"]
        owner.send("POST", f"{path}/cancel")
        assert listed(owner)["items"] == []


@pytest.mark.parametrize(
    "raised",
    [
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "SendTaskSuccess"),
        EndpointConnectionError(endpoint_url="https://states.example.com"),
    ],
    ids=["throttled", "away"],
)
def test_a_decision_holds_though_the_platform_does_not_take_it(owner: Api, raised: Exception) -> None:
    def answers(operation: str, _parameters: dict[str, Any]) -> None:
        if operation == "SendTaskSuccess":
            raise raised

    path = waiting(owner, PAYMENT)
    with aws(answers):
        assert decide(owner, path, data="x").status == 200
        assert owner.get(path)["status"] == "running"
    services().reconciler.run(everything=True)
    assert ended(owner, path)["output"] == "x"
