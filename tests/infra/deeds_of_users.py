"""What users make the Lambda of the API do, and their runs the one behind Step Functions."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Iterable
from typing import Any

from chalicelib.nodes import node_types
from tests.client import edge, graph, node, poll
from tests.containers import deployed_with
from tests.e2e.test_webhooks import ask, hooked

from .installation import Installation, asks_someone, console, fresh, id_of, secret_of_account
from .policies import TOKEN_SECRET


def runs_are_started_cancelled_and_retried(it: Installation) -> None:
    path = it.start(graph([node(fresh(), "wait", {"seconds": 600})]))
    it.cancel(path)
    retried = it.api.send("POST", f"{path}/retry", {})
    assert retried.status == 202, retried
    it.cancel(f"/{retried.body['workflow_id']}/runs/{retried.body['id']}")


def someone_decides(it: Installation) -> None:
    path = it.start(graph([asks_someone()]), waiting=1)
    it.decide(path, "ok")
    it.end(path)


def secrets_come_and_go(it: Installation) -> None:
    """Between them someone deletes one in the console, where it waits for its deletion."""
    for value in ("one", "two"):
        it.store("key", value)
    name = f"stepgraph/{it.api.workspace_id}/key"
    console("secretsmanager").delete_secret(SecretId=name, RecoveryWindowInDays=7)
    it.store("key", "three")
    assert it.api.of("secrets").send("DELETE", "/key").status == 204


def a_signed_request_starts_a_run(it: Installation) -> None:
    it.store("signs", "its key")
    url = it.api.create(hooked(hmac={"secret": "signs"}))["webhook"]["url"]
    answer = ask(url, raw=b"{}", **{"X-Signature": hmac.digest(b"its key", b"{}", "sha256").hex()})
    assert answer.status == 202, answer


def nodes_are_tried(it: Installation) -> None:
    it.store("tried", "value")
    with it.targets() as targets:
        for node_type, config in [*targets, ("transform", {"value": "{% $secrets.tried %}"})]:
            answer = it.api.send("POST", "/nodes/test", {"node": node("tried", node_type, config)})
            assert (answer.status, answer.body["status"]) == (200, "succeeded"), answer


def tokens_are_read_with_the_secret_of_the_account(it: Installation) -> None:
    with (
        secret_of_account(TOKEN_SECRET, it.stack.jwt_secret) as arn,
        deployed_with(jwt_secret=None, jwt_secret_arn=arn),
    ):
        it.api.get()


def nodes_of_every_type_run(it: Installation) -> None:
    inner = it.api.create(graph([node(fresh())]))["id"]
    it.store("sent", "value")
    with it.targets() as targets:
        drawn = _everything(f"{it.upstream.base}/policies/asked", inner, targets)
        assert {each["type"] for each in drawn["nodes"]} == set(node_types())
        path = it.execute(it.api.create(drawn)["id"])
        poll(lambda: it.api.get(path)["node_results"]["ok"]["status"] == "waiting")
        it.decide(path, "ok")
        run = it.end(path)
    ended = {node_id: each["status"] for node_id, each in run["node_results"].items()}
    assert {node_id for node_id, status in ended.items() if status != "succeeded"} == {"no"}, ended


def _everything(url: str, inner: str, targets: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    behind = [
        node("asked", "http_request", {"url": url, "headers": {"X-Key": "{% $secrets.sent %}"}}),
        node("is", "condition", {"expression": True}),
        node("which", "switch", {"value": "a", "cases": ["a"]}),
        node("nap", "wait", {"seconds": 0}),
        node("each", "for_each", {"items": [1, 2]}),
        node("sub", "sub_workflow", {"workflow_id": inner}),
        asks_someone(),
        *(node(f"reached {number}", kind, config) for number, (kind, config) in enumerate(targets)),
    ]
    nodes = [node("start", "trigger"), *behind, node("no", "fail", {"message": "no"})]
    nodes.append(node("inside") | {"parentId": "each"})
    return graph(nodes, *(edge("start", each["id"]) for each in behind), edge("which", "no", "default"))


def the_end_of_a_run_lets_the_one_go_on_that_started_it(it: Installation) -> None:
    path = it.start(starts_another(it), waiting=1)
    it.decide(it.child(path), "ok")
    it.end(path)


def the_failure_of_a_run_ends_those_that_it_started(it: Installation) -> None:
    drawn = starts_another(it)
    drawn["nodes"] += [asks_someone("sure"), node("no", "fail", {"message": "no"})]
    drawn["edges"].append(edge("sure", "no", "rejected"))
    path = it.start(drawn, waiting=2)
    child = it.child(path)
    it.decide(path, "sure", "rejected")
    it.end(path, "failed")
    it.end(child, "cancelled")


def starts_another(it: Installation) -> dict[str, Any]:
    """A graph with a node that runs a workflow in which someone is asked."""
    then = fresh()
    inner = it.api.create(graph([asks_someone(), node(then)], edge("ok", then, "approved")))
    return graph([node("sub", "sub_workflow", {"workflow_id": inner["id"]})])


def items_run_in_executions_of_their_own(it: Installation) -> None:
    """The Task that waits for them is tried again while they run, by another token."""
    tried = {"max_attempts": 50}
    inside = [node(fresh(), "http_request", {"url": it.upstream.base}, retry=tried) for _ in range(5)]
    links = [edge("ok", each["id"], "approved") for each in inside]
    items = [each | {"parentId": "each"} for each in (asks_someone(), *inside)]
    each = node("each", "for_each", {"items": "{% $input %}", "max_concurrency": 1})
    workflow = it.api.create(graph([each, *items], *links))
    count = workflow["certificate"]["containers"]["each"]["items_in_its_execution"] + 1
    path = it.execute(workflow["id"], list(range(count)))
    (waiting,) = poll(lambda: it.rows(WAITING_FOR_ITEMS, id=id_of(path)))
    again = {key: str(value) for key, value in waiting.items()} | {"token": uuid.uuid4().hex}
    it.call("run_unit", again | {"items": {"for_each": "each"}})
    it.cancel(path)


WAITING_FOR_ITEMS = """
    SELECT r.id AS run_id, v.id AS version_id, g.path, g.waiting_execution AS execution
    FROM workflow_run_gates g
    JOIN workflow_runs r ON r.id = g.run_id
    JOIN workflow_versions v ON v.workflow_id = r.workflow_id AND v.version = r.version
    WHERE r.id = %(id)s AND g.items_execution_arn IS NOT NULL
"""

DEEDS = (
    runs_are_started_cancelled_and_retried,
    someone_decides,
    secrets_come_and_go,
    a_signed_request_starts_a_run,
    nodes_are_tried,
    tokens_are_read_with_the_secret_of_the_account,
    nodes_of_every_type_run,
    the_end_of_a_run_lets_the_one_go_on_that_started_it,
    the_failure_of_a_run_ends_those_that_it_started,
    items_run_in_executions_of_their_own,
)
