"""What the reconciler mends: executions that ended without their runs, items no one runs, runs no one started."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from chalicelib.aws.step_functions import StepFunctions
from chalicelib.bootstrap import Services, services
from chalicelib.compiler.asl import Emission
from chalicelib.errors import UnavailableError
from chalicelib.runs.repository import RunRepository
from chalicelib.runs.state import NewRun
from local.account import ACCOUNT, REGION
from local.stack import Stack
from tests.client import Api, edge, graph, node, poll, statuses
from tests.e2e.test_run import ask

ENDS = {
    "SUCCEEDED": {"Type": "Succeed"},
    "FAILED": {"Type": "Fail", "Error": "States.Runtime", "Cause": "no such path"},
}

NOWHERE = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:stepgraph-none:none"
"""An execution that there never was."""


class AwayStepFunctions(StepFunctions):
    def start_run(self, *_: Any) -> str:
        raise UnavailableError("Step Functions does not take it now")


def without_execution(owner: Api, drawn: dict[str, Any]) -> str:
    """The path of a run that was accepted while Step Functions was away."""
    workflow = owner.create(drawn)
    away = Services(services().settings)
    away.__dict__["step_functions"] = AwayStepFunctions(away.settings)
    new = NewRun({}, "manual", UUID(workflow["created_by"]))
    run = away.runs.execute(UUID(owner.workspace_id), UUID(workflow["id"]), new)
    away.database.close()
    assert run["status"] == "pending"
    return f"/{workflow['id']}/runs/{run['id']}"


def ended(owner: Api, path: str) -> dict[str, Any]:
    _, workflow_id, _, run_id = path.split("/")
    return owner.ended(workflow_id, run_id)


def break_off(path: str, end: dict[str, Any], number: int) -> None:
    """Let an execution of the run end by itself, and nothing tell of it."""
    run_id = path.rpartition("/")[2]
    machine = Emission({"StartAt": "end", "States": {"end": end}})
    arn = services().step_functions.start(machine, f"broken-{run_id}-{number}", {})
    poll(lambda: not services().step_functions.is_running(arn))
    with services().database.connection() as connection:
        RunRepository(connection).mark_started(UUID(run_id), arn, number, None if number == 1 else "by hand")


def test_a_run_accepted_while_step_functions_is_away_starts_later(owner: Api) -> None:
    path = without_execution(owner, graph([node("a")]))
    report = services().reconciler.run(everything=True)
    assert report["started"] >= 1
    assert ended(owner, path)["status"] == "succeeded"


def test_a_start_that_is_told_after_the_end_comes_before_it(owner: Api) -> None:
    run = owner.run(graph([node("a")]))
    path = f"/{run['workflow_id']}/runs/{run['id']}"
    poll(lambda: owner.get(path)["execution_arn"])
    with services().database.connection() as connection:
        RunRepository(connection).mark_started(UUID(run["id"]), "arn:of:a:late:one", 2, "by hand")
    told = owner.get(path)
    assert [entry["event"] for entry in told["history"]] == ["accepted", "started", "resumed", "succeeded"]
    assert [entry["at"] for entry in told["history"]] == sorted(entry["at"] for entry in told["history"])
    assert (told["status"], told["execution_arn"]) == ("succeeded", "arn:of:a:late:one")


@pytest.mark.parametrize("status", ENDS)
def test_a_run_whose_execution_ended_without_it_goes_on(owner: Api, status: str) -> None:
    path = without_execution(owner, graph([node("a")]))
    break_off(path, ENDS[status], 1)
    services().reconciler.run(everything=True)
    run = ended(owner, path)
    assert run["status"] == "succeeded"
    reason = next(entry["reason"] for entry in run["history"] if entry["event"] == "resumed")
    assert reason.startswith("its execution ended without ending the run")
    assert "no such path" in reason or status == "SUCCEEDED"


def test_one_that_breaks_off_time_and_again_fails_with_the_reason(owner: Api) -> None:
    path = without_execution(owner, graph([node("a"), node("nap", "wait", {"seconds": 600})], edge("a", "nap")))
    for number in range(1, 7):
        break_off(path, ENDS["FAILED"], number)
    services().reconciler.look_at(UUID(path.rpartition("/")[2]))
    run = owner.get(path)
    assert (run["status"], statuses(run)) == ("failed", {"a": "cancelled", "nap": "cancelled"})
    assert run["error_message"].startswith("its execution ended 6 times without ending the run (States.Runtime: ")
    assert "no such path" in run["error_message"]


def test_items_whose_execution_was_stopped_by_hand_go_on(
    owner: Api, given: dict[str, Any], calls: list[dict[str, Any]]
) -> None:
    asks = [ask(f"ask{number}", "{% $item %}", retry={"max_attempts": 50}) for number in range(40)]
    asks[0]["data"]["config"]["url"] += "?sleep=0.2"
    each = node("each", "for_each", {"items": list(range(6)), "max_concurrency": 3})
    drawn = graph([each, *(inner | {"parentId": "each"} for inner in asks)])
    workflow_id = owner.create(drawn)["id"]
    path = f"/{workflow_id}/runs/{owner.execute(workflow_id, given)['id']}"
    poll(lambda: calls)
    arn = poll(lambda: execution_of_items(path.rpartition("/")[2]))
    services().step_functions.stop(arn)
    services().reconciler.run(everything=True)
    run = ended(owner, path)
    assert (run["status"], len(run["output"])) == ("succeeded", 6)
    assert "mended" in [entry["event"] for entry in run["history"]]


class TestUnreadable:
    """A version may be left that needs what is not there any more, as a node type that was taken out."""

    @staticmethod
    def left(path: str, *, is_admitted: bool = False) -> None:
        """Let the run's version be such a one, and the run wait for its turn, or not."""
        _, workflow_id, _, run_id = path.split("/")
        with services().database.connection() as connection:
            connection.execute(
                """
                UPDATE workflow_versions SET graph_definition = jsonb_set(graph_definition, '{nodes,0,type}', '"gone"')
                WHERE workflow_id = %s
                """,
                (workflow_id,),
            )
            if not is_admitted:
                connection.execute("UPDATE workflow_runs SET admitted_at = NULL WHERE id = %s", (run_id,))
        services().drawings.plan.cache_clear()

    @pytest.mark.parametrize("is_lost", [False, True], ids=["not started", "without its execution"])
    def test_its_run_fails_and_says_why(self, owner: Api, base_url: str, stack: Stack, *, is_lost: bool) -> None:
        path = without_execution(owner, graph([node("a"), node("b")], edge("a", "b")))
        self.left(path)
        workspace_id, token, _ = stack.workspace("reconciler-strangers")
        stranger = Api(base_url, str(workspace_id), token)
        assert stranger.run(graph([node("a")]))["status"] == "succeeded"
        if is_lost:
            with services().database.connection() as connection:
                RunRepository(connection).mark_started(UUID(path.rpartition("/")[2]), NOWHERE, 1, None)
        services().reconciler.run(everything=True)
        run = owner.get(path)
        assert (run["status"], statuses(run)) == ("failed", {"a": "cancelled", "b": "cancelled"})
        assert 'unknown type "gone"' in run["error_message"]

    def test_an_execution_that_waits_ends_with_its_run(self, owner: Api) -> None:
        """Else no one could ever let it go on: who waits at its gates is forgotten with the run."""
        workflow_id = owner.create(graph([node("ok", "approval", {"message": "?"})]))["id"]
        path = f"/{workflow_id}/runs/{owner.execute(workflow_id)['id']}"
        arn = poll(lambda: statuses(now := owner.get(path))["ok"] == "waiting" and now["execution_arn"])
        self.left(path, is_admitted=True)
        services().reconciler.run(everything=True)
        assert owner.get(path)["status"] == "failed"
        poll(lambda: not services().step_functions.is_running(arn))

    def test_its_run_can_be_cancelled(self, owner: Api) -> None:
        path = without_execution(owner, graph([node("a"), node("b")], edge("a", "b")))
        self.left(path)
        run = owner.send("POST", f"{path}/cancel").body
        assert (run["status"], statuses(run)) == ("cancelled", {"a": "cancelled", "b": "cancelled"})


def execution_of_items(run_id: str) -> str | None:
    with services().database.connection() as connection:
        row = connection.execute(
            "SELECT items_execution_arn AS arn FROM workflow_run_gates WHERE run_id = %s", (run_id,)
        ).fetchone()
    return row["arn"] if row else None


def test_old_runs_are_deleted_and_no_others(owner: Api) -> None:
    workflow_id = owner.create(graph([node("a")]))["id"]
    old, new = (owner.ended(workflow_id, owner.execute(workflow_id)["id"])["id"] for _ in range(2))
    going_on = without_execution(owner, graph([node("a")])).rpartition("/")[2]
    with services().database.connection() as connection:
        connection.execute(
            """
            UPDATE workflow_runs SET started_at = started_at - INTERVAL '8 days',
                                     completed_at = completed_at - INTERVAL '8 days' WHERE id = ANY(%s)
            """,
            ([old, going_on],),
        )
    assert "deleted" not in services().reconciler.run()
    tidy = Services(replace(services().settings, keep_runs_days=7))
    assert tidy.reconciler.run()["deleted"] == 1
    tidy.database.close()
    assert [run["id"] for run in owner.get(f"/{workflow_id}/runs")["items"]] == [new]
    services().reconciler.run(everything=True)


def test_attempts_are_on_record_with_their_errors_and_times(owner: Api, given: dict[str, Any]) -> None:
    run = owner.run(graph([ask("a", "a?status=503&times=1")]), given)
    first, second = run["node_results"]["a"]["history"]
    assert (first["attempt"], first["status"], first["error"]["code"]) == (1, "failed", "http_status")
    assert (second["attempt"], second["status"], second["error"]) == (2, "succeeded", None)
    assert first["started_at"] < first["completed_at"] <= second["started_at"] < second["completed_at"]
    assert run["node_results"]["a"]["started_at"] == first["started_at"]
    events = [entry["event"] for entry in run["history"]]
    assert events == ["accepted", "started", "succeeded"]
    assert run["history"][0]["by"] == run["triggered_by"]
    assert run["history"][1]["execution_arn"] == run["execution_arn"]
