"""Containers over HTTP, on real Postgres and moto: items in order, at once, failing, nested, many, resumed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from chalicelib.bootstrap import Services, services
from chalicelib.paging import PathPage
from tests.client import Api, edge, graph, node, poll, statuses
from tests.e2e.test_run import execution_status

MANY = 10_000


def inside(container: str, *nodes: dict[str, Any]) -> list[dict[str, Any]]:
    return [item | {"parentId": container} for item in nodes]


def ask(node_id: str, path: str, **data: Any) -> dict[str, Any]:
    return node(node_id, "http_request", {"url": f"{{% $input.base %}}/{path}"}, **data)


def each(items: Any = "{% $input.items %}", node_id: str = "each", **config: Any) -> dict[str, Any]:
    return node(node_id, "for_each", {"items": items, **config})


def paths(calls: list[dict[str, Any]]) -> list[str]:
    return sorted(call["path"].partition("/")[2].partition("/")[2] for call in calls)


class TestItems:
    def test_outputs_stand_in_the_order_of_the_items(self, owner: Api, given: dict[str, Any]) -> None:
        body = inside(
            "each",
            ask("ask", "{% $item %}?sleep={% $item = 'slow' ? 0.3 : 0 %}"),
            node("told", "transform", {"value": ["{% $index %}", "{% $item %}", "{% $nodes.ask.output.status %}"]}),
        )
        drawn = graph([each(), *body], edge("ask", "told"))
        run = owner.run(drawn, given | {"items": ["slow", "b", "c"]})
        assert run["output"] == [[0, "slow", 200], [1, "b", 200], [2, "c", 200]]

    @pytest.mark.parametrize("heavy", [False, True])
    @pytest.mark.parametrize(
        ("items", "told"),
        [([], []), (None, []), ({"a": 1}, [{"a": 1}]), ([None, [1], "x"], [None, [1], "x"]), ([[]], [[]])],
    )
    def test_any_items_run(self, owner: Api, given: dict[str, Any], heavy: bool, items: Any, told: Any) -> None:
        """Nothing is no item, and one value an item of its own: JSONata tells it not from a list of it."""
        body = inside(
            "each", *([ask("ask", "x")] if heavy else []), node("same", "transform", {"value": "{% $item %}"})
        )
        links = [edge("ask", "same")] if heavy else []
        run = owner.run(graph([each(), *body], *links), given | {"items": items})
        assert (run["status"], run["output"]) == ("succeeded", told)

    def test_what_several_nodes_end_has_an_output_each(self, owner: Api) -> None:
        body = inside("each", node("a", "transform", {"value": "{% $item %}"}), node("b", "transform", {"value": 1}))
        assert owner.run(graph([each([7]), *body]))["output"] == [{"a": 7, "b": 1}]

    def test_nodes_inside_read_what_is_outside_and_the_outside_reads_the_list(self, owner: Api) -> None:
        nodes = [
            node("before", "transform", {"value": 10}),
            each([1, 2]),
            *inside(
                "each", node("sum", "transform", {"value": "{% $item + $nodes.before.output + $count($nodes.*) %}"})
            ),
            node("after", "transform", {"value": "{% $sum($nodes.each.output) %}"}),
        ]
        run = owner.run(graph(nodes, edge("before", "each"), edge("each", "after")))
        assert run["output"] == 12 + 13

    def test_no_more_items_run_at_once_than_drawn(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        drawn = graph([each(max_concurrency=2), *inside("each", ask("ask", "{% $item %}?sleep=0.2"))])
        owner.run(drawn, given | {"items": [1, 2, 3, 4, 5]})
        began = sorted((call["began"], 1) for call in calls) + sorted((call["ended"], -1) for call in calls)
        running, most = 0, 0
        for _, step in sorted(began):
            running += step
            most = max(most, running)
        assert most == 2

    def test_conditions_and_gates_work_inside_an_item(self, owner: Api, given: dict[str, Any]) -> None:
        """Behind the condition the letter N, whose fourth corner is behind a gate of each item's own."""
        body = inside(
            "each",
            node("odd", "condition", {"expression": "{% $item % 2 = 1 %}"}),
            *(ask(name, name) for name in ("a", "b", "c", "d")),
            node("even", "transform", {"value": "even"}),
        )
        links = [edge("odd", "a", "true"), edge("odd", "b", "true"), edge("odd", "even", "false")]
        links += [edge("a", "c"), edge("b", "c"), edge("b", "d")]
        run = owner.run(graph([each(), *body], *links), given | {"items": [1, 2, 3]})
        assert [sorted(output) if isinstance(output, dict) else output for output in run["output"]] == [
            ["c", "d"], "even", ["c", "d"],
        ]  # fmt: skip
        assert run["node_results"]["a"]["items"]["succeeded"] == 2
        assert run["node_results"]["a"]["items"]["skipped"] == 1

    def test_waits_inside_an_item_are_its_own(self, owner: Api) -> None:
        body = inside("each", node("nap", "wait", {"seconds": "{% $item %}"}))
        run = owner.run(graph([each([0, 1]), *body]))
        assert [output["until"] for output in run["output"]] == sorted(output["until"] for output in run["output"])
        assert run["node_results"]["nap"]["items"]["succeeded"] == 2

    def test_nested_containers_have_items_of_items(self, owner: Api, given: dict[str, Any]) -> None:
        nodes = [
            each(),
            *inside(
                "each",
                each("{% $item.of %}", "inner"),
                node("name", "transform", {"value": "{% $item.name %}"}),
                node("row", "transform", {"value": ["{% $nodes.name.output %}", "{% $nodes.inner.output %}"]}),
            ),
            *inside("inner", ask("ask", "{% $nodes.name.output %}{% $item %}")),
            *inside("inner", node("path", "transform", {"value": "{% $nodes.ask.output.body.path %}"})),
        ]
        links = [edge("name", "inner"), edge("inner", "row"), edge("ask", "path")]
        items = [{"name": "a", "of": [1, 2]}, {"name": "b", "of": []}, {"name": "c", "of": [3]}]
        run = owner.run(graph(nodes, *links), given | {"items": items})
        found = [[name, [path.rpartition("/")[2] for path in inner]] for name, inner in run["output"]]
        assert found == [["a", ["a1", "a2"]], ["b", []], ["c", ["c3"]]]

    def test_items_of_two_containers_side_by_side_do_not_meet(self, owner: Api, given: dict[str, Any]) -> None:
        """Both have items of the same place, with a gate each, and one of them fails meanwhile."""
        names = {"one": "abcd", "two": "wxyz"}
        nodes = [each([0, 1], node_id=container) for container in names]
        links = []
        for container, (a, b, c, d) in names.items():
            asks = [ask(a, f"{a}?sleep=0.5"), ask(b, b), ask(c, c), ask(d, d)]
            nodes += inside(container, *asks)
            links += [edge(a, c), edge(b, c), edge(b, d)]
        failing = ask("fails", "{% $item %}?sleep=0.2&status=400")
        nodes += [each([0, 1], node_id="three", on_item_error="continue"), *inside("three", failing)]
        run = owner.run(graph(nodes, *links), given)
        assert run["status"] == "succeeded", run["error_message"]
        assert [sorted(output) for output in run["output"]["one"] + run["output"]["two"]] == [["c", "d"]] * 2 + [
            ["y", "z"]
        ] * 2

    def test_a_skipped_or_disabled_container_runs_no_item(self, owner: Api) -> None:
        nodes = [
            node("no", "condition", {"expression": False}),
            each([1]),
            *inside("each", node("x")),
            each([1], "off") | {"data": {"config": {"items": [1]}, "disabled": True}},
            *inside("off", node("y")),
        ]
        run = owner.run(graph(nodes, edge("no", "each", "true")))
        assert run["status"] == "succeeded"
        assert {statuses(run)[node_id] for node_id in ("each", "x", "off", "y")} == {"skipped"}
        assert owner.get(f"/{run['workflow_id']}/runs/{run['id']}/items?node_id=off")["items"] == []


class TestFailing:
    FAILING = "{% $item = 2 ? $error('no two') : $item %}"

    def body(self, heavy: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        nodes = inside("each", *([ask("ask", "{% $item %}")] if heavy else []))
        return nodes + inside("each", node("check", "transform", {"value": self.FAILING})), (
            [edge("ask", "check")] if heavy else []
        )

    @pytest.mark.parametrize("heavy", [False, True])
    def test_a_failed_item_fails_the_container_and_the_run(
        self, owner: Api, given: dict[str, Any], heavy: bool
    ) -> None:
        body, links = self.body(heavy)
        drawn = graph([each(max_concurrency=1), *body, node("after")], *links, edge("each", "after"))
        run = owner.run(drawn, given | {"items": [1, 2, 3]})
        assert run["status"] == "failed"
        assert "item 1 failed" in run["error_message"]
        assert "no two" in run["error_message"]
        assert statuses(run) == {"each": "failed", "check": "failed", "after": "skipped"} | (
            {"ask": "cancelled"} if heavy else {}
        )
        assert run["node_results"]["each"]["error"]["item"] == 1

    @pytest.mark.parametrize("heavy", [False, True])
    def test_a_failed_item_is_told_in_its_place_where_the_rest_goes_on(
        self, owner: Api, given: dict[str, Any], heavy: bool
    ) -> None:
        body, links = self.body(heavy)
        run = owner.run(graph([each(on_item_error="continue"), *body], *links), given | {"items": [1, 2, 3]})
        first, second, third = run["output"]
        assert (run["status"], first, third) == ("succeeded", 1, 3)
        assert (second["error"]["code"], second["error"]["node_id"]) == ("node_failed", "check")
        assert "no two" in second["error"]["message"]

    def test_a_container_may_branch_on_its_error(self, owner: Api, given: dict[str, Any]) -> None:
        body, links = self.body(heavy=True)
        container = each() | {"data": {"config": {"items": "{% $input.items %}"}, "on_error": "branch"}}
        nodes = [container, *body, node("mend", "transform", {"value": "{% $nodes.each.error.item %}"}), node("fine")]
        run = owner.run(
            graph(nodes, *links, edge("each", "mend", "error"), edge("each", "fine")), given | {"items": [2]}
        )
        assert (run["status"], run["output"], statuses(run)["fine"]) == ("succeeded", 0, "skipped")

    def test_an_error_inside_an_item_may_be_handled_there(self, owner: Api) -> None:
        check = node("check", "transform", {"value": self.FAILING}, on_error="branch")
        body = inside("each", check, node("mend", "transform", {"value": "mended"}))
        run = owner.run(graph([each(), *body], edge("check", "mend", "error")), {"items": [1, 2]})
        assert run["output"] == [1, "mended"]

    def test_attempts_are_made_again_for_an_item_alone(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        body = inside("each", ask("ask", "{% $item %}?status=503&times={% $item %}"))
        run = owner.run(graph([each(), *body]), given | {"items": [0, 1]})
        assert run["status"] == "succeeded"
        assert len(calls) == 3
        assert run["node_results"]["ask"]["attempts"] == 3

    def test_a_node_that_fails_beside_it_ends_its_items(self, owner: Api, given: dict[str, Any]) -> None:
        nodes = [each(), *inside("each", ask("ask", "x?sleep=1")), ask("broken", "y?status=400")]
        run = owner.run(graph(nodes), given | {"items": [1, 2]})
        assert run["status"] == "failed"
        assert statuses(run)["each"] == "cancelled"

    def test_nothing_begins_in_a_run_that_is_over(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        nodes = [ask("slow", "slow?sleep=1"), each([1, 2]), *inside("each", ask("in", "in"), node("then"))]
        nodes.append(ask("broken", "broken?sleep=0.2&status=400"))
        run = owner.run(graph(nodes, edge("slow", "each"), edge("in", "then")), given)
        assert {statuses(run)[name] for name in ("each", "in", "then")} == {"cancelled"}
        run_path = f"/{run['workflow_id']}/runs/{run['id']}"
        poll(lambda: statuses(owner.get(run_path))["slow"] == "succeeded")
        assert owner.get(f"{run_path}/items?node_id=each")["items"] == []
        assert paths(calls) == ["broken", "slow"]

    @pytest.mark.parametrize("flaw", ["$pad('', 1000000, 'x')", "'\\u0000'"])
    def test_items_that_can_not_be_kept_fail_the_container_and_repeat_nothing(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]], flaw: str
    ) -> None:
        items = f"{{% [$nodes.buy.output.status, [1..7].({flaw})] %}}"
        nodes = [ask("buy", "buy"), each(items), *inside("each", node("x"))]
        run = owner.run(graph(nodes, edge("buy", "each")), given)
        assert (run["status"], statuses(run)["each"], len(calls)) == ("failed", "failed", 1)
        assert run["node_results"]["each"]["error"]["code"].startswith("output_")

    def test_a_workflow_is_deleted_at_once_while_its_items_run(self, owner: Api) -> None:
        """Whoever deletes and whoever writes results take their locks in the same order."""
        retried = {"retry": {"max_attempts": 2}}
        body = inside("each", node("a", **retried), node("b", **retried))
        drawn = graph([each(list(range(60)), max_concurrency=40), *body], edge("a", "b"))
        for _ in range(6):
            workflow_id = owner.create(drawn)["id"]
            run_path = f"/{workflow_id}/runs/{owner.execute(workflow_id)['id']}"
            poll(lambda path=run_path: owner.get(path)["node_results"]["a"]["attempts"])
            assert owner.send("DELETE", f"/{workflow_id}").status == 204

    def test_too_many_items_are_an_error_with_the_number(self, owner: Api) -> None:
        run = owner.run(graph([each(), *inside("each", node("x"))]), {"items": list(range(MANY + 1))})
        assert run["status"] == "failed"
        assert "10,001" in run["error_message"]


class TestMany:
    def test_ten_thousand_items_that_wait_for_nothing(self, owner: Api) -> None:
        body = inside("each", node("twice", "transform", {"value": "{% $item * 2 %}"}))
        run = owner.run(graph([each(), *body]), {"items": list(range(MANY))}, limit=60)
        assert run["output"] == [2 * number for number in range(MANY)]

    def test_more_items_than_an_execution_takes_run_in_executions_of_their_own(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        """A body of many attempts makes many events, so that few items fit into one execution."""
        retried = {"retry": {"max_attempts": 50, "interval_seconds": 1}}
        asks = [ask(f"ask{number}", f"{number}/{{% $item %}}", **retried) for number in range(40)]
        asks[0]["data"]["config"]["url"] += "?status=500&times={% $item = 5 ? 1 : 0 %}"
        drawn = graph([each(max_concurrency=4), *inside("each", *asks)])
        created = owner.create(drawn)
        here = created["certificate"]["containers"]["each"]["items_in_its_execution"]
        count = 3 * here + 1
        run = owner.ended(created["id"], owner.execute(created["id"], given | {"items": list(range(count))})["id"], 60)
        assert run["status"] == "succeeded"
        assert len(run["output"]) == count
        assert len(calls) == 40 * count + 1

    def test_a_failed_item_ends_what_runs_elsewhere(self, owner: Api, given: dict[str, Any]) -> None:
        retried = {"retry": {"max_attempts": 50}}
        asks = [ask(f"ask{number}", "x", **retried) for number in range(40)]
        body = inside("each", *asks, node("check", "transform", {"value": "{% $index = 1 ? $error('no') : 1 %}"}))
        drawn = graph([each(max_concurrency=1), *body])
        run = owner.run(drawn, given | {"items": list(range(20))}, limit=60)
        assert run["status"] == "failed"
        assert "item 1 failed" in run["error_message"]
        assert run["node_results"]["ask0"]["items"]["succeeded"] < 20

    @pytest.mark.parametrize("is_new", [False, True], ids=["known", "new"])
    def test_what_waits_for_items_elsewhere_ends_with_its_workflow(
        self, owner: Api, given: dict[str, Any], calls: list[dict[str, Any]], *, is_new: bool
    ) -> None:
        """Also where the Lambda is a new one, which never saw the version."""
        asks = [ask(f"ask{number}", "x?sleep=0.1", retry={"max_attempts": 50}) for number in range(40)]
        workflow_id = owner.create(graph([each(max_concurrency=1), *inside("each", *asks)]))["id"]
        run_path = f"/{workflow_id}/runs/{owner.execute(workflow_id, given | {'items': list(range(20))})['id']}"
        poll(lambda: len(calls) >= 40)
        arn = owner.get(run_path)["execution_arn"]
        assert owner.send("DELETE", f"/{workflow_id}").status == 204
        if is_new:
            services().drawings.plan.cache_clear()
        poll(lambda: execution_status(arn) == "FAILED")


class TestListing:
    def test_items_are_listed_with_what_every_node_did(self, owner: Api) -> None:
        body = inside("each", node("check", "transform", {"value": TestFailing.FAILING}))
        workflow_id = owner.create(graph([each(on_item_error="continue"), *body]))["id"]
        run = owner.ended(workflow_id, owner.execute(workflow_id, {"items": [1, 2, 3]})["id"])
        first = owner.get(f"/{workflow_id}/runs/{run['id']}/items?node_id=each&limit=2")
        assert [(item["path"], item["status"], item["item"]) for item in first["items"]] == [
            ([0], "succeeded", 1),
            ([1], "failed", 2),
        ]
        assert first["items"][1]["node_results"]["check"]["status"] == "failed"
        rest = owner.get(f"/{workflow_id}/runs/{run['id']}/items?node_id=each&cursor={first['next_cursor']}")
        assert [item["output"] for item in rest["items"]] == [3]
        assert rest["next_cursor"] is None

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("", 400),
            ("?node_id=check", 404),
            ("?node_id=each&cursor=x", 400),
            ("?node_id=each&cursor=Wy05OTk5OTk5OTk5OV0", 200),
        ],
    )
    def test_odd_questions_are_answered(self, owner: Api, query: str, status: int) -> None:
        workflow_id = owner.create(graph([each([1]), *inside("each", node("check"))]))["id"]
        run_id = owner.execute(workflow_id)["id"]
        assert owner.send("GET", f"/{workflow_id}/runs/{run_id}/items{query}").status == status

    def test_one_connection_is_enough_to_list_them(self, owner: Api) -> None:
        """As many as a Lambda has; a new one has no plan in its cache."""
        run = owner.run(graph([each([1]), *inside("each", node("check"))]))
        new = Services(replace(services().settings, database_pool_size=1))
        ids = UUID(owner.workspace_id), UUID(run["workflow_id"]), UUID(run["id"])
        found = new.runs.list_items(*ids, "each", PathPage())
        new.database.close()
        assert [item["status"] for item in found["items"]] == ["succeeded"]

    def test_progress_shows_while_items_run(self, owner: Api, given: dict[str, Any]) -> None:
        drawn = graph([each(max_concurrency=1), *inside("each", ask("ask", "{% $item %}?sleep=0.5"))])
        workflow_id = owner.create(drawn)["id"]
        run_path = f"/{workflow_id}/runs/{owner.execute(workflow_id, given | {'items': [1, 2, 3]})['id']}"

        def halfway() -> Any:
            results = owner.get(run_path)["node_results"]
            return results["ask"].get("items", {}).get("succeeded") == 1 and results

        results = poll(halfway)
        assert (results["each"]["status"], results["ask"]["status"]) == ("running", "running")
