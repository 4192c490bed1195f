"""Workflows that run workflows: what goes down, what comes back, and how one ends with the other."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest

from chalicelib.bootstrap import services
from local.stack import Stack
from tests.client import Api, edge, graph, node, poll, statuses
from tests.containers import deployed_with
from tests.e2e.test_run import ask
from tests.upstream import Upstream


def sub(workflow_id: str, node_id: str = "sub", **more: Any) -> dict[str, Any]:
    """A node that runs a workflow."""
    data = {key: more.pop(key) for key in ("on_error", "timeout_seconds", "parentId") if key in more}
    parent = {"parentId": data.pop("parentId")} if "parentId" in data else {}
    return {**node(node_id, "sub_workflow", {"workflow_id": workflow_id, **more}, **data), **parent}


def value(node_id: str, expression: Any) -> dict[str, Any]:
    return node(node_id, "transform", {"value": expression})


def saved(api: Api, *parts: dict[str, Any], name: str = "inner", **settings: Any) -> str:
    """The id of a workflow of these nodes and edges."""
    nodes, edges = [part for part in parts if "data" in part], [part for part in parts if "source" in part]
    return str(api.create({**graph(nodes, *edges), "settings": settings}, name)["id"])


@pytest.fixture
def outsider(stack: Stack, base_url: str) -> Api:
    """An owner of another workspace."""
    workspace_id, token, _ = stack.workspace(uuid4().hex)
    return Api(base_url, str(workspace_id), token)


def nap(seconds: int = 600) -> dict[str, Any]:
    return node("nap", "wait", {"seconds": seconds})


def child_of(api: Api, run: dict[str, Any]) -> dict[str, Any]:
    """The only child of a run, once it is there."""
    path = f"/{run['workflow_id']}/runs/{run['id']}"
    (child,) = poll(lambda: api.get(path)["children"])
    return dict(child)


def get(api: Api, child: dict[str, Any]) -> dict[str, Any]:
    return dict(api.get(f"/{child['workflow_id']}/runs/{child['run_id']}"))


def is_napping(api: Api, child: dict[str, Any]) -> bool:
    return bool(get(api, child)["node_results"]["nap"]["status"] == "waiting")


def started(api: Api, *nodes: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A run that goes on."""
    workflow_id = api.create({**graph(list(nodes)), "settings": settings}, "outer")["id"]
    return api.execute(workflow_id)


class TestOutput:
    def test_is_that_of_a_run_of_its_own(self, owner: Api) -> None:
        inner = saved(owner, value("double", "{% $input.n * 2 %}"))
        drawn = graph(
            [sub(inner, input={"n": "{% $input.n + 1 %}"}), value("end", "{% $nodes.sub.output + 1 %}")],
            edge("sub", "end"),
        )
        run = owner.run(drawn, {"n": 20})
        assert (run["status"], run["output"]) == ("succeeded", 43)
        child = get(owner, child_of(owner, run))
        assert (child["status"], child["input"], child["output"]) == ("succeeded", {"n": 21}, 42)
        assert (child["trigger"], child["triggered_by"]) == ("sub_workflow", run["triggered_by"])
        parent = {"workflow_id": run["workflow_id"], "run_id": run["id"], "node_id": "sub", "path": ""}
        assert child["parent"] == parent

    def test_of_each_item_is_that_of_a_run_of_its_own(self, owner: Api) -> None:
        inner = saved(owner, value("double", "{% $input * 2 %}"))
        drawn = graph(
            [node("each", "for_each", {"items": [1, 2, 3]}), sub(inner, input="{% $item %}", parentId="each")]
        )
        run = owner.run(drawn)
        assert run["output"] == [2, 4, 6]
        assert sorted(child["path"] for child in run["children"]) == ["0/", "1/", "2/"]

    def test_is_of_the_version_that_is_current_when_it_begins(self, owner: Api) -> None:
        inner = saved(owner, value("v", 1))
        owner.put(inner, graph_definition=graph([value("v", 2)]))
        drawn = graph([sub(inner, "newest"), sub(inner, "first", version=1)])
        assert owner.run(drawn)["output"] == {"newest": 2, "first": 1}

    def test_may_come_of_a_workflow_that_an_expression_names(self, owner: Api) -> None:
        inner = saved(owner, value("v", 7))
        drawn = graph([sub("{% $input.which %}")])
        assert owner.run(drawn, {"which": inner})["output"] == 7
        failed = owner.run(drawn, {"which": str(uuid4())})
        assert failed["node_results"]["sub"]["error"]["code"] == "no_workflow"
        failed = owner.run(drawn, {"which": "Invoices"})
        assert failed["node_results"]["sub"]["error"]["code"] == "bad_config"


class TestFailure:
    def test_of_the_child_is_the_nodes(self, owner: Api) -> None:
        inner = saved(owner, node("no", "fail", {"message": "no stock"}), name="Order")
        run = owner.run(graph([sub(inner), value("end", 1)], edge("sub", "end")))
        child = child_of(owner, run)
        error = run["node_results"]["sub"]["error"]
        assert (error["code"], error["run_id"]) == ("run_failed", child["run_id"])
        assert 'node "no" failed: no stock' in error["message"]
        assert (run["status"], statuses(run)) == ("failed", {"sub": "failed", "end": "skipped"})

    def test_can_be_dealt_with(self, owner: Api) -> None:
        inner = saved(owner, node("no", "fail", {"message": "no stock"}))
        drawn = graph(
            [sub(inner, on_error="branch"), value("told", "{% $nodes.sub.error.code %}")], edge("sub", "told", "error")
        )
        assert owner.run(drawn)["output"] == "run_failed"

    def test_of_the_parent_cancels_the_child(self, owner: Api, upstream: Upstream) -> None:
        inner = saved(owner, nap())
        ask = node("ask", "http_request", {"url": f"{upstream.base}/ask?status=404&sleep=0.3"})
        run = started(owner, sub(inner), ask)
        child = child_of(owner, run)
        assert owner.ended(run["workflow_id"], run["id"])["status"] == "failed"
        found = owner.ended(inner, child["run_id"])
        assert found["status"] == "cancelled"
        assert found["error_message"] == "the run that started it failed"


class TestCancelling:
    def test_the_parent_cancels_the_child_and_its_child(self, owner: Api) -> None:
        innermost = saved(owner, nap())
        inner = saved(owner, sub(innermost))
        run = started(owner, sub(inner))
        child = child_of(owner, run)
        grandchild = child_of(owner, get(owner, child))
        poll(lambda: is_napping(owner, grandchild))
        answer = owner.send("POST", f"/{run['workflow_id']}/runs/{run['id']}/cancel", {"reason": "enough"})
        assert answer.status == 200
        for each in (child, grandchild):
            found = owner.ended(each["workflow_id"], each["run_id"])
            assert found["status"] == "cancelled"
            assert found["error_message"] == "the run that started it was cancelled"

    def test_the_child_fails_the_node(self, owner: Api) -> None:
        inner = saved(owner, nap())
        run = started(owner, sub(inner))
        child = child_of(owner, run)
        owner.send("POST", f"/{inner}/runs/{child['run_id']}/cancel")
        run = owner.ended(run["workflow_id"], run["id"])
        assert run["node_results"]["sub"]["error"]["code"] == "run_cancelled"

    def test_the_workflow_of_the_child_is_deleted(self, owner: Api) -> None:
        inner = saved(owner, nap())
        run = started(owner, sub(inner))
        poll(lambda: is_napping(owner, child_of(owner, run)))
        owner.send("DELETE", f"/{inner}")

        def final() -> Any:
            services().reconciler.run(everything=True)
            found = owner.get(f"/{run['workflow_id']}/runs/{run['id']}")
            return found["status"] == "failed" and found

        assert poll(final)["node_results"]["sub"]["error"]["code"] == "run_gone"


class TestTime:
    def test_of_the_child_is_over(self, owner: Api) -> None:
        inner = saved(owner, nap(), timeout_seconds=1)
        run = owner.run(graph([sub(inner)]))
        assert run["node_results"]["sub"]["error"]["code"] == "run_timed_out"

    def test_of_the_parent_is_over(self, owner: Api) -> None:
        inner = saved(owner, nap())
        run = started(owner, sub(inner), timeout_seconds=1)
        child = child_of(owner, run)
        assert owner.ended(run["workflow_id"], run["id"])["status"] == "timed_out"
        found = owner.ended(inner, child["run_id"])
        assert (found["status"], found["error_message"]) == ("timed_out", "the run that started it took too long")

    def test_of_the_node_is_over(self, owner: Api) -> None:
        inner = saved(owner, nap())
        run = owner.run(graph([sub(inner, timeout_seconds=1)]))
        assert run["node_results"]["sub"]["error"]["code"] == "timed_out"
        child = child_of(owner, run)
        assert owner.ended(inner, child["run_id"])["status"] == "timed_out"


class TestCircles:
    def test_are_refused_on_save(self, owner: Api) -> None:
        last = saved(owner, nap(), name="Last")
        middle = saved(owner, sub(last), name="Middle")
        answer = owner.send("PUT", f"/{last}", {"graph_definition": graph([sub(middle)])})
        assert answer.status == 422
        (problem,) = answer.body["errors"]
        assert (problem["code"], problem["node_id"]) == ("workflow_cycle", "sub")
        assert problem["message"] == 'node "sub": the workflow would run itself, through "Middle"'
        answer = owner.send("PUT", f"/{last}", {"graph_definition": graph([sub(last)])})
        assert answer.body["errors"][0]["code"] == "workflow_cycle"

    def test_are_told_at_each_node_that_closes_one(self, owner: Api) -> None:
        origin = saved(owner, nap(), name="Origin")
        last = saved(owner, sub(origin), name="Last")
        aside = saved(owner, nap(), name="Aside")
        middle = saved(owner, sub(last), sub(aside, "other"), name="Middle")
        first = saved(owner, sub(middle), sub(last, "short"), name="First")
        drawn = [sub(run, name) for run, name in ((first, "a"), (middle, "b"), (aside, "c"), (last, "d"))]
        answer = owner.send("PUT", f"/{origin}", {"graph_definition": graph(drawn)})
        ways = {each["node_id"]: each["message"].partition(", through ")[2] for each in answer.body["errors"]}
        assert ways == {"a": '"First" → "Last"', "b": '"Middle" → "Last"', "d": '"Last"'}

    def test_are_refused_on_rollback(self, owner: Api) -> None:
        inner = saved(owner, nap())
        outer = saved(owner, sub(inner))
        owner.put(outer, graph_definition=graph([nap()]))
        owner.put(inner, graph_definition=graph([sub(outer)]))
        answer = owner.send("POST", f"/{outer}/rollback", {"version": 1})
        assert (answer.status, answer.body["errors"][0]["code"]) == (422, "workflow_cycle")

    def test_that_expressions_draw_end_in_the_run(self, owner: Api) -> None:
        drawn = graph([sub("{% $input.which %}", input="{% $input %}")])
        workflow_id = owner.create(drawn, "Loop")["id"]
        run = owner.ended(workflow_id, owner.execute(workflow_id, {"which": workflow_id})["id"])
        error = run["node_results"]["sub"]["error"]
        assert error["code"] == "workflow_cycle"
        assert error["message"] == 'a workflow would run itself: "Loop" → "Loop"'

    def test_a_workflow_that_is_not_there_is_refused_on_save(self, owner: Api, outsider: Api) -> None:
        inner = saved(owner, nap())
        for drawn in (graph([sub(str(uuid4()))]), graph([sub(inner, version=7)])):
            answer = owner.send("POST", "", {"name": "x", "graph_definition": drawn})
            assert (answer.status, answer.body["errors"][0]["code"]) == (422, "unknown_workflow")
        answer = outsider.send("POST", "", {"name": "x", "graph_definition": graph([sub(inner)])})
        assert (answer.status, answer.body["errors"][0]["code"]) == (422, "unknown_workflow")

    def test_a_line_that_is_too_long_ends(self, owner: Api) -> None:
        inner = saved(owner, value("v", 1))
        for _ in range(services().settings.max_sub_workflow_depth + 1):
            inner = saved(owner, sub(inner))
        run = owner.ended(inner, owner.execute(inner)["id"])
        while run["children"]:
            run = get(owner, run["children"][0])
        assert run["node_results"]["sub"]["error"]["code"] == "too_deep"


class TestPlaces:
    def test_children_need_none_of_their_own(self, owner: Api, upstream: Upstream) -> None:
        """Else parents that have all places would wait for ever for children that have none."""
        inner = saved(owner, value("v", 1))
        path = f"/{owner.workspace_id}/hold"
        hold = node("hold", "http_request", {"url": f"{upstream.base}{path}?held=1"})
        outer = saved(owner, hold, sub(inner))
        with deployed_with(max_runs_per_workspace=2):
            ids = [owner.execute(outer)["id"] for _ in range(4)]
            assert [owner.get(f"/{outer}/runs/{run_id}")["queue_position"] for run_id in ids] == [None, None, 1, 2]
            upstream.let_go[path].set()
            assert [owner.ended(outer, run_id)["status"] for run_id in ids] == ["succeeded"] * 4

    def test_the_limit_of_their_workflow_holds(self, owner: Api) -> None:
        inner = saved(owner, nap(1), max_concurrent_runs=1, overlap="skip")
        run = owner.run(graph([sub(inner, "a", on_error="continue"), sub(inner, "b", on_error="continue")]))
        errors = [(run["node_results"][node_id]["error"] or {}).get("code") for node_id in "ab"]
        assert sorted(map(str, errors)) == ["None", "run_cancelled"]


class TestSurvival:
    def test_a_child_of_an_item_that_failed_is_ended(self, owner: Api, upstream: Upstream) -> None:
        inner = saved(owner, nap())
        ask = node("ask", "http_request", {"url": f"{upstream.base}/ask?status=404&sleep=0.3"})
        each = node("each", "for_each", {"items": [1], "on_item_error": "continue"})
        run = owner.run(graph([each, sub(inner, parentId="each"), {**ask, "parentId": "each"}]))
        assert run["status"] == "succeeded"
        services().reconciler.run()
        found = get(owner, child_of(owner, run))
        assert found["status"] == "cancelled"

    def test_a_retry_runs_it_again_and_takes_over_what_succeeded(self, owner: Api) -> None:
        good, bad = saved(owner, value("v", 1)), saved(owner, node("no", "fail", {"message": "no"}))
        workflow_id = owner.create(graph([sub(good, "good"), sub(bad, "bad")], edge("good", "bad")))["id"]
        run = owner.ended(workflow_id, owner.execute(workflow_id)["id"])
        owner.put(bad, graph_definition=graph([value("v", 2)]))
        answer = owner.send("POST", f"/{workflow_id}/runs/{run['id']}/retry")
        assert (answer.status, answer.body["reused"]) == (202, ["good"])
        retried = owner.ended(workflow_id, answer.body["id"])
        assert (retried["output"], [child["node_id"] for child in retried["children"]]) == (2, ["bad"])


class TestRetries:
    """A node that did not succeed goes on from the run that it had started; no node of that one is repeated."""

    def test_go_on_from_what_failed_in_the_child(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        inner = saved(owner, *steps("second?status=400&times=1"))
        workflow_id, run = failed(owner, given, sub(inner, input="{% $input %}"))
        before = child_of(owner, run)
        again = retried(owner, workflow_id, run)
        child = get(owner, child_of(owner, again))
        assert (again["status"], called(calls)) == ("succeeded", {"first": 1, "second": 2})
        assert (child["retry_of"], child["reused"], child["trigger"]) == (before["run_id"], ["first"], "sub_workflow")
        told = get(owner, before)["history"][-1]
        assert (told["event"], told["run_id"], told["by"]) == ("retried", child["id"], again["triggered_by"])

    def test_go_on_in_the_version_that_is_current(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        inner = saved(owner, *steps("second?status=400"))
        workflow_id, run = failed(owner, given, sub(inner, input="{% $input %}"))
        mended = steps("mended")
        owner.put(inner, graph_definition=graph(mended[:2], mended[2]))
        again = retried(owner, workflow_id, run)
        assert (again["status"], called(calls)) == ("succeeded", {"first": 1, "second": 1, "mended": 1})
        assert get(owner, child_of(owner, again))["version"] == 2

    def test_go_on_in_items_time_and_again(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        each = node("each", "for_each", {"items": ["a", "b"], "max_concurrency": 1})
        item_input = "{% {'base': $input.base & '/' & $item, 'status': $item = 'b' ? '400' : '200'} %}"
        inner = saved(owner, *steps("second?times=2&status={% $input.status %}"))
        workflow_id, run = failed(owner, given, each, sub(inner, input=item_input, parentId="each"))
        again = retried(owner, workflow_id, run)
        assert again["status"] == "failed"
        last = retried(owner, workflow_id, again)
        assert last["status"] == "succeeded"
        assert called(calls, 2) == {"a/first": 1, "a/second": 1, "b/first": 1, "b/second": 3}
        assert get(owner, child_of(owner, last))["retry_of"] == child_of(owner, again)["run_id"]

    def test_go_on_at_any_depth(self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]) -> None:
        inner = saved(owner, *steps("second?status=400&times=1"))
        middle = saved(owner, sub(inner, input="{% $input %}"))
        workflow_id, run = failed(owner, given, sub(middle, input="{% $input %}"))
        assert retried(owner, workflow_id, run)["status"] == "succeeded"
        assert called(calls) == {"first": 1, "second": 2}

    def test_go_on_where_the_retry_before_did_not_come_so_far(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        inner = saved(owner, *steps("second?status=400&times=1"))
        skipping = {"settings": {"overlap": "skip"}}
        drawn = graph([node("which", "condition", {"expression": "{% $exists($input.nap) %}"}), nap(),
                       sub(inner, input="{% $input %}")],
                      edge("which", "nap", "true"), edge("which", "sub", "false"))  # fmt: skip
        workflow_id = owner.create(drawn | skipping)["id"]
        run = owner.ended(workflow_id, owner.execute(workflow_id, given)["id"])
        other = owner.execute(workflow_id, {"nap": True})["id"]
        skipped = retried(owner, workflow_id, run)
        assert (skipped["status"], skipped["children"]) == ("cancelled", [])
        owner.send("POST", f"/{workflow_id}/runs/{other}/cancel")
        assert retried(owner, workflow_id, skipped)["status"] == "succeeded"
        assert called(calls) == {"first": 1, "second": 2}

    def test_go_on_from_a_child_that_was_cancelled(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]], upstream: Upstream
    ) -> None:
        inner = saved(owner, *steps("second?held=1"))
        workflow_id = owner.create(graph([sub(inner, input="{% $input %}")]))["id"]
        run = owner.execute(workflow_id, given)
        poll(lambda: called(calls)["second"])
        run = owner.send("POST", f"/{workflow_id}/runs/{run['id']}/cancel").body
        upstream.let_go[f"/{owner.workspace_id}/second"].set()
        assert retried(owner, workflow_id, run)["status"] == "succeeded"
        assert called(calls)["first"] == 1

    def test_repeat_nothing_of_a_child_that_succeeded_where_its_node_did_not(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        first, second, joins = steps("second")
        ends = [value("one", "x" * 1500), value("other", "y" * 1500)]
        inner = saved(owner, first, second, joins, *ends, edge("second", "one"), edge("second", "other"))
        with deployed_with(max_output_bytes=2000):
            workflow_id, run = failed(owner, given, sub(inner, input="{% $input %}"))
        assert run["node_results"]["sub"]["error"]["code"] == "output_too_large"
        again = retried(owner, workflow_id, run)
        assert (again["output"], called(calls)) == ({"one": "x" * 1500, "other": "y" * 1500}, {"first": 1, "second": 1})

    def test_begin_anew_with_another_input_or_another_workflow(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        inner = saved(owner, *steps("second?status=400&times=1"))
        workflow_id, run = failed(owner, given, sub(inner, input="{% $input %}"))
        owner.put(workflow_id, graph_definition=graph([sub(inner, input="{% $merge([$input, {'new': 1}]) %}")]))
        again = retried(owner, workflow_id, run, version="current")
        assert (again["status"], called(calls)) == ("succeeded", {"first": 2, "second": 2})
        assert get(owner, child_of(owner, again))["retry_of"] is None
        owner.put(workflow_id, graph_definition=graph([sub(saved(owner, *steps("third")), input="{% $input %}")]))
        again = retried(owner, workflow_id, run, version="current")
        assert (again["status"], called(calls)) == ("succeeded", {"first": 3, "second": 2, "third": 1})

    def test_begin_anew_what_succeeded_but_lies_behind_a_changed_node(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        def drawn(label: str) -> dict[str, Any]:
            nodes = [value("above", label), sub(inner, input="{% $input %}"), ask("stop", "stop?status=400&times=1")]
            return graph(nodes, edge("above", "sub"), edge("sub", "stop"))

        inner = saved(owner, *steps("second"))
        workflow_id = owner.create(drawn("old"))["id"]
        run = owner.ended(workflow_id, owner.execute(workflow_id, given)["id"])
        owner.put(workflow_id, graph_definition=drawn("new"))
        assert retried(owner, workflow_id, run, version="current")["status"] == "succeeded"
        assert called(calls) == {"first": 2, "second": 2, "stop": 2}


def steps(second: str) -> list[dict[str, Any]]:
    """Two calls, one after the other; the path of the second may carry a query."""
    return [ask("first", "first"), ask("second", second), edge("first", "second")]


def failed(api: Api, run_input: Any, *nodes: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A workflow, and a run of it that failed."""
    workflow_id = api.create(graph(list(nodes)), "outer")["id"]
    run = api.ended(workflow_id, api.execute(workflow_id, run_input)["id"])
    assert run["status"] == "failed"
    return workflow_id, run


def retried(api: Api, workflow_id: str, run: dict[str, Any], **body: Any) -> dict[str, Any]:
    """The retry of a run, as it ended."""
    answer = api.send("POST", f"/{workflow_id}/runs/{run['id']}/retry", body)
    assert answer.status == 202, answer
    return dict(api.ended(workflow_id, answer.body["id"]))


def called(calls: list[dict[str, Any]], parts: int = 1) -> Counter[str]:
    """How often which path was called, by its last parts."""
    return Counter("/".join(call["path"].split("/")[-parts:]) for call in calls)


def test_it_waits_with_the_ids_of_its_run(owner: Api) -> None:
    inner = saved(owner, nap())
    run = started(owner, sub(inner))
    child = child_of(owner, run)
    result = owner.get(f"/{run['workflow_id']}/runs/{run['id']}")["node_results"]["sub"]
    assert result["status"] == "waiting"
    shown = {"run_id": child["run_id"], "workflow_id": inner, "version": 1}
    assert {key: result["output"][key] for key in shown} == shown
    assert UUID(result["output"]["run_id"])
    owner.send("POST", f"/{run['workflow_id']}/runs/{run['id']}/cancel")
