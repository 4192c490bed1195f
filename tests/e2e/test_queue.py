"""How many runs go on at once: of a workflow, of a workspace, in all; and whose turn it is."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import pytest

from chalicelib.aws.step_functions import StepFunctions
from chalicelib.bootstrap import Services, services
from chalicelib.db import Connection
from chalicelib.errors import UnavailableError
from chalicelib.runs.queue import Places, QueueRepository
from chalicelib.runs.state import NewRun
from local.stack import Stack
from tests.client import Api, graph, node, poll, statuses

NAP = graph([node("nap", "wait", {"seconds": 600})])


class CountedStepFunctions(StepFunctions):
    """Starts nothing, and counts how often it should have."""

    starts = 0

    @classmethod
    def in_place(cls) -> Services:
        made = Services(services().settings)
        made.__dict__["step_functions"] = cls(made.settings)
        return made

    def start_run(self, *_: Any) -> str:
        self.starts += 1
        raise UnavailableError("Step Functions does not take it now")


def places(page: dict[str, Any]) -> list[int | None]:
    return [run["queue_position"] for run in page["items"]]


def with_settings(**settings: Any) -> dict[str, Any]:
    return NAP | {"settings": settings}


class TestOfAWorkflow:
    def test_queue_lets_one_after_the_other_run_in_their_order(self, owner: Api) -> None:
        workflow_id = owner.create(with_settings(max_concurrent_runs=1, overlap="queue"))["id"]
        paths = [f"/{workflow_id}/runs/{owner.execute(workflow_id)['id']}" for _ in range(3)]
        poll(lambda: owner.get(paths[0])["status"] == "running")
        assert [owner.get(path)["queue_position"] for path in paths] == [None, 1, 2]
        assert [run["queue_position"] for run in owner.get(f"/{workflow_id}/runs")["items"]] == [2, 1, None]
        owner.send("POST", f"{paths[0]}/cancel")
        poll(lambda: owner.get(paths[1])["status"] == "running")
        last = owner.get(paths[2])
        assert (last["status"], last["queue_position"]) == ("pending", 1)
        assert owner.send("POST", f"{paths[2]}/cancel").body["status"] == "cancelled"

    def test_lists_tell_every_place_whatever_is_on_the_page(self, owner: Api) -> None:
        limited = with_settings(max_concurrent_runs=1)
        workflows = [owner.create(limited)["id"] for _ in range(2)]
        for workflow_id in [*workflows, *workflows, workflows[0], workflows[0]]:
            owner.execute(workflow_id)
        runs = owner.of("runs")
        poll(lambda: len(runs.get("?status=running")["items"]) == 2)
        first = runs.get("?limit=3")
        second = runs.get(f"?limit=3&cursor={first['next_cursor']}")
        assert places(first) + places(second) == [3, 2, 1, 1, None, None]
        assert places(runs.get("?status=pending&limit=2")) == [3, 2]
        assert places(owner.get(f"/{workflows[0]}/runs?limit=2")) == [3, 2]

    def test_the_end_of_a_run_starts_the_next(self, owner: Api) -> None:
        drawn = graph([node("nap", "wait", {"seconds": 0.1}), node("x")]) | {"settings": {"max_concurrent_runs": 1}}
        workflow_id = owner.create(drawn)["id"]
        runs = [owner.execute(workflow_id)["id"] for _ in range(4)]
        ended = [owner.ended(workflow_id, run_id) for run_id in runs]
        assert [run["status"] for run in ended] == ["succeeded"] * 4
        starts = [run["node_results"]["x"]["started_at"] for run in ended]
        assert starts == sorted(starts)

    def test_skip_ends_a_run_that_comes_too_early_and_says_why(self, owner: Api) -> None:
        workflow_id = owner.create(with_settings(overlap="skip"))["id"]
        first, second = (owner.execute(workflow_id) for _ in range(2))
        assert (second["status"], statuses(second)) == ("cancelled", {"nap": "cancelled"})
        assert second["error_message"] == "skipped: 1 run of the workflow goes on, and at most 1 may at once"
        assert owner.get(f"/{workflow_id}/runs/{first['id']}")["status"] in ("pending", "running")
        owner.send("POST", f"/{workflow_id}/runs/{first['id']}/cancel")
        assert owner.execute(workflow_id)["status"] in ("pending", "running")

    def test_who_cancels_a_run_does_not_wait_for_a_whole_queue_to_start(self, owner: Api) -> None:
        """As after an outage: many wait, and there are places for all of them."""
        workflow = owner.create(NAP)
        workflow_id, by = UUID(workflow["id"]), UUID(workflow["created_by"])
        first = owner.execute(workflow["id"])
        full, starting = Services(replace(services().settings, max_runs=0)), CountedStepFunctions.in_place()
        for _ in range(6):
            full.runs.start(UUID(owner.workspace_id), workflow_id, NewRun({}, "manual", by))
        starting.runs.cancel(UUID(owner.workspace_id), workflow_id, UUID(first["id"]), by, None)
        assert cast("CountedStepFunctions", starting.step_functions).starts <= 2
        services().reconciler.run(everything=True)
        poll(lambda: len(owner.get(f"/{workflow_id}/runs?status=running")["items"]) == 6)
        for each in (full, starting):
            each.database.close()

    def test_without_a_limit_all_run(self, owner: Api) -> None:
        workflow_id = owner.create(NAP)["id"]
        runs = [owner.execute(workflow_id)["id"] for _ in range(3)]
        for run_id in runs:
            poll(lambda run_id=run_id: owner.get(f"/{workflow_id}/runs/{run_id}")["status"] == "running")


class TestOfAll:
    """The statement that gives places, on runs that no one starts."""

    @pytest.fixture
    def workspaces(self, stack: Stack, base_url: str) -> list[Api]:
        found = [stack.workspace(uuid.uuid4().hex) for _ in range(2)]
        return [Api(base_url, str(workspace_id), token) for workspace_id, token, _ in found]

    def test_the_workspace_with_fewer_runs_has_the_next_turn(self, workspaces: list[Api]) -> None:
        busy, quiet = workspaces
        with services().database.connection() as connection, pretended(connection):
            first = [queued(connection, busy) for _ in range(3)]
            later = [queued(connection, quiet) for _ in range(2)]
            turns = [admitted(connection, Places(5, 5)) for _ in range(6)]
        assert turns == [first[0], later[0], first[1], later[1], first[2], None]

    def test_no_more_run_than_there_are_places(self, workspaces: list[Api]) -> None:
        busy, quiet = workspaces
        with services().database.connection() as connection, pretended(connection):
            first = [queued(connection, busy) for _ in range(3)]
            later = [queued(connection, quiet) for _ in range(3)]
            assert [admitted(connection, Places(10, 1)) for _ in range(3)] == [first[0], later[0], None]
            assert [admitted(connection, Places(3, 10)) for _ in range(2)] == [first[1], None]

    def test_a_workflow_at_its_limit_does_not_hold_back_others(self, workspaces: list[Api]) -> None:
        api = workspaces[0]
        with services().database.connection() as connection, pretended(connection):
            limited = api.create(NAP)["id"]
            first, _ = (queued(connection, api, limited, limit=1) for _ in range(2))
            other = queued(connection, api)
            assert [admitted(connection, Places(9, 9)) for _ in range(3)] == [first, other, None]

    def test_what_came_later_under_a_higher_limit_does_not_overtake(self, workspaces: list[Api]) -> None:
        api = workspaces[0]
        with services().database.connection() as connection, pretended(connection):
            raised = api.create(NAP)["id"]
            first, second = (queued(connection, api, raised, limit=1) for _ in range(2))
            later = [queued(connection, api, raised, limit=limit) for limit in (5, None)]
            assert [admitted(connection, Places(9, 9)) for _ in range(2)] == [first, None]
            connection.execute("UPDATE workflow_runs SET status = 'succeeded' WHERE id = %s", (first,))
            assert [admitted(connection, Places(9, 9)) for _ in range(4)] == [second, *later, None]

    def test_where_the_whole_is_full_only_what_a_run_waits_for_goes_on(self, workspaces: list[Api]) -> None:
        busy, quiet = workspaces
        with services().database.connection() as connection, pretended(connection):
            parent, waiting = (queued(connection, busy) for _ in range(2))
            assert admitted(connection, Places(1, 1)) == parent
            limited = busy.create(NAP)["id"]
            children = [queued(connection, busy, limited, limit=1, parent=parent) for _ in range(2)]
            other = queued(connection, quiet, parent=parent)
            assert [admitted(connection, Places(1, 1)) for _ in range(3)] == [other, children[0], None]
            assert admitted(connection, Places(2, 2)) == waiting

    @pytest.mark.parametrize("seed", range(5))
    def test_turns_are_those_of_the_rule(self, workspaces: list[Api], seed: int) -> None:
        chance = random.Random(seed)
        workflows = [(api, api.create(NAP)["id"]) for api in workspaces for _ in range(3)]
        with services().database.connection() as connection, pretended(connection):
            parent = queued(connection, workspaces[0])
            assert admitted(connection, Places(9, 9)) == parent
            for _ in range(30):
                api, workflow_id = chance.choice(workflows)
                child = parent if chance.random() < 0.3 else None
                queued(connection, api, workflow_id, chance.choice([None, 2, 3]), child)
            places = Places(chance.randrange(8, 16), chance.randrange(4, 9))
            while (wanted := next_turn(connection, places)) is not None:
                assert admitted(connection, places) == wanted
            assert admitted(connection, places) is None


def next_turn(connection: Connection, places: Places) -> UUID | None:
    """Whose turn it is, said once more: by walking all runs that wait or go on."""
    runs = connection.execute("SELECT * FROM workflow_runs WHERE status = 'pending' ORDER BY started_at, id").fetchall()
    active = [run for run in runs if run["admitted_at"]]
    of_workflow = Counter(run["workflow_id"] for run in active)
    of_workspace = Counter(run["workspace_id"] for run in active if not run["parent_run_id"])
    heads: dict[Any, Any] = {}
    for run in runs:
        if not run["admitted_at"]:
            heads.setdefault((run["workflow_id"], run["parent_run_id"] is None), run)

    def may_go_on(run: Any) -> bool:
        limit, mine = run["concurrency_limit"], of_workspace[run["workspace_id"]]
        has_place = of_workspace.total() < places.whole and mine < places.per_workspace
        return (limit is None or of_workflow[run["workflow_id"]] < limit) and bool(run["parent_run_id"] or has_place)

    def turn(run: Any) -> tuple[Any, ...]:
        return run["parent_run_id"] is None, of_workspace[run["workspace_id"]], run["started_at"], run["id"]

    return min(filter(may_go_on, heads.values()), key=turn, default={"id": None})["id"]


class pretended:  # noqa: N801 - reads as a statement
    """Runs of the moment: undone at the end, and all that others have do not count."""

    def __init__(self, connection: Connection) -> None:
        self._transaction = connection.transaction(force_rollback=True)
        self._connection = connection

    def __enter__(self) -> None:
        self._transaction.__enter__()
        self._connection.execute("UPDATE workflow_runs SET status = 'cancelled' WHERE status IN ('pending', 'running')")

    def __exit__(self, *exception: Any) -> None:
        self._transaction.__exit__(*exception)


def queued(
    connection: Connection,
    api: Api,
    workflow_id: str | None = None,
    limit: int | None = None,
    parent: UUID | None = None,
) -> UUID:
    row = connection.execute(
        """
        INSERT INTO workflow_runs (workflow_id, workspace_id, version, concurrency_limit, started_at,
                                   parent_run_id, parent_path, parent_node_id)
        VALUES (%s, %s, 1, %s, clock_timestamp(), %s, '', gen_random_uuid()::text) RETURNING id
        """,
        (workflow_id or api.create(NAP)["id"], api.workspace_id, limit, parent),
    ).fetchone()
    assert row
    return UUID(str(row["id"]))


def admitted(connection: Connection, places: Places) -> UUID | None:
    run = QueueRepository(connection).admit_next(places)
    return run["id"] if run else None
