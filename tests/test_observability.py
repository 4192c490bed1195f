"""What real runs and requests leave in the log: events with their ids, metrics as CloudWatch takes them, no secrets."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chalicelib.bootstrap import services
from chalicelib.observability import MAX_VALUES, about, also, logger, measure
from local.stack import Stack
from tests.client import Api, edge, graph, node, poll

ROOT = Path(__file__).parents[1]
Lines = list[dict[str, Any]]


@pytest.fixture
def told(stack: Stack, stack_folder: Path) -> Callable[..., Lines]:  # noqa: ARG001 - it writes the log
    """The lines of the log since the test began that have these fields."""
    log = stack_folder / "log"
    begin = log.stat().st_size

    def lines(**fields: Any) -> Lines:
        with log.open("rb") as file:
            file.seek(begin)
            found = [json.loads(line) for line in file.read().decode().splitlines()]
        return [line for line in found if fields.items() <= line.items()]

    return lines


def metrics(lines: Lines, name: str) -> Lines:
    """The lines that are this metric, after a look at their form (CloudWatch's Embedded Metric Format)."""
    found = [line for line in lines if "_aws" in line and name in line]
    for line in found:
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert abs(line["_aws"]["Timestamp"] / 1000 - datetime.now(UTC).timestamp()) < 300
        assert directive["Namespace"] == "Stepgraph"
        assert [metric["Name"] for metric in directive["Metrics"]] == [name]
        assert directive["Metrics"][0]["Unit"] in ("Count", "Seconds")
        [dimensions] = directive["Dimensions"]
        assert "service" in dimensions
        assert all(isinstance(line[dimension], str) for dimension in dimensions)
        assert all(isinstance(value, float) for value in line[name])
        assert len(line[name]) <= 100
    return found


def test_a_run_that_succeeds_is_counted_and_its_nodes_are_timed(owner: Api, told: Callable[..., Lines]) -> None:
    drawn = graph([node("a"), node("nap", "wait", {"seconds": 1}), node("b")], edge("a", "nap"), edge("nap", "b"))
    run = owner.run(drawn)
    lines = told(run_id=run["id"])
    [started] = metrics(lines, "RunsStarted")
    assert (started["RunsStarted"], started["workflow_id"]) == ([1.0], run["workflow_id"])
    [ended] = metrics(lines, "RunsEnded")
    assert (ended["RunsEnded"], ended["status"]) == ([1.0], "succeeded")
    assert ended["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["status", "service"]]
    assert ended["workspace_id"] == owner.workspace_id
    durations = metrics(lines, "NodeDuration")
    assert {line["node_type"] for line in durations} == {"transform"}  # what waits does nothing
    assert sum(len(line["NodeDuration"]) for line in durations) == 2
    events = [line["message"] for line in lines if "message" in line]
    assert events == ["run started", "run succeeded"]


def test_a_run_that_fails_says_which_node_and_a_cancelled_one_by_whom_it_was_asked(
    owner: Api, told: Callable[..., Lines]
) -> None:
    bad = node("ask", "http_request", {"url": "http://127.0.0.1:9/"}, retry={"max_attempts": 2})
    failed = owner.run(graph([bad]))
    lines = told(run_id=failed["id"])
    attempts = [line for line in lines if line.get("message") == "attempt failed"]
    assert [(line["node_id"], line["attempt"], line["code"]) for line in attempts] == [
        ("ask", 1, "connection_failed"), ("ask", 2, "connection_failed"),
    ]  # fmt: skip
    assert all(line["workspace_id"] == owner.workspace_id for line in attempts)
    assert [line["status"] for line in metrics(lines, "RunsEnded")] == ["failed"]

    workflow_id = owner.create(graph([node("nap", "wait", {"seconds": 600})]))["id"]
    run = owner.execute(workflow_id)
    assert owner.send("POST", f"/{workflow_id}/runs/{run['id']}/cancel", {}).status == 200
    [ended] = metrics(told(run_id=run["id"]), "RunsEnded")
    assert ended["status"] == "cancelled"
    assert ended["view"] == "cancel_run"


def test_a_run_that_is_undone_before_it_is_kept_is_not_counted(owner: Api, told: Callable[..., Lines]) -> None:
    """A second retry of a run: it would be skipped, and is refused."""
    drawn = graph([node("nap", "wait", {"seconds": 600})]) | {"settings": {"overlap": "skip"}}
    workflow_id = owner.create(drawn)["id"]
    run_path = f"/{workflow_id}/runs/{owner.execute(workflow_id)['id']}"
    assert owner.send("POST", f"{run_path}/cancel", {}).status == 200
    assert owner.send("POST", f"{run_path}/retry", {}).status == 202
    assert owner.send("POST", f"{run_path}/retry", {}).status == 409
    assert metrics(told(view="retry_run"), "RunsEnded") == []
    assert not [line for line in told(view="retry_run") if line.get("message") == "run ended early"]
    assert len(metrics(told(view="cancel_run"), "RunsEnded")) == 1


def test_a_gate_that_waits_is_counted(owner: Api, told: Callable[..., Lines]) -> None:
    nodes = [node(name, "wait", {"seconds": seconds}) for name, seconds in (("a", 0), ("b", 1), ("c", 0), ("d", 0))]
    run = owner.run(graph(nodes, edge("a", "c"), edge("b", "c"), edge("b", "d")))
    assert run["status"] == "succeeded"
    waited = metrics(told(run_id=run["id"]), "GatesWaited")
    assert [line["GatesWaited"] for line in waited] == [[1.0]]


def test_a_schedule_tells_how_late_it_fires(owner: Api, told: Callable[..., Lines]) -> None:
    workflow_id = owner.create(graph([node("a")]))["id"]
    assert owner.send("PUT", f"/{workflow_id}/schedule", {"cron": "* * * * *"}).status == 200
    early = timedelta(days=2)  # the stack's own clock fires, too, at its time
    minute = datetime.now(UTC).replace(second=0, microsecond=0) + early
    run_id = services().firing.fire(UUID(workflow_id), minute)
    assert owner.send("PUT", f"/{workflow_id}/schedule", {"enabled": False}).status == 200
    [lag] = metrics(told(run_id=str(run_id)), "ScheduleLag")
    assert (lag["workflow_id"], lag["workspace_id"]) == (workflow_id, owner.workspace_id)
    assert 0 <= lag["ScheduleLag"][0] + early.total_seconds() <= 120


def test_what_the_reconciler_mends_is_counted(owner: Api, told: Callable[..., Lines]) -> None:
    workflow_id = owner.create(graph([node("nap", "wait", {"seconds": 600})]))["id"]
    run = owner.execute(workflow_id)
    poll(lambda: owner.get(f"/{workflow_id}/runs/{run['id']}")["execution_arn"])
    services().step_functions.stop(owner.get(f"/{workflow_id}/runs/{run['id']}")["execution_arn"])
    services().reconciler.run(everything=True)
    assert owner.ended(workflow_id, run["id"])["status"] == "cancelled"
    mends = {line["what"] for line in metrics(told(), "ReconcilerMends")}
    by_event = [line for line in metrics(told(run_id=run["id"]), "RunsEnded") if line["status"] == "cancelled"]
    assert "cancelled" in mends or by_event  # an event of Step Functions may have told first


def test_a_request_is_told_once_with_its_ids(owner: Api, told: Callable[..., Lines]) -> None:
    workflow_id = owner.create(graph([node("a")]))["id"]
    owner.get(f"/{workflow_id}")
    owner.send("POST", f"/{workflow_id}/rollback", {"version": 7})
    served = told(message="request served", workspace_id=owner.workspace_id)
    assert [(line["view"], line["status"]) for line in served] == [
        ("create_workflow", 201), ("get_workflow", 200), ("rollback_workflow", 404),
    ]  # fmt: skip
    assert all(line["seconds"] >= 0 and line["request_id"] and line["user_id"] for line in served)
    assert len({line["request_id"] for line in served}) == 3


def test_no_secret_and_no_content_is_told(owner: Api, stack: Stack, told: Callable[..., Lines]) -> None:
    secret = "sk-never-in-a-log"
    ask = node("ask", "http_request", {"url": f"http://127.0.0.1:9/{secret}", "headers": {"Authorization": secret}})
    bad = node("bad", "transform", {"value": "{% $error('" + secret + "') %}"})
    for drawn in (graph([ask]), graph([bad]), graph([node("a", "fail", {"message": "{% $input.key %}"})])):
        owner.run(drawn, {"key": secret})
    owner.send("POST", "", raw=secret.encode())
    owner.send("POST", "", {"name": secret, "graph_definition": {"nodes": [{"id": secret}], "edges": []}})
    text = json.dumps(told())
    assert str(owner.token) not in text
    assert stack.jwt_secret not in text
    assert secret not in text


class TestIds:
    def test_they_hold_inside_and_not_after(self, told: Callable[..., Lines]) -> None:
        with about(run_id="r", path=None):
            logger.info("one")
            with about(node_id="n"):
                also(attempt=2)
                logger.info("two")
            logger.info("three")
        logger.info("four")
        found = {line["message"]: line for line in told() if line.get("message") in ("one", "two", "three", "four")}
        assert [found["one"].get(key) for key in ("run_id", "path", "node_id")] == ["r", None, None]
        assert [found["two"].get(key) for key in ("run_id", "node_id", "attempt")] == ["r", "n", "2"]
        assert [found["three"].get(key) for key in ("run_id", "node_id", "attempt")] == ["r", None, None]
        assert "run_id" not in found["four"]

    def test_many_values_are_several_lines(self, told: Callable[..., Lines]) -> None:
        measure("NodeDuration", *range(2 * MAX_VALUES + 1), node_type="test")
        lines = metrics(told(node_type="test"), "NodeDuration")
        assert [len(line["NodeDuration"]) for line in lines] == [MAX_VALUES, MAX_VALUES, 1]


REQUEST = {
    "requestContext": {"httpMethod": "GET", "resourcePath": "/health", "path": "/health"},
    "pathParameters": {},
    "headers": {},
    "multiValueQueryStringParameters": None,
    "stageVariables": None,
    "body": None,
}
ENDED = {
    **dict.fromkeys(("version", "id", "detail-type", "source", "account", "time", "region"), ""),
    "resources": [],
    "detail": {"name": "of someone else", "status": "SUCCEEDED"},
}
CALL = """
import json, sys
from importlib import import_module
module, _, name = sys.argv[1].rpartition(".")
class Context: function_name, aws_request_id = "f", "one"
getattr(import_module(module), name)(json.loads(sys.argv[2]), Context())
print("aws_xray_sdk" in sys.modules)
"""


def call(stack: Stack, handler: str, event: dict[str, Any], **settings: str) -> list[str]:
    """Calls a handler in a process of its own, by its name alone, as Lambda does."""
    kept = {name: os.environ[name] for name in ("PATH", "JWT_SECRET", "AWS_REGION", "AWS_ACCOUNT_ID")}
    needed = {"RUN_UNIT_FUNCTION": "f", "STATE_MACHINE_ROLE_ARN": "r", "SCHEDULE_TRIGGER_FUNCTION": "s"}
    done = subprocess.run(
        [sys.executable, "-c", CALL, handler, json.dumps(event)],
        cwd=ROOT,
        env={**kept, **needed, "DATABASE_URL": stack.database_url, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("handler", "event"), [("app.app", REQUEST), ("chalicelib.runs.routes.execution_status", ENDED)]
)
class TestTraces:
    def test_none_is_made_and_nothing_loaded_for_it_unless_asked_for(
        self, handler: str, event: dict[str, Any], stack: Stack
    ) -> None:
        assert call(stack, handler, event)[-1] == "False"

    def test_one_goes_to_x_ray_where_asked_for(self, handler: str, event: dict[str, Any], stack: Stack) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.bind(("127.0.0.1", 0))
            daemon.settimeout(10)
            told = call(
                stack,
                handler,
                event,
                TRACE="true",
                LAMBDA_TASK_ROOT="/var/task",
                _X_AMZN_TRACE_ID="Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
                AWS_XRAY_DAEMON_ADDRESS=f"127.0.0.1:{daemon.getsockname()[1]}",
            )
            assert told[-1] == "True"
            segment = json.loads(daemon.recv(65536).decode().partition("\n")[2])
        assert segment["trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
        assert segment["name"].startswith("## ")
