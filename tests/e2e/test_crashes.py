"""The process dies at every step of start, unit, gate, settle, resume and cancel; what was accepted ends well."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from chalicelib.bootstrap import services
from chalicelib.runs.gates import GateRepository
from chalicelib.runs.reconciler import Reconciler
from chalicelib.runs.state import NewRun
from local import clock, moto_corrections
from local.stack import Stack
from tests.client import Api, edge, graph, node, poll, statuses
from tests.e2e.test_run import ask
from tests.faults import Crash, Fate, FaultyLambda, FaultyServices, working
from tests.upstream import Upstream

REQUEST = graph([ask("a", "a?sleep=1"), node("b")], edge("a", "b"))
LETTER_N = graph([ask(name, name) for name in "abcd"], edge("a", "c"), edge("b", "c"), edge("b", "d"))
ITEMS = graph(
    [
        node("nap", "wait", {"seconds": 0.1}),
        node("each", "for_each", {"items": [1, 2]}),
        ask("get", "get-{% $item %}") | {"parentId": "each"},
        node("way", "condition", {"expression": "{% $count($nodes.each.output) = 2 %}"}),
        ask("yes", "yes"),
        ask("no", "no"),
    ],
    edge("nap", "each"), edge("each", "way"), edge("way", "yes", "true"), edge("way", "no", "false"),
)  # fmt: skip
INNER = graph(
    [node("inner", "http_request", {"url": "{% $input.base %}/inner", "headers": {"X-Run": "{% $input.parent %}"}})]
)
SUB = graph(
    [
        node("sub", "sub_workflow", {"workflow_id": "{% $input.inner %}", "input": {
            "base": "{% $input.base %}", "fate": "{% $input.fate %}", "parent": "{% $run.id %}"}}),
        ask("b", "b"),
    ],
    edge("sub", "b"),
)  # fmt: skip
DRAWN = {"request": REQUEST, "gates": LETTER_N, "items": ITEMS, "sub": SUB}
MUST_DIE_AT = {
    "request": ("before start_execution", "after start_execution", "before GET", "after GET"),
    "gates": ("INSERT INTO workflow_run_gates", "before send_task_success", "after send_task_success"),
    "items": ("INSERT INTO workflow_run_items", "UPDATE workflow_run_items", "UPDATE workflow_runs SET status"),
    "sub": ("INSERT INTO workflow_runs", "SELECT g.run_id, g.gate", "after send_task_success"),
}


class Workers:
    """Workers that die when a test says so, in place of those of the stack."""

    def __init__(self, owner: Api, drawn: dict[str, Any], given: dict[str, Any]) -> None:
        self.services = FaultyServices(services().settings)
        self.function = FaultyLambda(self.services)
        self.owner = owner
        self.given = given
        workflow = owner.create(drawn)
        self.workflow_id, self.user = workflow["id"], UUID(workflow["created_by"])

    def accept(self, fate: Fate) -> str:
        """A run whose workers have this fate, the one that accepts it among them."""
        key = uuid.uuid4().hex
        self.function.fates[key] = fate
        run_input = self.given | {"fate": key}
        new = NewRun(run_input, "manual", self.user, key)
        try:
            with working(fate):
                self.services.runs.execute(UUID(self.owner.workspace_id), UUID(self.workflow_id), new)
        except Crash:
            pass  # whoever asked got no answer, and asks again
        path, header = f"/{self.workflow_id}/execute", {"Idempotency-Key": key}
        answer = self.owner.send("POST", path, {"input": run_input}, **header)
        assert answer.status == 202, answer
        return str(answer.body["id"])


@pytest.fixture
def given(owner: Api, upstream: Any) -> dict[str, Any]:
    return {"base": f"{upstream.base}/{owner.workspace_id}", "inner": owner.create(INNER)["id"]}


@pytest.fixture
def workers(owner: Api, given: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[Workers]:
    found = Workers(owner, request.param, given)
    undo = moto_corrections.run_lambdas_with(found.function)
    yield found
    undo()
    found.services.database.close()


def called(calls: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """How often each run called what."""
    found: dict[str, Counter[str]] = {}
    for call in calls:
        found.setdefault(call["headers"]["x-run"], Counter())[call["path"].rpartition("/")[2]] += 1
    return found


def with_run_header(drawn: dict[str, Any]) -> dict[str, Any]:
    for each in drawn["nodes"]:
        if each["type"] == "http_request":
            each["data"]["config"]["headers"] = {"X-Run": "{% $run.id %}"}
    return drawn


@pytest.mark.parametrize(
    ("kind", "workers"),
    [(kind, with_run_header(drawn)) for kind, drawn in DRAWN.items()],
    indirect=["workers"],
    ids=list(DRAWN),
)
def test_a_worker_that_dies_at_any_step_of_a_run(
    kind: str, workers: Workers, calls: list[dict[str, Any]], pytestconfig: pytest.Config
) -> None:
    healthy = Fate()
    model = workers.owner.ended(workers.workflow_id, workers.accept(healthy))
    assert all(any(step.startswith(known) for step in healthy.steps) for known in MUST_DIE_AT[kind])
    usual = called(calls)[model["id"]]
    every = 1 if pytestconfig.getoption("--all") else 2
    fates = [Fate(dies_at) for dies_at in range(1, len(healthy.steps) + 1, every)]
    runs = [workers.accept(fate) for fate in fates]
    services().reconciler.run(everything=True)
    for fate, run_id in zip(fates, runs, strict=True):
        run = workers.owner.ended(workers.workflow_id, run_id)
        died = fate.steps[fate.dies_at - 1] if len(fate.steps) >= fate.dies_at else "nowhere"
        assert (run["status"], statuses(run)) == ("succeeded", statuses(model)), died
        made = called(calls)[run_id]
        assert made.keys() == usual.keys(), died
        assert sum(made.values()) <= sum(usual.values()) + 1, (died, made)
        if "before GET" not in fate.steps[: fate.dies_at]:
            assert made == usual, died
        tries = {node_id: result["attempts"] for node_id, result in run["node_results"].items()}
        assert all(count <= attempts(tries, path) for path, count in made.items()), (died, made, tries)
    assert len(set(runs)) == len(fates)


def attempts(tries: dict[str, int], path: str) -> int:
    """Of a node, or of the items of one, which are at `get-<item>`; those of the run inside are told there."""
    return tries.get(path.partition("-")[0], tries.get("sub", 0) + 1)


class Lost:
    """A run that waits, with its execution taken away as if the platform had lost it."""

    def __init__(self, workers: Workers, calls: list[Any]) -> None:
        self.run_id = workers.accept(Fate())
        self.path = f"/{workers.workflow_id}/runs/{self.run_id}"
        self.owner = workers.owner
        poll(lambda: (now := statuses(self.get()))["nap"] == "waiting" and now["a"] == "succeeded")
        assert [call["path"].rpartition("/")[2] for call in calls] == ["a"]
        self.until = self.get()["node_results"]["nap"]["output"]["until"]
        self.arn = str(self.get()["execution_arn"])
        with services().database.connection() as connection:
            connection.execute(
                "UPDATE workflow_runs SET execution_arn = execution_arn || '-lost' WHERE id = %s", [self.run_id]
            )

    def stop(self) -> None:
        services().step_functions.stop(self.arn)

    def get(self) -> dict[str, Any]:
        found: dict[str, Any] = self.owner.get(self.path)
        return found


WAITING = graph([ask("a", "a"), node("nap", "wait", {"seconds": 2}), ask("b", "b")], edge("a", "nap"), edge("nap", "b"))


@pytest.mark.parametrize("workers", [WAITING], indirect=True)
def test_a_reconciler_that_dies_at_any_step_of_a_resumption(workers: Workers, calls: list[dict[str, Any]]) -> None:
    lost = Lost(workers, calls)
    lost.stop()
    faulty: Reconciler = workers.services.reconciler
    fate = Fate(0)
    for dies_at in range(1, 30):
        fate = Fate(dies_at)
        try:
            with working(fate):
                faulty.look_at(UUID(lost.run_id))
        except Crash:
            continue
        break
    assert "after start_execution" in fate.steps or "before describe_execution" in fate.steps
    services().reconciler.run(everything=True)
    run = lost.owner.ended(workers.workflow_id, lost.run_id)
    assert (run["status"], len(calls)) == ("succeeded", 2)
    assert run["node_results"]["nap"]["output"]["until"] == lost.until
    assert run["node_results"]["nap"]["completed_at"] >= lost.until
    resumed = [entry for entry in run["history"] if entry["event"] == "resumed"]
    assert [entry["reason"] for entry in resumed] == ["its execution was gone"]


AT_A_GATE = graph(
    [ask("a", "a"), node("nap", "wait", {"seconds": 600}), ask("c", "c"), ask("d", "d")],
    edge("a", "c"), edge("nap", "c"), edge("nap", "d"),
)  # fmt: skip


@pytest.mark.parametrize("workers", [AT_A_GATE], indirect=True)
def test_a_resumption_that_is_not_written_down_keeps_its_gates(workers: Workers, calls: list[dict[str, Any]]) -> None:
    """Its execution has come to its gate when the reconciler, which died before, finds the run lost once more."""
    lost, fate = Lost(workers, calls), Fate()
    run_id = UUID(lost.run_id)
    tokens = poll(lambda: tokens_of(run_id))
    fate.always_dies_at = "after start_execution"
    with pytest.raises(Crash), working(fate):
        workers.services.reconciler.look_at(run_id)
    resumed = poll(lambda: (now := tokens_of(run_id)) and now != tokens and now)
    services().reconciler.look_at(run_id)
    assert tokens_of(run_id) == resumed
    assert [entry["event"] for entry in lost.get()["history"]].count("resumed") == 1
    lost.owner.send("POST", f"{lost.path}/cancel")
    lost.stop()


def tokens_of(run_id: UUID) -> list[str]:
    with services().database.connection() as connection:
        return [gate.token for gate in GateRepository(connection).list_all(run_id)]


NAPPING = graph(
    [ask("a", "a"), node("nap", "wait", {"seconds": 600}), ask("b", "b")], edge("a", "nap"), edge("nap", "b")
)


@pytest.mark.parametrize("workers", [NAPPING], indirect=True)
def test_a_cancel_that_dies_at_any_step_is_made_or_is_not(workers: Workers, pytestconfig: pytest.Config) -> None:
    for dies_at in range(1, 100, 1 if pytestconfig.getoption("--all") else 2):
        run_id, fate = UUID(workers.accept(Fate())), Fate(dies_at)
        path = f"/{workers.workflow_id}/runs/{run_id}"
        poll(lambda path=path: statuses(workers.owner.get(path))["nap"] == "waiting")
        ids = UUID(workers.owner.workspace_id), UUID(workers.workflow_id), run_id
        try:
            with working(fate):
                workers.services.runs.cancel(*ids, workers.user, None)
        except Crash:
            services().reconciler.run(everything=True)
        run = workers.owner.get(path)
        if run["status"] != "cancelled":
            assert run["status"] == "running"
            assert workers.owner.send("POST", f"{path}/cancel").status == 200
        assert statuses(workers.owner.get(path)) == {"a": "succeeded", "nap": "cancelled", "b": "cancelled"}
        poll(lambda arn=str(run["execution_arn"]): not services().step_functions.is_running(arn))
        if len(fate.steps) < dies_at:
            break
    assert "after stop_execution" in fate.steps


class TestEvents:
    """What Step Functions tells of executions may be lost, doubled and out of order."""

    def test_an_execution_stopped_by_hand_cancels_its_run_and_says_so(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(graph([node("nap", "wait", {"seconds": 600})]))["id"]
        path = f"/{workflow_id}/runs/{owner.execute(workflow_id)['id']}"
        arn = str(poll(lambda: owner.get(path)["execution_arn"]))
        services().step_functions.stop(arn)
        run = owner.ended(workflow_id, path.rpartition("/")[2])
        assert (run["status"], statuses(run)) == ("cancelled", {"nap": "cancelled"})
        assert run["error_message"].startswith("its execution was stopped in Step Functions")
        for status in ("SUCCEEDED", "FAILED", "ABORTED"):
            stack.app.handler_map["execution_status"](status_event(run, status), None)
        assert owner.get(path) == run

    def test_an_event_of_an_execution_that_goes_on_changes_nothing(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(graph([node("nap", "wait", {"seconds": 600})]))["id"]
        path = f"/{workflow_id}/runs/{owner.execute(workflow_id)['id']}"
        run = poll(lambda: (now := owner.get(path))["status"] == "running" and now)
        for status in ("FAILED", "TIMED_OUT", "SUCCEEDED"):
            stack.app.handler_map["execution_status"](status_event(run, status), None)
        assert owner.get(path)["status"] == "running"
        owner.send("POST", f"{path}/cancel")

    def test_events_of_others_are_passed_over(self, stack: Stack) -> None:
        run = {"id": "someone-elses", "execution_arn": "arn:aws:states:us-east-1:123456789012:execution:x:y"}
        stack.app.handler_map["execution_status"](status_event(run, "FAILED"), None)


def status_event(run: dict[str, Any], status: str) -> dict[str, Any]:
    detail = {"executionArn": run["execution_arn"], "name": run["id"], "status": status}
    return clock.event("aws.states", "Step Functions Execution Status Change", detail)


class TestBrokenPlatform:
    SLOW_N = graph([ask("a", "a?held=1"), *LETTER_N["nodes"][1:]], *LETTER_N["edges"])

    @pytest.mark.parametrize("workers", [SLOW_N], indirect=True)
    def test_a_gate_that_no_one_opened_is_opened_by_the_reconciler(self, workers: Workers, upstream: Upstream) -> None:
        """Whoever should have opened it died, and so did all who tried again: the calls answer as if they had."""
        fate = Fate(always_dies_at="before send_task_success")
        run_id = workers.accept(fate)
        path = f"/{workers.workflow_id}/runs/{run_id}"
        poll(lambda: tokens_of(UUID(run_id)) and statuses(workers.owner.get(path))["d"] == "succeeded")
        upstream.let_go[f"/{workers.owner.workspace_id}/a"].set()
        poll(lambda: fate.unnoticed)
        assert workers.owner.get(path)["status"] == "running"
        fate.always_dies_at = None
        services().reconciler.run(everything=True)
        run = workers.owner.ended(workers.workflow_id, run_id)
        assert run["status"] == "succeeded"
        events = [entry["event"] for entry in run["history"]]
        assert sorted(events) == ["accepted", "mended", "started", "succeeded"]  # it may end before it is told why

    @pytest.mark.parametrize("workers", [SUB], indirect=True)
    def test_a_parent_that_no_one_told_is_told_by_the_reconciler(self, workers: Workers, upstream: Upstream) -> None:
        inner = workers.owner.create(graph([ask("inner", "inner?held=1")]))["id"]
        workers.given["inner"] = inner
        fate = Fate(always_dies_at="before send_task_success")
        run_id = workers.accept(fate)
        path = f"/{workers.workflow_id}/runs/{run_id}"
        poll(lambda: tokens_of(UUID(run_id)))
        upstream.let_go[f"/{workers.owner.workspace_id}/inner"].set()
        poll(lambda: fate.unnoticed)
        run = workers.owner.get(path)
        assert (run["status"], [child["status"] for child in run["children"]]) == ("running", ["succeeded"])
        fate.always_dies_at = None
        services().reconciler.run(everything=True)
        assert workers.owner.ended(workers.workflow_id, run_id)["status"] == "succeeded"
