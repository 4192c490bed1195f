"""Going on from what failed, on the same version or another: what is taken over, and what runs again."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.client import Answer, Api, edge, graph, node, poll, statuses
from tests.e2e.test_run import ask
from tests.upstream import Upstream


def failed(api: Api, drawn: dict[str, Any], run_input: Any) -> tuple[str, str]:
    """A workflow, and the path of a run of it that failed."""
    workflow_id = api.create(drawn)["id"]
    run = api.ended(workflow_id, api.execute(workflow_id, run_input)["id"])
    assert run["status"] == "failed"
    return workflow_id, f"/{workflow_id}/runs/{run['id']}"


def retried(api: Api, workflow_id: str, path: str, **body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer to a retry, and the run as it ended."""
    answer = api.send("POST", f"{path}/retry", body)
    assert answer.status == 202, answer
    return answer.body, api.ended(workflow_id, answer.body["id"])


def called(calls: list[dict[str, Any]]) -> Counter[str]:
    return Counter(call["path"].rpartition("/")[2] for call in calls)


ORDER = graph(
    [ask("charge", "charge"), ask("ship", "ship?status=400&times=1"), ask("mail", "mail")],
    edge("charge", "ship"), edge("ship", "mail"),
)  # fmt: skip


class TestSameVersion:
    def test_it_goes_on_from_the_failed_node(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        workflow_id, path = failed(owner, ORDER, given)
        preview = owner.get(f"{path}/retry")
        assert preview == {
            "run_id": path.rpartition("/")[2], "version": 1, "reused": ["charge"], "run_again": ["ship", "mail"],
            "items": {},
        }  # fmt: skip
        answer, run = retried(owner, workflow_id, path)
        assert (answer["reused"], answer["run_again"]) == (["charge"], ["ship", "mail"])
        assert (run["status"], run["trigger"], run["retry_of"]) == ("succeeded", "retry", preview["run_id"])
        assert (run["reused"], run["input"]) == (["charge"], given)
        assert called(calls) == {"charge": 1, "ship": 2, "mail": 1}

    def test_the_run_that_failed_stays_and_tells_of_it(self, owner: Api, given: dict[str, Any]) -> None:
        workflow_id, path = failed(owner, ORDER, given)
        before = owner.get(path)
        _, run = retried(owner, workflow_id, path)
        after = owner.get(path)
        assert (after["status"], after["node_results"]) == ("failed", before["node_results"])
        last = after["history"][-1]
        assert (last["event"], last["run_id"], last["by"]) == ("retried", run["id"], run["triggered_by"])

    def test_what_was_not_taken_stays_so_and_what_was_dealt_with_too(
        self, owner: Api, given: dict[str, Any], calls: list[Any]
    ) -> None:
        drawn = graph(
            [
                ask("try", "try?status=400", on_error="branch"), ask("instead", "instead"), ask("never", "never"),
                ask("last", "last?status=400&times=1"),
            ],
            edge("try", "instead", "error"), edge("try", "never"), edge("instead", "last"),
        )  # fmt: skip
        workflow_id, path = failed(owner, drawn, given)
        answer, run = retried(owner, workflow_id, path)
        assert (answer["reused"], answer["run_again"]) == (["try", "instead"], ["last"])
        assert statuses(run) == {"try": "failed", "instead": "succeeded", "never": "skipped", "last": "succeeded"}
        assert called(calls) == {"try": 1, "instead": 1, "last": 2}

    def test_of_items_only_those_that_failed_run_again(
        self, owner: Api, given: dict[str, Any], calls: list[Any]
    ) -> None:
        url = "{% $input.base & '/' & $item & ($item = 2 ? '?status=400&times=1' : '') %}"
        each = node("each", "for_each", {"items": [1, 2, 3], "max_concurrency": 1})
        inside = [
            node("get", "http_request", {"url": "{% $input.base & '/first-' & $item %}"}) | {"parentId": "each"},
            node("put", "http_request", {"url": url}) | {"parentId": "each"},
        ]
        drawn = graph([each, *inside, node("sum", "transform", {"value": "{% $count($nodes.each.output) %}"})],
                      edge("get", "put"), edge("each", "sum"))  # fmt: skip
        workflow_id, path = failed(owner, drawn, given)
        before = called(calls)
        assert (before["1"], before["2"]) == (1, 1)
        answer, run = retried(owner, workflow_id, path)
        assert answer["reused"] == []
        assert (run["status"], run["output"]) == ("succeeded", 3)
        assert called(calls) == {"first-1": 1, "first-2": 1, "first-3": 1, "1": 1, "2": 2, "3": 1}

    def test_a_cancelled_run_goes_on_too(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        drawn = graph([ask("a", "a"), node("nap", "wait", {"seconds": "{% $input.nap %}"}), ask("b", "b")],
                      edge("a", "nap"), edge("nap", "b"))  # fmt: skip
        workflow_id = owner.create(drawn)["id"]
        path = f"/{workflow_id}/runs/{owner.execute(workflow_id, given | {'nap': 1})['id']}"
        poll(lambda: statuses(owner.get(path))["nap"] == "waiting")
        owner.send("POST", f"{path}/cancel")
        _, run = retried(owner, workflow_id, path)
        assert (run["status"], called(calls)) == ("succeeded", {"a": 1, "b": 1})


class TestContainers:
    """What is in a container that ended stays as it was; in one that goes on, what has ended well."""

    def test_items_that_failed_in_a_container_that_went_on_stay_so(self, owner: Api, given: dict[str, Any]) -> None:
        outer = node("outer", "for_each", {"items": [1, 2], "on_item_error": "continue"})
        drawn = graph([outer, *nested("outer"), ask("stop", "stop?status=400&times=1")], edge("outer", "stop"))
        assert_all_stays(owner, drawn, given, "outer", "inner")

    def test_items_of_a_container_whose_failure_was_dealt_with_stay_so(self, owner: Api, given: dict[str, Any]) -> None:
        outer = node("outer", "for_each", {"items": [1, 2], "max_concurrency": 1}, on_error="continue")
        drawn = graph([outer, *nested("outer"), ask("stop", "stop?status=400&times=1")], edge("outer", "stop"))
        assert_all_stays(owner, drawn, given, "outer", "inner")

    def test_items_of_items_go_on_from_what_failed(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        outer = node("outer", "for_each", {"items": [1, 2], "max_concurrency": 1})
        drawn = graph([outer, *nested("outer", times=1)])
        workflow_id, path = failed(owner, drawn, given)
        _, run = retried(owner, workflow_id, path)
        assert (run["status"], called(calls)) == ("succeeded", {"1": 2, "2": 3, "3": 2})


class TestItems:
    """Before and after, a retry tells how many items of a container it takes over; it does so with as many."""

    def test_that_succeeded_are_reused(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        drawn = graph([node("each", "for_each", {"items": [0, 1, 2, 3], "max_concurrency": 1}), *held(fails=2)],
                      edge("hold", "ask"))  # fmt: skip
        before, again = self.assert_told(owner, drawn, given, calls, {"reused": 2, "run_again": 2})
        assert before == {"hold-0": 1, "hold-1": 1, "hold-2": 1, "0": 1, "1": 1, "2": 1}
        assert again == {"2": 1, "hold-3": 1, "3": 1}

    def test_that_failed_in_a_container_that_goes_on_are_reused(
        self, owner: Api, given: dict[str, Any], calls: list[Any], upstream: Upstream
    ) -> None:
        each = node("each", "for_each", {"items": [0, 1, 2], "max_concurrency": 1, "on_item_error": "continue"})
        workflow_id = owner.create(graph([each, *held(fails=0, holds=2)], edge("hold", "ask")))["id"]
        path = f"/{workflow_id}/runs/{owner.execute(workflow_id, given)['id']}"
        poll(lambda: called(calls)["hold-2"])
        owner.send("POST", f"{path}/cancel")
        upstream.let_go[f"/{owner.workspace_id}/hold-2"].set()
        assert self.told(owner, path) == {"each": {"reused": 2, "run_again": 1}}
        _, run = retried(owner, workflow_id, path)
        assert (run["status"], run["output"][0]["error"]["code"]) == ("succeeded", "node_failed")
        assert (called(calls)["0"], called(calls)["1"], called(calls)["2"]) == (1, 1, 1)

    def test_run_again_where_their_container_holds_something_else_now(
        self, owner: Api, given: dict[str, Any], calls: list[Any]
    ) -> None:
        each = node("each", "for_each", {"items": [0, 1], "max_concurrency": 1})
        workflow_id, path = failed(owner, graph([each, *held(fails=1)], edge("hold", "ask")), given)
        owner.put(workflow_id, graph_definition=graph([each, *held(fails=-1)], edge("hold", "ask")))
        assert self.told(owner, path, "?version=current") == {"each": {"reused": 0, "run_again": 2}}
        answer, run = retried(owner, workflow_id, path, version="current")
        assert (answer["items"], run["status"]) == ({"each": {"reused": 0, "run_again": 2}}, "succeeded")
        assert called(calls) == {"hold-0": 1, "hold-1": 1, "0": 2, "1": 2}

    def test_are_not_known_where_the_container_runs_for_others_or_did_not_begin(
        self, owner: Api, given: dict[str, Any]
    ) -> None:
        def drawn(*items: int) -> dict[str, Any]:
            late = node("late", "for_each", {"items": [1]})
            return graph(
                [node("each", "for_each", {"items": list(items)}), *held(fails=1), late,
                 node("x") | {"parentId": "late"}], edge("hold", "ask"), edge("each", "late")
            )  # fmt: skip

        workflow_id, path = failed(owner, drawn(1, 2), given)
        assert "late" not in self.told(owner, path)
        owner.put(workflow_id, graph_definition=drawn(1, 2, 3))
        assert self.told(owner, path, "?version=current") == {}

    def told(self, api: Api, path: str, query: str = "") -> dict[str, Any]:
        return dict(api.get(f"{path}/retry{query}")["items"])

    def assert_told(
        self, api: Api, drawn: dict[str, Any], given: dict[str, Any], calls: list[Any], split: dict[str, int]
    ) -> tuple[Counter[str], Counter[str]]:
        """The calls of the run that failed, and those of its retry."""
        workflow_id, path = failed(api, drawn, given)
        before = called(calls)
        assert self.told(api, path) == {"each": split}
        answer, run = retried(api, workflow_id, path)
        assert (answer["items"], run["status"]) == ({"each": split}, "succeeded")
        return before, called(calls) - before


def held(fails: int, holds: int = -1) -> list[dict[str, Any]]:
    """What is in a container: two calls an item. The first is held for one item, the second fails once for one."""
    url = f"{{% $input.base & '/hold-' & $item & ($item = {holds} ? '?held=1' : '') %}}"
    hold = node("hold", "http_request", {"url": url})
    url = f"{{% $input.base & '/' & $item & ($item = {fails} ? '?status=400&times=1' : '') %}}"
    return [each | {"parentId": "each"} for each in (hold, node("ask", "http_request", {"url": url}))]


def nested(container: str, times: int = 9) -> list[dict[str, Any]]:
    """A container in another one, whose second item fails so many times."""
    url = f"{{% $input.base & '/' & $item & ($item = 2 ? '?status=400&times={times}') %}}"
    inner = node("inner", "for_each", {"items": [1, 2, 3], "max_concurrency": 1})
    get = node("get", "http_request", {"url": url})
    return [inner | {"parentId": container}, get | {"parentId": "inner"}]


def assert_all_stays(api: Api, drawn: dict[str, Any], given: dict[str, Any], *containers: str) -> None:
    workflow_id, path = failed(api, drawn, given)
    _, run = retried(api, workflow_id, path)
    before, after = api.get(path)["node_results"], run["node_results"]
    assert {**before, "stop": None} == {**after, "stop": None}
    again = f"/{workflow_id}/runs/{run['id']}"
    for container in containers:
        assert api.get(f"{path}/items?node_id={container}") == api.get(f"{again}/items?node_id={container}")


class TestAnotherVersion:
    def test_a_mended_node_and_all_behind_it_run_again(
        self, owner: Api, given: dict[str, Any], calls: list[Any]
    ) -> None:
        workflow_id, path = failed(owner, ORDER, given)
        mended = graph(
            [ask("charge", "charge"), ask("ship", "ship-by-air"), ask("mail", "mail"), ask("log", "log")],
            edge("charge", "ship"), edge("ship", "mail"), edge("charge", "log"),
        )  # fmt: skip
        mended["nodes"][0] |= {"position": {"x": 500, "y": 0}}
        owner.put(workflow_id, graph_definition=mended)
        assert owner.get(f"{path}/retry?version=current")["version"] == 2
        answer, run = retried(owner, workflow_id, path, version="current")
        assert (answer["reused"], set(answer["run_again"])) == (["charge"], {"ship", "mail", "log"})
        assert (run["status"], run["version"]) == ("succeeded", 2)
        assert called(calls) == {"charge": 1, "ship": 1, "ship-by-air": 1, "mail": 1, "log": 1}

    def test_a_node_whose_input_comes_from_a_changed_one_runs_again(
        self, owner: Api, given: dict[str, Any], calls: list[Any]
    ) -> None:
        def drawn(customer: int) -> dict[str, Any]:
            return graph(
                [
                    node("who", "transform", {"value": customer}), ask("free", "free"),
                    node("charge", "http_request", {"url": "{% $input.base & '/charge-' & $nodes.who.output %}"}),
                    ask("stop", "stop?status=400&times=1"),
                ],
                edge("who", "charge"), edge("charge", "stop"), edge("free", "stop"),
            )  # fmt: skip

        workflow_id, path = failed(owner, drawn(1), given)
        owner.put(workflow_id, graph_definition=drawn(2))
        answer, run = retried(owner, workflow_id, path, version=2)
        assert (answer["reused"], run["status"]) == (["free"], "succeeded")
        assert called(calls) == {"charge-1": 1, "charge-2": 1, "free": 1, "stop": 2}

    def test_a_retry_setting_changes_no_meaning(self, owner: Api, given: dict[str, Any]) -> None:
        workflow_id, path = failed(owner, ORDER, given)
        changed = graph([dict(each) for each in ORDER["nodes"]], *ORDER["edges"])
        changed["nodes"][0]["data"] = changed["nodes"][0]["data"] | {"retry": {"max_attempts": 5}, "label": "Charge!"}
        owner.put(workflow_id, graph_definition=changed)
        assert owner.get(f"{path}/retry?version=2")["reused"] == ["charge"]


class TestRefusals:
    def test_what_did_not_fail_can_not_be_retried(self, owner: Api) -> None:
        workflow_id = owner.create(graph([node("a")]))["id"]
        run = owner.ended(workflow_id, owner.execute(workflow_id)["id"])
        assert refusal(owner.send("POST", f"/{workflow_id}/runs/{run['id']}/retry"), 409) == "it succeeded"
        workflow_id = owner.create(graph([node("nap", "wait", {"seconds": 600})]))["id"]
        path = f"/{workflow_id}/runs/{owner.execute(workflow_id)['id']}"
        assert refusal(owner.send("POST", f"{path}/retry"), 409) == "it goes on; cancel it first"
        owner.send("POST", f"{path}/cancel")

    def test_one_retry_at_a_time_and_the_same_one_for_a_key(self, owner: Api, given: dict[str, Any]) -> None:
        drawn = graph([ask("once", "once?status=400&times=1"), node("nap", "wait", {"seconds": 600})],
                      edge("once", "nap"))  # fmt: skip
        _, path = failed(owner, drawn, given)
        first = owner.send("POST", f"{path}/retry", {}, **{"Idempotency-Key": "k"})
        assert first.status == 202
        assert owner.send("POST", f"{path}/retry", {}, **{"Idempotency-Key": "k"}).body["id"] == first.body["id"]
        assert first.body["id"] in refusal(owner.send("POST", f"{path}/retry"), 409, whole=True)
        assert owner.send("POST", f"{path.rpartition('/')[0]}/{first.body['id']}/cancel").status == 200

    def test_what_a_retry_of_a_retry_does_is_not_done_twice(self, owner: Api, given: dict[str, Any]) -> None:
        drawn = graph([ask("twice", "twice?status=400&times=2"), node("nap", "wait", {"seconds": 600})],
                      edge("twice", "nap"))  # fmt: skip
        workflow_id, path = failed(owner, drawn, given)
        _, again = retried(owner, workflow_id, path)
        last = owner.send("POST", f"/{workflow_id}/runs/{again['id']}/retry").body["id"]
        assert last in refusal(owner.send("POST", f"{path}/retry"), 409, whole=True)
        owner.send("POST", f"/{workflow_id}/runs/{last}/cancel")

    def test_a_key_stands_for_what_was_sent(self, owner: Api, given: dict[str, Any]) -> None:
        """Also where another version is the current one when it is sent again."""
        workflow_id, path = failed(owner, ORDER, given)
        body, key = {"version": "current"}, {"Idempotency-Key": "k"}
        first = owner.send("POST", f"{path}/retry", body, **key)
        owner.put(workflow_id, graph_definition=graph([node("x")]))
        second = owner.send("POST", f"{path}/retry", body, **key)
        assert (second.status, second.body["id"]) == (202, first.body["id"])

    def test_one_that_is_to_be_skipped_is_there_and_says_so(self, owner: Api, given: dict[str, Any]) -> None:
        skipping = {"settings": {"overlap": "skip"}}
        workflow_id, path = failed(owner, ORDER | skipping, given)
        owner.put(workflow_id, graph_definition=graph([node("nap", "wait", {"seconds": 600})]) | skipping)
        other = owner.execute(workflow_id)["id"]
        answer = owner.send("POST", f"{path}/retry")
        assert (answer.status, answer.body["status"]) == (202, "cancelled")
        assert statuses(answer.body) == {"charge": "succeeded", "ship": "cancelled", "mail": "cancelled"}
        owner.send("POST", f"/{workflow_id}/runs/{other}/cancel")

    def test_a_version_that_is_not_there(self, owner: Api, given: dict[str, Any]) -> None:
        _, path = failed(owner, ORDER, given)
        assert owner.send("POST", f"{path}/retry", {"version": 9}).status == 404
        assert owner.send("GET", f"{path}/retry?version=x").status == 400
        assert owner.send("POST", f"{path}/retry", {"version": "newest"}).status in (400, 422)


def refusal(answer: Answer, status: int, *, whole: bool = False) -> str:
    assert answer.status == status, answer
    detail = str(answer.body["detail"])
    return detail if whole else detail.partition("can't be retried: ")[2]
