"""Schedules over HTTP, their timers in moto, and the clock that fires them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError

from chalicelib.aws.event_rules import EventRules
from chalicelib.aws.event_scheduler import EventScheduler
from chalicelib.bootstrap import services
from chalicelib.schedules.sync import ScheduleSync
from local.clock import Clock
from local.stack import Stack
from tests.client import Api, graph, node, poll

HELLO = graph([node("a")])
NAP = graph([node("nap", "wait", {"seconds": 600})])
MINUTE = timedelta(minutes=1)


@dataclass
class Hand:
    """A clock's hand, moved by the test."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def next_minute(days: int = 0) -> datetime:
    now = datetime.now(UTC) + timedelta(days=days)
    return now.replace(second=0, microsecond=0) + MINUTE


def put(api: Api, workflow_id: str, **schedule: Any) -> dict[str, Any]:
    answer = api.send("PUT", f"/{workflow_id}/schedule", schedule)
    assert answer.status == 200, answer
    return dict(answer.body)


def rules(workflow_id: str) -> dict[str, tuple[str, str]]:
    """What EventBridge has: the expression and the state of each rule, by its name."""
    client = boto3.client("events", region_name="us-east-1")
    found = client.list_rules(NamePrefix=f"stepgraph-{workflow_id}")["Rules"]
    return {rule["Name"]: (rule["ScheduleExpression"], rule["State"]) for rule in found}


def runs(api: Api, workflow_id: str) -> list[dict[str, Any]]:
    return list(api.get(f"/{workflow_id}/runs")["items"])


class TestRules:
    def test_they_follow_the_workflow(self, owner: Api) -> None:
        workflow_id = owner.create(HELLO)["id"]
        name = f"stepgraph-{workflow_id}-0"
        assert put(owner, workflow_id, cron="0 8 * * *")["in_sync"]
        assert rules(workflow_id) == {name: ("cron(0 8 * * ? *)", "ENABLED")}
        put(owner, workflow_id, cron="30 9 * * *")
        assert rules(workflow_id) == {name: ("cron(30 9 * * ? *)", "ENABLED")}
        put(owner, workflow_id, enabled=False)
        assert rules(workflow_id)[name][1] == "DISABLED"
        owner.put(workflow_id, graph_definition=NAP)
        owner.send("POST", f"/{workflow_id}/rollback", {"version": 1})
        put(owner, workflow_id, enabled=True)
        assert rules(workflow_id)[name][1] == "ENABLED"
        put(owner, workflow_id, cron="0 0 13 * 5")
        assert len(rules(workflow_id)) == 2
        put(owner, workflow_id, cron=None)
        assert rules(workflow_id) == {}
        put(owner, workflow_id, cron="@daily")
        assert owner.send("DELETE", f"/{workflow_id}").status == 204
        assert rules(workflow_id) == {}

    def test_a_clone_of_a_scheduled_template_is_not_scheduled(self, owner: Api) -> None:
        template = owner.create(HELLO, is_template=True)["id"]
        put(owner, template, cron="@hourly")
        clone = owner.send("POST", f"/templates/{template}/clone", {}).body
        assert (clone["schedule_cron"], clone["schedule_enabled"]) == (None, False)
        assert rules(clone["id"]) == {}

    def test_what_someone_did_by_hand_is_told_and_mended(self, owner: Api) -> None:
        client = boto3.client("events", region_name="us-east-1")
        workflow_id, orphan = owner.create(HELLO)["id"], uuid.uuid4()
        put(owner, workflow_id, cron="0 8 * * *")
        name = f"stepgraph-{workflow_id}-0"
        target = client.list_targets_by_rule(Rule=name)["Targets"]
        breaks = {
            "missing": lambda: (client.remove_targets(Rule=name, Ids=["trigger"]), client.delete_rule(Name=name)),
            "is off and should be on": lambda: client.disable_rule(Name=name),
            "should be cron(0 8 * * ? *)": lambda: client.put_rule(Name=name, ScheduleExpression="cron(1 1 * * ? *)"),
            "does not call the trigger": lambda: client.remove_targets(Rule=name, Ids=["trigger"]),
        }
        client.put_rule(Name=f"stepgraph-{orphan}-0", ScheduleExpression="cron(0 8 * * ? *)")
        client.put_rule(Name="stepgraph-of-someone-else", ScheduleExpression="cron(0 8 * * ? *)")
        for told, damage in breaks.items():
            damage()
            off = owner.get(f"/{workflow_id}/schedule")
            assert (off["in_sync"], told in off["out_of_sync"][0]) == (False, True), off["out_of_sync"]
            services().schedule_sync.sync_all()
            assert owner.get(f"/{workflow_id}/schedule")["in_sync"]
        assert rules(workflow_id) == {name: ("cron(0 8 * * ? *)", "ENABLED")}
        assert client.list_targets_by_rule(Rule=name)["Targets"] == target
        assert rules(str(orphan)) == {}
        assert client.describe_rule(Name="stepgraph-of-someone-else")
        client.delete_rule(Name="stepgraph-of-someone-else")

    def test_a_call_that_fails_leaves_it_told_and_then_mended(
        self, owner: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call = BaseClient._make_api_call  # noqa: SLF001 - the seam that all of boto3 goes through

        def fail(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            if operation == "PutRule":
                raise EndpointConnectionError(endpoint_url="https://events.example.com")
            return call(client, operation, parameters)

        workflow_id = owner.create(HELLO)["id"]
        with monkeypatch.context() as away:
            away.setattr(BaseClient, "_make_api_call", fail)
            schedule = put(owner, workflow_id, cron="0 8 * * *")
        assert (schedule["schedule_enabled"], schedule["in_sync"]) == (True, False)
        assert schedule["out_of_sync"] == [f"stepgraph-{workflow_id}-0 is missing"]
        services().schedule_sync.sync_all()
        assert owner.get(f"/{workflow_id}/schedule")["in_sync"]


class TestFiring:
    """The clock's hand is moved; rules, the trigger and runs are real."""

    def test_a_minute_that_fires_starts_one_run_whatever_comes_twice(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron="* * * * *")
        hand = Hand(next_minute(days=1))
        clock = Clock(stack.app, hand)
        hand.now += MINUTE
        for _ in range(3):
            clock.tick()
        Clock(stack.app, Hand(hand.now - MINUTE)).tick()
        event = {"timer": f"stepgraph-{workflow_id}-0", "time": f"{hand.now:%Y-%m-%dT%H:%M:%SZ}"}
        threads = [threading.Thread(target=clock.call, args=("schedule_trigger", event)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (run,) = runs(owner, workflow_id)
        assert (run["trigger"], run["triggered_by"]) == ("schedule", None)
        whole = owner.ended(workflow_id, run["id"])
        assert whole["input"]["scheduled_for"]["utc"] == f"{hand.now:%Y-%m-%dT%H:%M:%S}.000000Z"
        (fire,) = owner.get(f"/{workflow_id}/schedule")["last_fires"]
        assert (fire["run_id"], fire["run_status"], fire["utc"]) == (
            run["id"], "succeeded", whole["input"]["scheduled_for"]["utc"]
        )  # fmt: skip

    def test_minutes_lost_to_a_stall_are_made_up_for(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron="*/2 * * * *")
        hand = Hand(next_minute(days=1))
        clock = Clock(stack.app, hand)
        hand.now += 10 * MINUTE
        clock.tick()
        fires = owner.get(f"/{workflow_id}/schedule")["last_fires"]
        moments = [datetime.fromisoformat(fire["utc"]) for fire in fires]
        assert len(moments) == 5
        assert {later - earlier for later, earlier in zip(moments, moments[1:], strict=False)} == {2 * MINUTE}

    @pytest.mark.parametrize(
        ("cron", "begin", "end", "fires"),
        [
            ("30 2 * * *", "2027-03-28T00:00Z", "2027-03-28T04:00Z", ["2027-03-28T03:00:00+02:00"]),
            ("30 2 * * *", "2027-10-30T22:00Z", "2027-10-31T04:00Z", ["2027-10-31T02:30:00+02:00"]),
            ("15 * * * *", "2027-03-28T00:00Z", "2027-03-28T02:00Z",
             ["2027-03-28T03:15:00+02:00", "2027-03-28T01:15:00+01:00"]),
        ],
    )  # fmt: skip
    def test_the_clock_jumps_over_summer_time(
        self, owner: Api, stack: Stack, cron: str, begin: str, end: str, fires: list[str]
    ) -> None:
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron=cron, timezone="Europe/Berlin")
        hand = Hand(datetime.fromisoformat(begin))
        clock = Clock(stack.app, hand)
        hand.now = datetime.fromisoformat(end)
        clock.tick()
        assert [fire["local"] for fire in owner.get(f"/{workflow_id}/schedule")["last_fires"]] == fires

    def test_what_is_off_or_changed_does_not_fire(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron="* * * * *")
        put(owner, workflow_id, enabled=False)
        tomorrow = next_minute(days=1)
        trigger(stack, workflow_id, tomorrow)
        put(owner, workflow_id, cron="0 0 1 1 *")
        trigger(stack, workflow_id, tomorrow)
        put(owner, workflow_id, cron="* * * * *")
        trigger(stack, workflow_id, datetime.now(UTC) - 5 * MINUTE)  # of before it was so
        stack.app.handler_map["schedule_trigger"]({"timer": f"stepgraph-{uuid.uuid4()}-0", "time": iso(tomorrow)}, None)
        assert runs(owner, workflow_id) == []

    def test_skip_tells_of_the_run_that_it_did_not_start(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(NAP)["id"]
        put(owner, workflow_id, cron="* * * * *", overlap="skip")
        for minutes in range(2):
            trigger(stack, workflow_id, next_minute(days=1) + minutes * MINUTE)
        later, earlier = runs(owner, workflow_id)
        assert (earlier["status"], later["status"]) != ("cancelled", "cancelled")
        assert later["error_message"].startswith("skipped: 1 run of the workflow goes on")
        owner.send("POST", f"/{workflow_id}/runs/{earlier['id']}/cancel")

    def test_queue_lets_a_fire_wait(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(NAP)["id"]
        put(owner, workflow_id, cron="* * * * *", overlap="queue")
        for minutes in range(2):
            trigger(stack, workflow_id, next_minute(days=1) + minutes * MINUTE)
        later, earlier = runs(owner, workflow_id)
        assert (later["status"], later["queue_position"]) == ("pending", 1)
        for run in (later, earlier):
            owner.send("POST", f"/{workflow_id}/runs/{run['id']}/cancel")

    def test_it_pauses_after_so_many_failures_and_says_so(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(graph([node("stop", "fail", {"message": "no"})]))["id"]
        put(owner, workflow_id, cron="* * * * *", pause_after_failures=2)
        for minutes in range(2):
            trigger(stack, workflow_id, next_minute(days=1) + minutes * MINUTE)
        paused = poll(lambda: (now := owner.get(f"/{workflow_id}/schedule"))["paused_at"] and now)
        assert (paused["schedule_enabled"], paused["next_fire_times"]) == (False, [])
        assert paused["paused_reason"].startswith("its last 2 runs failed; the latest is ")
        poll(lambda: rules(workflow_id)[f"stepgraph-{workflow_id}-0"][1] == "DISABLED")
        again = put(owner, workflow_id, enabled=True)
        assert (again["schedule_enabled"], again["paused_at"]) == (True, None)

    def test_of_missed_fires_the_last_is_made_up_for_where_it_is_to_be(self, owner: Api) -> None:
        made, not_made = owner.create(HELLO)["id"], owner.create(HELLO)["id"]
        put(owner, made, cron="*/5 * * * *", catch_up="last")
        put(owner, not_made, cron="*/5 * * * *")
        with services().database.connection() as connection:
            connection.execute(
                """
                UPDATE workflow_schedules SET since = NOW() - INTERVAL '1 hour',
                                              accounted_until = NOW() - INTERVAL '1 hour'
                WHERE workflow_id = ANY(%s)
                """,
                ([UUID(made), UUID(not_made)],),
            )
        for _ in range(2):
            services().schedules.catch_up()
        (run,) = runs(owner, made)
        assert run["trigger"] == "schedule"
        assert runs(owner, not_made) == []


class TestScheduler:
    """The second backend, by one setting."""

    @pytest.fixture
    def scheduler(self, stack: Stack) -> Iterator[ScheduleSync]:
        assert stack
        services().schedules  # noqa: B018 - made now, it goes on with rules
        rules, schedules = EventRules(services().settings), EventScheduler(services().settings)
        found = ScheduleSync(services().database, schedules, [rules])
        with pytest.MonkeyPatch.context() as switched:
            switched.setitem(vars(services()), "schedule_sync", found)  # that of the clock, too
            yield found
        services().schedule_sync.sync_all()

    def test_switching_moves_all_and_nothing_fires_twice(
        self, owner: Api, stack: Stack, scheduler: ScheduleSync
    ) -> None:
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron="0 8 13 * 5")
        before = sorted(rules(workflow_id).values())
        hand = Hand(datetime(2027, 8, 13, 7, 59, tzinfo=UTC))  # a Friday, too: both rules fire
        clock = Clock(stack.app, hand)
        scheduler.sync_all()
        assert rules(workflow_id) == {}
        client = boto3.client("scheduler", region_name="us-east-1")
        names = [each["Name"] for each in client.list_schedules(NamePrefix=f"stepgraph-{workflow_id}")["Schedules"]]
        found = [client.get_schedule(GroupName="stepgraph", Name=name) for name in names]
        assert sorted((each["ScheduleExpression"], each["State"]) for each in found) == before
        hand.now += MINUTE
        clock.tick()
        settings = services().settings
        back = ScheduleSync(services().database, EventRules(settings), [EventScheduler(settings)])
        back.sync_all()  # in the same minute
        assert sorted(rules(workflow_id).values()) == before
        assert client.list_schedules(NamePrefix=f"stepgraph-{workflow_id}")["Schedules"] == []
        Clock(stack.app, Hand(hand.now - MINUTE))
        trigger(stack, workflow_id, hand.now)
        assert len(runs(owner, workflow_id)) == 1

    def test_it_follows_the_workflow_as_rules_do(self, owner: Api, scheduler: ScheduleSync) -> None:
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron="0 8 * * *")
        scheduler.sync(UUID(workflow_id))
        client = boto3.client("scheduler", region_name="us-east-1")
        name = f"stepgraph-{workflow_id}-0"
        assert scheduler.differences(UUID(workflow_id)) == []
        client.delete_schedule(GroupName="stepgraph", Name=name)
        assert scheduler.differences(UUID(workflow_id)) == [f"{name} is missing"]
        put(owner, workflow_id, enabled=False)
        scheduler.sync_all()
        assert client.get_schedule(GroupName="stepgraph", Name=name)["State"] == "DISABLED"
        put(owner, workflow_id, cron=None)
        scheduler.sync_all()
        assert client.list_schedules(NamePrefix=name)["Schedules"] == []


def test_a_storm_starts_every_run_once(owner: Api, stack: Stack) -> None:
    """What fires in the same minute; `make bench` does it with a thousand."""
    workflow_ids = [owner.create(HELLO)["id"] for _ in range(40)]
    for workflow_id in workflow_ids:
        put(owner, workflow_id, cron="17 3 * * *")
    hand = Hand(datetime(2028, 2, 29, 3, 16, tzinfo=UTC))
    clock = Clock(stack.app, hand)
    hand.now += MINUTE
    clock.tick()
    clock.tick()
    for workflow_id in workflow_ids:
        (run,) = runs(owner, workflow_id)
        assert owner.ended(workflow_id, run["id"])["status"] == "succeeded"


def trigger(stack: Stack, workflow_id: str, moment: datetime) -> None:
    stack.app.handler_map["schedule_trigger"]({"timer": f"stepgraph-{workflow_id}-0", "time": iso(moment)}, None)


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
