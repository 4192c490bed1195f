"""Events delivered by hand: in any order, twice, at once, after a crash.

Whatever comes, a gate is opened when it may be and not before, and what failed stays failed. What Step Functions would
be told is read where boto3 sends it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.bootstrap import services
from chalicelib.compiler.asl import emit
from chalicelib.compiler.settings import RunSettings
from chalicelib.errors import UnavailableError
from chalicelib.execution.verdicts import NodeFailed, RunEnded
from chalicelib.runs.repository import RunRepository
from chalicelib.runs.state import NewRun
from tests.client import Api, edge, graph, node

LETTER_N = graph(
    [node(name, retry={"max_attempts": 2}) for name in "abcd"], edge("a", "c"), edge("b", "c"), edge("b", "d")
)
EVENTS = ("a", "b", "d", "gate")


class Sent(list[str]):
    """The tokens that Step Functions was sent; `failures` of the next sendings fail."""

    failures = 0


@pytest.fixture(autouse=True)
def none_goes_on(owner: Api) -> Iterator[None]:
    """No run is left that a reconciler would look for an execution of, at each of its passes."""
    yield
    with services().database.connection() as connection:
        connection.execute("DELETE FROM workflow_runs WHERE workspace_id = %s", (owner.workspace_id,))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    tokens = Sent()
    call = BaseClient._make_api_call  # noqa: SLF001 - the seam that all of boto3 goes through

    def record(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation != "SendTaskSuccess" or not parameters["taskToken"].startswith("by hand"):
            return call(client, operation, parameters)
        if tokens.failures:
            tokens.failures -= 1
            raise EndpointConnectionError(endpoint_url="https://states.example.com")
        tokens.append(parameters["taskToken"])
        return {}

    monkeypatch.setattr(BaseClient, "_make_api_call", record)
    return tokens


class ByHand:
    """A run without an execution: its events are delivered by the test."""

    def __init__(self, owner: Api, drawn: dict[str, Any] = LETTER_N) -> None:
        workflow = owner.create(drawn)
        workspace_id = UUID(owner.workspace_id)
        version = services().workflows.current_version(workspace_id, UUID(workflow["id"]))
        new = NewRun({}, "manual", UUID(workflow["created_by"]))
        with services().database.connection() as connection:
            run_id = RunRepository(connection).insert(workspace_id, version, new, RunSettings())
            assert run_id
            RunRepository(connection).mark_started(run_id, "by hand", 1, None)  # so that no one else starts it
        self.scope = {"run_id": str(run_id), "version_id": str(version["id"]), "path": ""}
        self.states = states(emit(services().workflows.plan(version["id"]), "run_unit").definition)
        self.arrivals = 0

    def deliver(self, event: str) -> None:
        payload = self.states["Gate" if event == "gate" else event]["Parameters"]["Payload"]
        kind = "gate" if event == "gate" else "unit"
        told = self.scope | {kind: payload[kind]}
        if event == "gate":
            self.arrivals += 1
            told["token"] = f"by hand {self.scope['run_id']} {self.arrivals}"
        services().runner.handle(told)

    def repeat(self, state: str, **more: Any) -> None:
        """Deliver what a state sends, with what only the interpreter knows."""
        payload = self.states[state]["Parameters"]["Payload"]
        told = {key: value for key, value in payload.items() if not key.endswith(".$")}
        services().runner.handle(self.scope | told | more)


def states(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, state in definition["States"].items():
        found[name] = state
        for branch in (*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])):
            found |= states(branch)
    return found


@settings(
    deadline=None, derandomize=True, database=None, max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.lists(st.sampled_from(EVENTS), max_size=6), st.permutations(EVENTS))
def test_in_any_order_and_any_number_of_times(owner: Api, sent: Sent, before: list[str], rest: list[str]) -> None:
    run = ByHand(owner)
    sent.clear()
    delivered: set[str] = set()
    for event in [*before, *rest]:
        if event == "d" and "b" not in delivered:
            continue
        run.deliver(event)
        delivered.add(event)
        may_open = {"a", "b", "gate"} <= delivered
        assert bool(sent) == may_open
        if may_open:
            assert f"by hand {run.scope['run_id']} {run.arrivals}" in sent


def test_at_the_same_time(owner: Api, sent: Sent) -> None:
    for _ in range(20):
        run = ByHand(owner)
        sent.clear()
        threads = [threading.Thread(target=run.deliver, args=(event,)) for event in ("a", "gate", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sent


def test_the_same_call_at_the_same_time_twice_ends_well_twice(owner: Api) -> None:
    """A call may be made again while the first one still runs, and neither may take the other for the run's end."""
    ended: list[str] = []

    def deliver(run: ByHand, event: str) -> None:
        run.deliver(event)
        ended.append(event)

    for _ in range(20):
        run = ByHand(owner)
        threads = [threading.Thread(target=deliver, args=(run, event)) for event in ("a", "a", "b", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(ended) == 80


def test_a_sending_that_failed_is_made_again_by_the_next_call(owner: Api, sent: Sent) -> None:
    run = ByHand(owner)
    run.deliver("gate")
    run.deliver("a")
    sent.failures = 1
    with pytest.raises(UnavailableError):
        run.deliver("b")
    assert not sent
    run.deliver("b")
    assert len(sent) == 1


def test_a_gate_of_a_run_that_is_over_ends(owner: Api, sent: Sent) -> None:
    run = ByHand(owner)
    services().runner.handle(run.scope | {"for_each": None, "failure": {"Error": "States.Timeout"}})
    with pytest.raises(RunEnded):
        run.deliver("gate")
    assert not sent


def test_what_failed_fails_again_when_it_is_called_again(owner: Api) -> None:
    """The worker may have died between writing the failure down and telling of it."""
    failing = node("check", "transform", {"value": "{% $error('no') %}"})
    nodes = [node("each", "for_each", {"items": [1]}), failing | {"parentId": "each"}, node("after")]
    run = ByHand(owner, graph(nodes, edge("each", "after")))
    run.repeat("each")
    for _ in range(2):
        with pytest.raises(NodeFailed):
            run.repeat("each batch", batch={"for_each": "each", "first": 0})
        with pytest.raises(NodeFailed):
            run.repeat("after")
