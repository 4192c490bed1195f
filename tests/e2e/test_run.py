"""What a run does, over HTTP, on real Postgres and moto."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from chalicelib.bootstrap import services
from chalicelib.errors import UnavailableError
from chalicelib.workflows.service import WorkflowService
from local.stack import Stack
from tests.client import Api, edge, graph, node, poll, statuses


def ask(node_id: str, path: str, **data: Any) -> dict[str, Any]:
    """An http_request to the upstream of the run's input; `path` may carry a query."""
    return node(node_id, "http_request", {"url": f"{{% $input.base %}}/{path}"}, **data)


def paths(calls: list[dict[str, Any]]) -> list[str]:
    return sorted(call["path"].rpartition("/")[2] for call in calls)


class TestValues:
    def test_a_row_of_nodes_passes_values_on(self, owner: Api, given: dict[str, Any]) -> None:
        drawn = graph(
            [
                node("start", "trigger"),
                ask("ask", "ask"),
                node("shape", "transform", {"value": {"asked": "{% $nodes.ask.output.body.method %}"}}),
            ],
            edge("start", "ask"),
            edge("ask", "shape"),
        )
        run = owner.run(drawn, given)
        assert (run["status"], run["error_message"]) == ("succeeded", None)
        assert run["output"] == {"asked": "GET"}
        assert run["node_results"]["start"]["output"] == given
        assert statuses(run) == {"start": "succeeded", "ask": "succeeded", "shape": "succeeded"}

    def test_an_http_request_sends_what_is_drawn(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        config = {
            "method": "POST",
            "url": "{% $input.base %}/send?a=1",
            "headers": {"X-Run": "{% $run.id %}"},
            "query": {"q": "ä b", "n": [1, 2]},
            "body": {"nested": ["{% 1 + 1 %}"], "text": "n={% 1 + 1 %}"},
        }
        run = owner.run(graph([node("send", "http_request", config)]), given)
        assert run["status"] == "succeeded", run
        (call,) = calls
        assert (call["method"], call["query"]) == ("POST", {"a": "1", "q": "ä b", "n": "2"})
        assert call["headers"]["x-run"] == run["id"]
        assert call["headers"]["content-type"] == "application/json"
        assert json.loads(call["body"]) == {"nested": [2], "text": "n=2"}

    def test_several_ends_give_an_output_each(self, owner: Api) -> None:
        run = owner.run(graph([node("a"), node("b", "transform", {"value": [1]})]))
        assert run["output"] == {"a": "a", "b": [1]}

    def test_the_branch_taken_ends_the_run(self, owner: Api) -> None:
        drawn = graph(
            [node("big", "condition", {"expression": "{% $input.n > 10 %}"}), node("yes"), node("no")],
            edge("big", "yes", "true"),
            edge("big", "no", "false"),
        )
        run = owner.run(drawn, {"n": 11})
        assert (run["output"], statuses(run)["no"]) == ("yes", "skipped")
        assert run["node_results"]["big"]["branch"] == "true"
        assert owner.run(drawn, {"n": 10})["output"] == "no"

    def test_who_is_followed_by_nodes_that_do_not_run_ends_the_run(self, owner: Api) -> None:
        assert owner.run(graph([node("a"), node("b", disabled=True)], edge("a", "b")))["output"] == "a"
        never = node("never", "condition", {"expression": "{% false %}"})
        drawn = graph([node("a"), never, node("both", join="all")], edge("a", "both"), edge("never", "both", "true"))
        assert owner.run(drawn)["output"] == {"a": "a", "never": {"result": False}}
        inside = [
            {**each, "parentId": "each"}
            for each in (node("in", config={"value": "{% $item %}"}), node("off", disabled=True))
        ]
        each = graph([node("each", "for_each", {"items": [1, 2]}), *inside], edge("in", "off"))
        assert owner.run(each)["output"] == [1, 2]

    def test_a_blank_canvas_runs_and_gives_nothing(self, owner: Api) -> None:
        run = owner.run(graph([]))
        assert (run["status"], run["output"], run["node_results"]) == ("succeeded", None, {})

    def test_what_json_can_say_comes_through_unchanged(self, owner: Api) -> None:
        value = {
            "text": 'ünï "quoted" \\u0000 \U0001f600',
            "n": [0, -1.5, 2**60, 1e300],
            "none": None,
            "deep": [[[{}]]],
        }
        run = owner.run(graph([node("pass", "transform", {"value": "{% $input %}"})]), value)
        assert run["input"] == value
        assert run["output"] == value


class TestSkipping:
    def test_a_join_runs_with_one_live_edge_unless_it_wants_all(self, owner: Api) -> None:
        drawn = graph(
            [
                node("way", "switch", {"value": "{% $input %}", "cases": ["x"]}),
                node("x"),
                node("other"),
                node("any"),
                node("all", join="all"),
            ],
            edge("way", "x", "case:x"),
            edge("way", "other", "default"),
            *(edge(source, target) for source in ("x", "other") for target in ("any", "all")),
        )
        run = owner.run(drawn, "x")
        assert statuses(run) == {
            "way": "succeeded", "x": "succeeded", "other": "skipped", "any": "succeeded", "all": "skipped"
        }  # fmt: skip

    def test_a_disabled_node_and_what_hangs_on_it_alone_is_skipped(self, owner: Api) -> None:
        drawn = graph(
            [node("a"), node("off", "fail", disabled=True), node("after"), node("both")],
            edge("a", "off"), edge("off", "both"), edge("a", "both"),
        )  # fmt: skip
        drawn["nodes"][1]["type"] = "transform"
        drawn["nodes"][1]["data"]["config"] = {"value": 1}
        drawn["edges"].append(edge("off", "after"))
        run = owner.run(drawn)
        assert statuses(run) == {"a": "succeeded", "off": "skipped", "after": "skipped", "both": "succeeded"}

    def test_dead_paths_reach_through_nested_conditions(self, owner: Api) -> None:
        drawn = graph(
            [
                node("outer", "condition", {"expression": False}),
                node("inner", "condition", {"expression": True}),
                node("deep"),
                node("end"),
            ],
            edge("outer", "inner", "true"), edge("inner", "deep", "true"), edge("deep", "end"),
            edge("outer", "end", "false"),
        )  # fmt: skip
        run = owner.run(drawn)
        assert statuses(run) == {"outer": "succeeded", "inner": "skipped", "deep": "skipped", "end": "succeeded"}


class TestErrors:
    def test_a_failed_node_fails_the_run_and_says_which(self, owner: Api, given: dict[str, Any]) -> None:
        drawn = graph(
            [ask("pay", "pay?status=400"), node("after"), node("later")], edge("pay", "after"), edge("after", "later")
        )
        run = owner.run(drawn, given)
        assert run["status"] == "failed"
        assert run["error_message"].startswith('node "pay" failed: GET http://127.0.0.1')
        assert run["error_message"].endswith("answered 400")
        assert statuses(run) == {"pay": "failed", "after": "skipped", "later": "skipped"}
        error = run["node_results"]["pay"]["error"]
        assert (error["code"], error["status"], error["body"]["method"]) == ("http_status", 400, "GET")
        assert run["completed_at"] is not None
        assert run["output"] is None

    def test_on_error_branch_fires_the_error_handle(self, owner: Api, given: dict[str, Any]) -> None:
        message = {"value": "{% $nodes.pay.error.message %}"}
        drawn = graph(
            [ask("pay", "pay?status=404", on_error="branch"), node("fine"), node("sorry", "transform", message)],
            edge("pay", "fine"), edge("pay", "sorry", "error"),
        )  # fmt: skip
        run = owner.run(drawn, given)
        assert run["status"] == "succeeded"
        assert statuses(run) == {"pay": "failed", "fine": "skipped", "sorry": "succeeded"}
        assert run["output"].endswith("answered 404")
        assert run["node_results"]["pay"]["branch"] == "error"

    def test_on_error_branch_without_an_error_takes_the_other_way(self, owner: Api, given: dict[str, Any]) -> None:
        drawn = graph(
            [ask("pay", "pay", on_error="branch"), node("fine"), node("sorry")],
            edge("pay", "fine"), edge("pay", "sorry", "error"),
        )  # fmt: skip
        assert statuses(owner.run(drawn, given)) == {"pay": "succeeded", "fine": "succeeded", "sorry": "skipped"}

    def test_on_error_continue_lets_dependents_read_the_error(self, owner: Api, given: dict[str, Any]) -> None:
        read = {"value": "{% $nodes.pay.status & ' ' & $nodes.pay.error.status %}"}
        drawn = graph(
            [ask("pay", "pay?status=404", on_error="continue"), node("read", "transform", read)], edge("pay", "read")
        )
        run = owner.run(drawn, given)
        assert (run["status"], run["output"]) == ("succeeded", "failed 404")

    def test_a_fail_node_fails_the_run_with_its_message(self, owner: Api) -> None:
        drawn = graph([node("stop", "fail", {"message": "no stock for {% $input.item %}"})])
        run = owner.run(drawn, {"item": "tea"})
        assert (run["status"], run["error_message"]) == ("failed", 'node "stop" failed: no stock for tea')

    def test_an_expression_that_fails_names_its_field(self, owner: Api) -> None:
        drawn = graph([node("shape", "transform", {"value": {"rows": ["{% $number('x') %}"]}})])
        run = owner.run(drawn)
        assert run["status"] == "failed"
        message = "config value.rows[0]: at character 1: $number: it is no number"
        assert run["error_message"] == f'node "shape" failed: {message}'
        assert run["node_results"]["shape"]["error"] == {
            "code": "expression_failed", "message": message, "field": "value.rows[0]", "position": 0
        }  # fmt: skip

    def test_an_expression_that_takes_all_memory_fails_its_node_alone(self, owner: Api) -> None:
        padded = "{% $pad('', 1e12) %}"
        drawn = graph(
            [node("huge", config={"value": padded}, on_error="continue"), node("after")], edge("huge", "after")
        )
        run = owner.run(drawn)
        assert (run["status"], run["output"]) == ("succeeded", "after")
        assert run["node_results"]["huge"]["error"]["message"].endswith("it needs more than 256 MiB of memory")

    def test_a_failure_cancels_what_runs_beside_it(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        drawn = graph(
            [ask("slow", "slow?sleep=1.5"), node("after"), ask("bad", "bad?status=400"), node("start", "trigger")],
            edge("start", "slow"), edge("start", "bad"), edge("slow", "after"),
        )  # fmt: skip
        workflow_id = owner.create(drawn)["id"]
        run_id = owner.execute(workflow_id, given)["id"]
        run = owner.ended(workflow_id, run_id)
        assert (run["status"], statuses(run)["slow"], statuses(run)["after"]) == ("failed", "cancelled", "cancelled")
        poll(lambda: all("ended" in call for call in calls))
        late = poll(
            lambda: (
                (r := owner.get(f"/{workflow_id}/runs/{run_id}"))["node_results"]["slow"]["status"] == "succeeded" and r
            )
        )
        assert late["status"] == "failed"
        assert late["completed_at"] == run["completed_at"]

    def test_an_attempt_that_fails_after_the_run_reopens_nothing(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        drawn = graph(
            [ask("slow", "slow?sleep=1&status=503"), ask("bad", "bad?sleep=0.3&status=400"), node("start", "trigger")],
            edge("start", "slow"), edge("start", "bad"),
        )  # fmt: skip
        run = owner.run(drawn, given)
        assert (run["status"], statuses(run)["slow"]) == ("failed", "cancelled")
        poll(lambda: len(calls) == 2 and all("ended" in call for call in calls))
        poll(lambda: execution_status(run["execution_arn"]) == "FAILED")
        late = owner.get(f"/{run['workflow_id']}/runs/{run['id']}")
        assert statuses(late)["slow"] == "cancelled"

    def test_an_output_the_database_can_not_keep_is_an_error_of_its_node(
        self, owner: Api, given: dict[str, Any]
    ) -> None:
        drawn = graph([ask("nul", 'nul?raw={"a":"\\u0000"}'), ask("half", 'half?raw=["\\ud800"]')])
        for name in ("nul", "half"):
            drawn["nodes"][name == "half"]["data"]["on_error"] = "continue"
        run = owner.run(drawn, given)
        assert run["status"] == "succeeded"
        assert run["node_results"]["nul"]["error"]["code"] == "output_nul_character"
        assert run["node_results"]["half"]["error"]["code"] == "output_lone_surrogate"


class TestRetries:
    def test_a_busy_server_is_asked_three_times(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        run = owner.run(graph([ask("busy", "busy?status=503&times=2")]), given)
        assert (run["status"], run["node_results"]["busy"]["attempts"]) == ("succeeded", 3)
        assert len(calls) == 3

    def test_after_three_times_it_has_failed(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        run = owner.run(graph([ask("busy", "busy?status=503")]), given)
        assert (run["status"], run["node_results"]["busy"]["attempts"], len(calls)) == ("failed", 3, 3)

    @pytest.mark.parametrize(("method", "status"), [("POST", 503), ("GET", 500)])
    def test_what_may_have_had_an_effect_is_not_repeated_unasked(
        self, owner: Api, given: dict[str, Any], calls: list[Any], method: str, status: int
    ) -> None:
        config = {"method": method, "url": f"{{% $input.base %}}/once?status={status}"}
        assert owner.run(graph([node("once", "http_request", config)]), given)["status"] == "failed"
        assert len(calls) == 1

    def test_a_retry_of_the_nodes_own_repeats_any_failure(
        self, owner: Api, given: dict[str, Any], calls: list[Any]
    ) -> None:
        retry = {"max_attempts": 2, "interval_seconds": 1, "backoff_rate": 1}
        run = owner.run(graph([ask("own", "own?status=400&times=1", retry=retry)]), given)
        assert (run["status"], len(calls)) == ("succeeded", 2)

    def test_one_attempt_is_one_attempt(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        run = owner.run(graph([ask("own", "own?status=503", retry={"max_attempts": 1})]), given)
        assert (run["status"], len(calls)) == ("failed", 1)

    def test_a_node_that_takes_too_long_fails(self, owner: Api, given: dict[str, Any]) -> None:
        drawn = graph([ask("slow", "slow?sleep=5", timeout_seconds=1, retry={"max_attempts": 1})])
        run = owner.run(drawn, given)
        assert run["node_results"]["slow"]["error"]["code"] == "timeout"

    def test_a_server_that_is_not_there_is_a_clear_error(self, owner: Api) -> None:
        config = {"url": "http://127.0.0.1:9/nothing"}
        run = owner.run(graph([node("gone", "http_request", config, retry={"max_attempts": 1})]))
        error = run["node_results"]["gone"]["error"]
        assert (error["code"], error["message"]) == ("connection_failed", "http://127.0.0.1:9 can't be connected to")


class TestConcurrency:
    def test_nodes_without_a_path_between_them_run_at_the_same_time(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        names = [f"n{index}" for index in range(10)]
        drawn = graph(
            [node("start", "trigger"), *(ask(name, f"{name}?sleep=0.5") for name in names), node("end")],
            *(edge("start", name) for name in names),
            *(edge(name, "end") for name in names),
        )
        run = owner.run(drawn, given)
        assert run["status"] == "succeeded"
        assert max(call["began"] for call in calls) < min(call["ended"] for call in calls)

    def test_what_no_nesting_can_say_loses_no_concurrency(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        """The letter N: c waits for a and b, d for b alone."""
        drawn = graph(
            [ask("a", "a?sleep=1.5"), ask("b", "b"), ask("c", "c"), ask("d", "d")],
            edge("a", "c"), edge("b", "c"), edge("b", "d"),
        )  # fmt: skip
        run = owner.run(drawn, given)
        assert set(statuses(run).values()) == {"succeeded"}
        a, b, c, d = sorted(calls, key=lambda call: str(call["path"]))
        assert b["ended"] <= d["began"] < a["ended"] <= c["began"]
        assert b["ended"] <= c["began"]

    @pytest.mark.parametrize(
        ("seed", "size", "density"), [(0, 14, 0.25), (1, 14, 0.25), (2, 14, 0.25), (3, 14, 0.25), (4, 200, 0.01)]
    )
    def test_any_acyclic_graph_runs_each_node_once_after_its_predecessors(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]], seed: int, size: int, density: float
    ) -> None:
        random = Random(seed)
        names = [f"n{index:03}" for index in range(size)]
        links = [(a, b) for a in names for b in names if a < b and random.random() < density]
        drawn = graph(
            [ask(name, f"{name}?sleep={random.choice([0, 0, 0.1])}") for name in names],
            *(edge(source, target) for source, target in links),
        )
        run = owner.run(drawn, given)
        assert set(statuses(run).values()) == {"succeeded"}
        called = {call["path"].rpartition("/")[2]: call for call in calls}
        assert paths(calls) == names
        assert all(called[source]["ended"] <= called[target]["began"] for source, target in links)

    def test_a_closed_gate_ends_with_its_run(self, owner: Api, given: dict[str, Any], stack: Stack) -> None:
        drawn = graph(
            [ask("a", "a?sleep=1&status=400"), ask("b", "b"), ask("c", "c"), ask("d", "d")],
            edge("a", "c"), edge("b", "c"), edge("b", "d"),
        )  # fmt: skip
        run = owner.run(drawn, given)
        assert (run["status"], statuses(run)["d"], statuses(run)["c"]) == ("failed", "succeeded", "cancelled")
        poll(lambda: execution_status(run["execution_arn"]) == "FAILED")
        with psycopg.connect(stack.database_url) as connection:
            assert not connection.execute("SELECT FROM workflow_run_gates WHERE run_id = %s", (run["id"],)).fetchall()

    def test_results_are_current_while_the_run_goes_on(self, owner: Api, given: dict[str, Any]) -> None:
        drawn = graph(
            [node("first"), ask("slow", "slow?sleep=2"), node("last")], edge("first", "slow"), edge("slow", "last")
        )
        workflow_id = owner.create(drawn)["id"]
        run_id = owner.execute(workflow_id, given)["id"]

        def at_work() -> Any:
            run = owner.get(f"/{workflow_id}/runs/{run_id}")
            return run if statuses(run)["slow"] == "running" else None

        run = poll(at_work)
        assert run["status"] == "running"
        assert statuses(run) == {"first": "succeeded", "slow": "running", "last": "pending"}
        assert run["node_results"]["first"]["output"] == "first"
        assert owner.ended(workflow_id, run_id)["status"] == "succeeded"


class TestWaiting:
    def test_a_wait_is_shown_and_ends_no_earlier_than_it_says(self, owner: Api) -> None:
        drawn = graph([node("before"), node("nap", "wait", {"seconds": 1.5}), node("after")],
                      edge("before", "nap"), edge("nap", "after"))  # fmt: skip
        workflow_id = owner.create(drawn)["id"]
        run_id = owner.execute(workflow_id)["id"]
        run = poll(lambda: (r := owner.get(f"/{workflow_id}/runs/{run_id}")) and statuses(r)["nap"] == "waiting" and r)
        assert statuses(run) == {"before": "succeeded", "nap": "waiting", "after": "pending"}
        until = run["node_results"]["nap"]["output"]["until"]
        run = owner.ended(workflow_id, run_id)
        assert run["status"] == "succeeded"
        assert run["node_results"]["nap"]["output"] == {"until": until}
        assert run["node_results"]["nap"]["completed_at"] >= until
        assert run["node_results"]["after"]["started_at"] >= until

    def test_a_wait_delays_nothing_beside_it(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        drawn = graph(
            [node("start", "trigger"), node("nap", "wait", {"seconds": 3}), ask("one", "one"), ask("two", "two")],
            edge("start", "nap"), edge("start", "one"), edge("one", "two"),
        )  # fmt: skip
        workflow_id = owner.create(drawn)["id"]
        run_id = owner.execute(workflow_id, given)["id"]
        poll(lambda: paths(calls) == ["one", "two"])
        assert statuses(owner.get(f"/{workflow_id}/runs/{run_id}"))["nap"] == "waiting"
        assert owner.ended(workflow_id, run_id)["status"] == "succeeded"

    def test_a_time_that_has_passed_and_a_wait_that_is_skipped_are_no_wait(self, owner: Api) -> None:
        drawn = graph(
            [
                node("past", "wait", {"until": "2001-01-01T00:00:00Z"}),
                node("no", "condition", {"expression": False}),
                node("skip", "wait", {"seconds": 3600}),
                node("end", "transform", {"value": "{% $nodes.past.output.until %}"}),
            ],
            edge("past", "no"), edge("no", "skip", "true"), edge("skip", "end"), edge("no", "end", "false"),
        )  # fmt: skip
        run = owner.run(drawn)
        assert statuses(run) == {"past": "succeeded", "no": "succeeded", "skip": "skipped", "end": "succeeded"}
        assert run["output"] == "2001-01-01T00:00:00.000Z"


class TestVersions:
    def test_a_run_keeps_the_version_it_began_with(self, owner: Api, given: dict[str, Any]) -> None:
        drawn = graph([ask("slow", "slow?sleep=1"), node("end", "transform", {"value": "old"})], edge("slow", "end"))
        workflow_id = owner.create(drawn)["id"]
        run_id = owner.execute(workflow_id, given)["id"]
        owner.put(workflow_id, graph_definition=graph([node("new")]))
        run = owner.ended(workflow_id, run_id)
        assert (run["version"], run["output"]) == (1, "old")
        assert set(run["node_results"]) == {"slow", "end"}
        assert owner.ended(workflow_id, owner.execute(workflow_id)["id"])["output"] == "new"

    def test_a_final_status_is_never_overwritten(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(graph([node("nap", "wait", {"seconds": 1}), node("end")], edge("nap", "end")))["id"]
        run_id = owner.execute(workflow_id)["id"]
        with psycopg.connect(stack.database_url) as connection:
            connection.execute(
                "UPDATE workflow_runs SET status = 'cancelled', completed_at = NOW() WHERE id = %s", (run_id,)
            )
        arn = owner.get(f"/{workflow_id}/runs/{run_id}")["execution_arn"]
        poll(lambda: execution_status(arn) != "RUNNING")
        run = owner.get(f"/{workflow_id}/runs/{run_id}")
        assert (run["status"], statuses(run)["end"]) == ("cancelled", "pending")

    def test_a_deleted_workflow_takes_its_runs_along(self, owner: Api) -> None:
        workflow_id = owner.create(graph([node("nap", "wait", {"seconds": 1})]))["id"]
        run = owner.execute(workflow_id)
        assert owner.send("DELETE", f"/{workflow_id}").status == 204
        assert owner.send("GET", f"/{workflow_id}/runs/{run['id']}").status == 404
        poll(lambda: execution_status(run["execution_arn"]) != "RUNNING")

    def test_a_workflow_with_more_runs_than_a_request_deletes_is_gone_after_some(self, owner: Api) -> None:
        workflow_id = owner.create(graph([node("a")]))["id"]
        for _ in range(3):
            owner.ended(workflow_id, owner.execute(workflow_id)["id"])
        runs = owner.get(f"/{workflow_id}/runs")["items"]
        hasty = WorkflowService(services().database, lambda: services().drawings, lambda _: None, delete_seconds=0)
        for left in (2, 1, 0):
            with pytest.raises(UnavailableError, match="1 were, the oldest; send the request again to go on"):
                hasty.delete(UUID(owner.workspace_id), UUID(workflow_id))
            assert owner.get(f"/{workflow_id}/runs")["items"] == runs[:left]
        hasty.delete(UUID(owner.workspace_id), UUID(workflow_id))
        assert owner.send("GET", f"/{workflow_id}").status == 404


def execution_status(arn: str) -> str:
    import boto3  # noqa: PLC0415

    return str(boto3.client("stepfunctions", "us-east-1").describe_execution(executionArn=arn)["status"])
