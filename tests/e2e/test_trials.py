"""Trying one node, and walking a whole graph without its effects."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from chalicelib.bootstrap import services
from tests.client import Answer, Api, edge, graph, node
from tests.e2e.test_run import ask


def value(node_id: str, expression: Any) -> dict[str, Any]:
    return node(node_id, "transform", {"value": expression})


ORDER = graph(
    [
        node("get", "http_request", {"url": "https://shop.example.com/{% $input.sku %}"}),
        node("few", "condition", {"expression": "{% $nodes.get.output.body.stock < 5 %}"}),
        node("order", "http_request", {
            "method": "POST", "url": "https://shop.example.com/orders", "body": {"sku": "{% $input.sku %}"}}),
        value("none", "enough"),
        node("ok", "approval", {"message": "Order {% $input.sku %}?"}),
    ],
    edge("get", "few"), edge("few", "ok", "true"), edge("few", "none", "false"), edge("ok", "order", "approved"),
)  # fmt: skip


def walk(api: Api, workflow_id: str = "", **request: Any) -> Any:
    answer = api.send("POST", f"{workflow_id and f'/{workflow_id}'}/dry-run", request)
    assert answer.status == 200, answer
    return answer.body


def stock(count: int) -> dict[str, Any]:
    return {"output": {"status": 200, "headers": {}, "body": {"stock": count}}}


class TestDryRun:
    def test_tells_the_path_and_what_each_node_would_receive(self, owner: Api) -> None:
        told = walk(owner, graph_definition=ORDER, input={"sku": "A-7"}, mocks={"get": stock(2)})
        assert (told["status"], told["path"]) == ("succeeded", ["get", "few", "ok", "order"])
        nodes = told["nodes"]
        assert nodes["get"]["received"] == {"url": "https://shop.example.com/A-7"}
        assert nodes["order"]["received"]["body"] == {"sku": "A-7"}
        assert (nodes["ok"]["received"], nodes["ok"]["branch"]) == ({"message": "Order A-7?"}, "approved")
        assert (nodes["none"]["status"], nodes["none"]["received"]) == ("skipped", None)
        assert [nodes[each]["mock"] for each in ("get", "few", "ok")] == ["given", None, "assumed"]
        assert told["assumed"] == ["ok", "order"]

    def test_takes_the_other_path_with_another_mock(self, member: Api) -> None:
        told = walk(member, graph_definition=ORDER, input={"sku": "A-7"}, mocks={"get": stock(9)})
        assert (told["path"], told["output"]) == (["get", "few", "none"], "enough")
        rejected = {"output": {"decision": "rejected"}, "branch": "rejected"}
        told = walk(member, graph_definition=ORDER, input={"sku": "A"}, mocks={"get": stock(1), "ok": rejected})
        assert told["path"] == ["get", "few", "ok"]

    def test_has_no_effect(self, owner: Api, calls: list[Any], given: dict[str, Any]) -> None:
        drawn = graph(
            [ask("a", "a"), node("nap", "wait", {"seconds": 600}), value("end", 1)],
            edge("a", "nap"), edge("nap", "end"),
        )  # fmt: skip
        workflow_id = owner.create(drawn)["id"]
        told = walk(owner, workflow_id, input=given)
        assert (told["path"], told["output"]) == (["a", "nap", "end"], 1)
        assert (calls, owner.get(f"/{workflow_id}/runs")["items"]) == ([], [])

    def test_takes_over_what_a_past_run_recorded(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        each = node("each", "for_each", {"items": ["x", "y"]})
        drawn = graph(
            [ask("a", "a"), each, {**ask("in", "in-{% $item %}"), "parentId": "each"}, value("end", 1)],
            edge("a", "each"), edge("each", "end"),
        )  # fmt: skip
        workflow_id = owner.create(drawn)["id"]
        run = owner.ended(workflow_id, owner.execute(workflow_id, given)["id"])
        made = len(calls)
        changed = {**drawn, "nodes": [*drawn["nodes"][:3], value("end", "{% $count($nodes.each.output) %}")]}
        told = walk(owner, workflow_id, graph_definition=changed, run_id=run["id"])
        assert (told["output"], len(calls)) == (2, made)
        assert told["nodes"]["a"]["mock"] == told["nodes"]["1/in"]["mock"] == "recorded"
        assert told["nodes"]["a"]["output"] == run["node_results"]["a"]["output"]
        assert told["nodes"]["1/in"]["received"]["url"].endswith("/in-y")

    def test_of_a_mocked_error_goes_the_way_of_errors(self, owner: Api) -> None:
        asked = node("a", "http_request", {"url": "https://example.com"}, on_error="branch")
        drawn = graph([asked, value("told", "{% $nodes.a.error.message %}")], edge("a", "told", "error"))
        error = {"code": "http_503", "message": "away"}
        told = walk(owner, graph_definition=drawn, mocks={"a": {"error": error}})
        assert (told["output"], told["nodes"]["a"]["error"]) == ("away", error)
        drawn = graph([node("a", "http_request", {"url": "https://example.com"}), value("b", 1)], edge("a", "b"))
        told = walk(owner, graph_definition=drawn, mocks={"a": {"error": error}})
        assert (told["status"], told["error_message"]) == ("failed", 'node "a" failed: away')
        assert told["nodes"]["b"]["status"] == "skipped"

    def test_walks_items_with_mocks_of_their_own(self, owner: Api) -> None:
        inside = [
            {**node("in", "http_request", {"url": "https://example.com/{% $item %}"}), "parentId": "each"},
            {**value("body", "{% $nodes.in.output.body %}"), "parentId": "each"},
        ]
        each = node("each", "for_each", {"items": "{% $input %}", "on_item_error": "continue"})
        drawn = graph([each, *inside], edge("in", "body"))
        failing = {"error": {"code": "x", "message": "no"}}
        mocks = {"in": {"output": {"body": "all"}}, "1/in": {"output": {"body": "second"}}, "2/in": failing}
        told = walk(owner, graph_definition=drawn, input=["a", "b", "c"], mocks=mocks)
        assert told["output"][:2] == ["all", "second"]
        assert told["output"][2]["error"]["message"] == 'node "in" failed: no'
        assert told["nodes"]["2/in"]["received"] == {"url": "https://example.com/c"}

    @pytest.mark.parametrize(
        ("request_", "status", "path"),
        [
            ({}, 422, "graph_definition"),
            ({"graph_definition": graph([node("a", "nope")])}, 422, "graph_definition.nodes[0].type"),
            ({"graph_definition": ORDER, "mocks": {"gt": {}}}, 422, "mocks"),
            ({"graph_definition": ORDER, "run_id": str(uuid4())}, 422, "run_id"),
            ({"graph_definition": ORDER, "mock": {}}, 400, "mock"),
        ],
    )
    def test_that_means_nothing_is_refused(self, owner: Api, request_: Any, status: int, path: str) -> None:
        answer = owner.send("POST", "/dry-run", request_)
        assert (answer.status, answer.body["errors"][0]["path"]) == (status, path)

    @pytest.mark.parametrize("key", ["ok", "0/ok"])
    def test_by_a_handle_that_a_node_lacks_is_refused_with_those_it_has(self, owner: Api, key: str) -> None:
        request = {"graph_definition": ORDER, "mocks": {key: {"branch": "nope"}}}
        answer = owner.send("POST", "/dry-run", request)
        assert (answer.status, answer.body["errors"][0]["path"]) == (422, "mocks")
        assert answer.body["detail"] == 'node "ok" has no handle "nope"; its handles: "approved", "rejected"'

    def test_goes_on_by_what_a_mocked_output_tells(self, owner: Api) -> None:
        drawn = graph(
            [
                node("c", "condition", {"expression": "{% $input.x %}"}),
                node("s", "switch", {"value": "{% $input.y %}", "cases": ["a", "7"]}),
                node("ok", "approval", {"message": "?"}),
                *(value(each, each) for each in ("yes", "a", "7", "paid", "refused")),
            ],
            edge("c", "yes", "true"), edge("c", "s", "false"),
            edge("s", "a", "case:a"), edge("s", "7", "case:7"), edge("s", "ok", "default"),
            edge("ok", "paid", "approved"), edge("ok", "refused", "rejected"),
        )  # fmt: skip

        def path(**outputs: Any) -> Any:
            mocks = {name: {"output": output} for name, output in outputs.items()}
            run_input = {"x": False, "y": "b"}
            return walk(owner, graph_definition=drawn, input=run_input, mocks=mocks)["path"]

        assert path(c={"result": True}) == ["c", "yes"]
        assert path(c={"result": False}, s={"value": "a"}) == ["c", "s", "a"]
        assert path(s={"value": 7}) == ["c", "s", "7"]
        assert path(s={"value": "b"}, ok={"decision": "rejected"}) == ["c", "s", "ok", "refused"]

    @pytest.mark.parametrize(
        ("mock", "reason"),
        [
            ({}, 'node "few" needs a branch: its output does not tell it; its handles: "false", "true"'),
            ({"output": {"result": "yes"}}, "needs a branch"),
            ({"output": {"result": True}, "branch": "false"}, 'goes on by "true", and not by "false"'),
            ({"error": {"code": "x", "message": "m"}, "branch": "true"}, 'an error does not go on by "true"'),
            ({"output": {"result": True}, "error": {"code": "x", "message": "m"}}, "an output or an error"),
            ({"error": {"code": "x", "message": ""}}, "at least 1 character"),
        ],
    )
    def test_by_a_mock_that_no_run_could_come_to_is_refused(self, owner: Api, mock: Any, reason: str) -> None:
        answer = owner.send("POST", "/dry-run", {"graph_definition": ORDER, "mocks": {"few": mock}})
        assert (answer.status, reason in answer.body["detail"]) == (422, True), answer

    def test_of_an_error_that_says_nothing_says_that_it_is_a_mock(self, owner: Api) -> None:
        told = walk(owner, graph_definition=ORDER, input={"sku": 1}, mocks={"get": {"error": {"code": "x"}}})
        assert told["error_message"] == 'node "get" failed: it fails, as its mock says'

    def test_tells_which_mocks_nothing_took(self, owner: Api) -> None:
        each = node("each", "for_each", {"items": [1, 2]})
        drawn = graph([each, {**value("in", "{% $item %}"), "parentId": "each"}])
        told = walk(owner, graph_definition=drawn, mocks={"1/in": {"output": 5}, "9/in": {"output": 6}})
        assert (told["output"], told["unused"]) == ([1, 5], ["9/in"])

    def test_tells_which_secrets_a_run_would_miss(self, owner: Api, member: Api) -> None:
        assert owner.of("secrets").send("PUT", "/there", {"value": "secret value"}).status == 201
        headers = {"A": "{% $secrets.there %}", "B": "{% $secrets.nope %}"}
        drawn = graph([node("a", "http_request", {"url": "https://example.com", "headers": headers})])
        told = walk(member, graph_definition=drawn)
        assert (told["status"], told["missing_secrets"]) == ("succeeded", ["nope"])

    def test_counts_what_it_passes_over(self, owner: Api) -> None:
        each = node("each", "for_each", {"items": "{% [1..2000] %}"})
        never = {**node("never", "condition", {"expression": "{% false %}"}), "parentId": "each"}
        dead = [{**value(name, 1), "parentId": "each"} for name in ("a", "b")]
        drawn = graph([each, never, *dead], edge("never", "a", "true"), edge("never", "b", "true"))
        answer = owner.send("POST", "/dry-run", {"graph_definition": drawn})
        assert (answer.status, answer.body["errors"][0]["code"]) == (422, "too_many_steps")

    def test_of_endless_items_is_refused(self, owner: Api) -> None:
        each = node("each", "for_each", {"items": "{% [1..9000] %}"})
        drawn = graph([each, {**value("in", 1), "parentId": "each"}])
        answer = owner.send("POST", "/dry-run", {"graph_definition": drawn})
        assert (answer.status, answer.body["errors"][0]["code"]) == (422, "too_many_steps")
        assert walk(owner, graph_definition=drawn, mocks={"each": {"output": [1, 2]}})["output"] == [1, 2]

    def test_that_takes_too_long_is_refused_and_told_where(self, owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(services().trials, "max_seconds", 0)
        answer = owner.send("POST", "/dry-run", {"graph_definition": ORDER})
        assert (answer.status, answer.body["errors"][0]["code"]) == (422, "too_long")
        assert "was at get" in answer.body["detail"]


def tried(api: Api, drawn: dict[str, Any] | None = None, workflow_id: str = "", **more: Any) -> Answer:
    body = {**more, **({"node": drawn} if drawn else {})}
    return api.send("POST", f"{workflow_id and f'/{workflow_id}'}/nodes/test", body)


class TestOneNode:
    def test_runs_for_real_on_given_results(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        drawn = node("a", "http_request", {"url": "{% $input.base %}/{% $nodes.b.output.way %}"})
        answer = tried(owner, drawn, input=given, nodes={"b": {"output": {"way": "up"}}})
        assert answer.status == 200
        assert (answer.body["status"], answer.body["output"]["status"]) == ("succeeded", 200)
        assert [call["path"].rpartition("/")[2] for call in calls] == ["up"]

    def test_runs_on_what_a_past_run_recorded(self, owner: Api, given: dict[str, Any]) -> None:
        inside = {**value("in", "{% $item & $nodes.a.output.body.path %}"), "parentId": "each"}
        drawn = graph([ask("a", "a"), node("each", "for_each", {"items": ["x", "y"]}), inside], edge("a", "each"))
        workflow_id = owner.create(drawn)["id"]
        run = owner.ended(workflow_id, owner.execute(workflow_id, given)["id"])
        answer = tried(owner, None, workflow_id, node_id="in", run_id=run["id"], path="1/")
        assert answer.body["output"] == run["output"][1]
        changed = {**value("in", "{% $index %}"), "parentId": "each"}
        answer = tried(owner, changed, workflow_id, run_id=run["id"], path="1/")
        assert answer.body["output"] == 1

    def test_takes_the_item_of_its_own_container(self, owner: Api, given: dict[str, Any]) -> None:
        containers = [node("one", "for_each", {"items": ["x", "y"]}), node("two", "for_each", {"items": [1, 2]})]
        inside = [{**value(f"in-{each['id']}", "{% $item %}"), "parentId": each["id"]} for each in containers]
        workflow_id = owner.create(graph([*containers, *inside]))["id"]
        run = owner.ended(workflow_id, owner.execute(workflow_id, given)["id"])
        told = [tried(owner, None, workflow_id, node_id=each["id"], run_id=run["id"], path="1/") for each in inside]
        assert [answer.body["output"] for answer in told] == ["y", 2]
        refused = tried(owner, None, workflow_id, node_id="in-one", run_id=run["id"], path="9/")
        assert (refused.status, refused.body["errors"][0]["path"]) == (422, "path")
        assert tried(owner, None, workflow_id, node_id="in-one", item=5, path="9/").body["output"] == 5

    def test_without_the_result_that_it_takes_is_told_so(self, owner: Api, given: dict[str, Any]) -> None:
        drawn = graph(
            [node("c", "condition", {"expression": "{% false %}"}), value("h", 1), value("o", "{% $nodes.h.status %}")],
            edge("c", "h", "true"), edge("c", "o", "false"), edge("h", "o"),
        )  # fmt: skip
        workflow_id = owner.create(drawn)["id"]
        answer = tried(owner, None, workflow_id, node_id="o")
        assert (answer.status, answer.body["errors"][0]["path"]) == (422, "nodes")
        assert answer.body["detail"] == 'no result was given of node "h"; send it in nodes, or a run_id that has it'
        run = owner.ended(workflow_id, owner.execute(workflow_id, given)["id"])
        assert tried(owner, None, workflow_id, node_id="o", run_id=run["id"]).body["output"] == "skipped"

    def test_of_no_workflow_has_no_workflow_id(self, owner: Api) -> None:
        assert tried(owner, value("a", "{% $type($run.workflow_id) %}")).body["output"] == "null"

    def test_tells_how_it_failed(self, owner: Api) -> None:
        answer = tried(owner, value("a", "{% $number('x') %}"))
        assert (answer.status, answer.body["status"]) == (200, "failed")
        assert answer.body["error"]["code"] == "expression_failed"

    def test_tells_which_way_it_would_go(self, owner: Api) -> None:
        answer = tried(owner, node("a", "switch", {"value": "{% $input %}", "cases": ["x"]}), input="x")
        assert answer.body["branch"] == "case:x"

    @pytest.mark.parametrize(
        ("drawn", "status", "output"),
        [
            (node("a", "for_each", {"items": [1, 2]}), "running", {"items": [1, 2]}),
            (node("a", "approval", {"message": "m"}), "waiting", {"message": "m", "timeout_seconds": 31_536_000}),
            (node("a", "fail", {"message": "m"}), "failed", None),
        ],
    )
    def test_does_not_wait(self, owner: Api, drawn: dict[str, Any], status: str, output: Any) -> None:
        told = tried(owner, drawn).body
        assert (told["status"], told["output"]) == (status, output)

    def test_that_can_not_run_is_refused(self, owner: Api, member: Api) -> None:
        answer = tried(owner, value("a", "{% $nodes.b.output %}"))
        assert (answer.status, answer.body["errors"][0]["code"]) == (422, "bad_reference")
        assert tried(owner, None, node_id="a").status == 422
        assert tried(owner, {"type": "transform"}).status == 400
        assert tried(member, value("a", 1)).status == 403
