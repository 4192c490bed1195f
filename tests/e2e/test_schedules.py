"""Schedules over HTTP, and the clock that fires them."""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import psycopg
import pytest

from chalicelib.bootstrap import services
from chalicelib.errors import MalformedError
from chalicelib.schedules.repository import ScheduleRepository
from local.clock import Clock
from local.stack import Stack
from tests.client import Api, poll

from .scheduling import (
    EVERY_MINUTE,
    FAILS,
    FAR_HOUR,
    HELLO,
    MINUTE,
    NAP,
    Hand,
    far_minute,
    minutes_gone_by,
    put,
    rules,
    runs,
    timer,
    trigger,
)

pytestmark = pytest.mark.usefixtures("nothing_scheduled_after")


class TestFiring:
    """The clock's hand is moved; rules, the trigger and runs are real."""

    def test_a_minute_that_fires_starts_one_run_whatever_comes_twice(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron=EVERY_MINUTE)
        hand = Hand(far_minute())
        clock = Clock(stack.app, hand)
        hand.now += MINUTE
        for _ in range(3):
            clock.tick()
        Clock(stack.app, Hand(hand.now - MINUTE)).tick()
        event = {"timer": timer(workflow_id), "time": f"{hand.now:%Y-%m-%dT%H:%M:%SZ}"}
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
        put(owner, workflow_id, cron=f"*/2 {FAR_HOUR} * * *")
        hand = Hand(far_minute())
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
            ("30 2 28 3 *", "2027-03-28T00:00Z", "2027-03-28T04:00Z", ["2027-03-28T03:00:00+02:00"]),
            ("30 2 31 10 *", "2027-10-30T22:00Z", "2027-10-31T04:00Z", ["2027-10-31T02:30:00+02:00"]),
            ("15 * 28 3 *", "2027-03-28T00:00Z", "2027-03-28T02:00Z",
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
        put(owner, workflow_id, cron=EVERY_MINUTE)
        put(owner, workflow_id, enabled=False)
        tomorrow = far_minute()
        trigger(stack, workflow_id, tomorrow)
        put(owner, workflow_id, cron="0 0 1 1 *")
        trigger(stack, workflow_id, tomorrow)
        put(owner, workflow_id, cron=f"{minutes_gone_by()} * * * *")
        trigger(stack, workflow_id, datetime.now(UTC) - 5 * MINUTE)  # of before it was so
        trigger(stack, str(uuid.uuid4()), tomorrow)
        assert runs(owner, workflow_id) == []

    def test_skip_tells_of_the_run_that_it_did_not_start(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(NAP)["id"]
        put(owner, workflow_id, cron=EVERY_MINUTE, overlap="skip")
        for minutes in range(2):
            trigger(stack, workflow_id, far_minute() + minutes * MINUTE)
        later, earlier = runs(owner, workflow_id)
        assert (earlier["status"], later["status"]) != ("cancelled", "cancelled")
        assert later["error_message"].startswith("skipped: 1 run of the workflow goes on")
        owner.send("POST", f"/{workflow_id}/runs/{earlier['id']}/cancel")

    def test_queue_lets_a_fire_wait(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(NAP)["id"]
        put(owner, workflow_id, cron=EVERY_MINUTE, overlap="queue")
        for minutes in range(2):
            trigger(stack, workflow_id, far_minute() + minutes * MINUTE)
        later, earlier = runs(owner, workflow_id)
        assert (later["status"], later["queue_position"]) == ("pending", 1)
        for run in (later, earlier):
            owner.send("POST", f"/{workflow_id}/runs/{run['id']}/cancel")

    def test_it_pauses_after_so_many_failures_and_says_so(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(FAILS)["id"]
        put(owner, workflow_id, cron=EVERY_MINUTE, pause_after_failures=2)
        for minutes in range(2):
            trigger(stack, workflow_id, far_minute() + minutes * MINUTE)
        paused = poll(lambda: (now := owner.get(f"/{workflow_id}/schedule"))["paused_at"] and now)
        assert paused["schedule_enabled"] is False
        assert paused["paused_reason"].startswith("its last 2 runs failed; the latest is ")
        assert put(owner, workflow_id, cron="* 1 * * *")["paused_reason"] == paused["paused_reason"]
        poll(lambda: rules(workflow_id)[timer(workflow_id)][1] == "DISABLED")
        again = put(owner, workflow_id, enabled=True)
        assert (again["schedule_enabled"], again["paused_at"]) == (True, None)

    def test_runs_that_go_on_do_not_hide_those_that_failed(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(FAILS)["id"]
        put(owner, workflow_id, cron=EVERY_MINUTE)
        for minutes in range(2):
            trigger(stack, workflow_id, far_minute() + minutes * MINUTE)
        for run in runs(owner, workflow_id):
            owner.ended(workflow_id, run["id"])
        owner.put(workflow_id, graph_definition=NAP)
        trigger(stack, workflow_id, far_minute() + 2 * MINUTE)
        put(owner, workflow_id, pause_after_failures=2)
        assert trigger(stack, workflow_id, far_minute() + 3 * MINUTE) == {"run_id": None}
        assert owner.get(f"/{workflow_id}/schedule")["paused_reason"].startswith("its last 2 runs failed")

    def test_a_change_wins_over_a_pause_that_comes_at_the_same_time(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(FAILS)["id"]
        put(owner, workflow_id, cron=EVERY_MINUTE)
        trigger(stack, workflow_id, far_minute())
        (run,) = runs(owner, workflow_id)
        owner.ended(workflow_id, run["id"])
        put(owner, workflow_id, pause_after_failures=1)
        pause = threading.Thread(target=services().pausing.look_at_end, args=(UUID(run["id"]),))
        with services().database.transaction() as connection:  # as a PUT does it
            repository = ScheduleRepository(connection)
            repository.lock(UUID(workflow_id))
            timing = repository.get(UUID(owner.workspace_id), UUID(workflow_id))
            pause.start()
            poll(lambda: waits_for_a_lock(stack))
            repository.save(replace(timing, enabled=True, cron="0 8 * * *", since=far_minute(days=2)))
        pause.join()
        schedule = owner.get(f"/{workflow_id}/schedule")
        assert (schedule["schedule_cron"], schedule["schedule_enabled"]) == ("0 8 * * *", True)

    def test_of_missed_fires_the_last_is_made_up_for_where_it_is_to_be(self, owner: Api) -> None:
        made, not_made = owner.create(HELLO)["id"], owner.create(HELLO)["id"]
        put(owner, made, cron=f"{minutes_gone_by()} * * * *", catch_up="last")
        put(owner, not_made, cron=f"{minutes_gone_by()} * * * *")
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
            services().firing.catch_up()
        (run,) = runs(owner, made)
        assert run["trigger"] == "schedule"
        assert runs(owner, not_made) == []

    def test_a_fire_is_made_up_for_once_it_is_known_to_be_the_last_that_was_missed(self, owner: Api) -> None:
        workflow_id = owner.create(HELLO)["id"]
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        missed, latest = minute - 5 * MINUTE, minute - MINUTE
        put(owner, workflow_id, cron=f"{missed.minute},{latest.minute} * * * *", catch_up="last")
        with services().database.connection() as connection:
            connection.execute(
                """
                UPDATE workflow_schedules
                SET since = NOW() - INTERVAL '30 minutes', accounted_until = NOW() - INTERVAL '30 minutes'
                WHERE workflow_id = %s
                """,
                (UUID(workflow_id),),
            )
        services().firing.catch_up()
        assert runs(owner, workflow_id) == []
        assert services().firing.fire(UUID(workflow_id), latest)
        for _ in range(2):
            services().firing.catch_up()
        fires = owner.get(f"/{workflow_id}/schedule")["last_fires"]
        assert [datetime.fromisoformat(fire["utc"]) for fire in fires] == [latest, missed]

    def test_a_long_outage_is_made_up_for_by_one_run_whatever_is_wrong_with_another(self, owner: Api) -> None:
        broken, made = sorted(owner.create(HELLO)["id"] for _ in range(2))
        for workflow_id in (broken, made):
            put(owner, workflow_id, cron=f"{minutes_gone_by()} * * * *", catch_up="last")
        with services().database.connection() as connection:
            connection.execute(
                """
                UPDATE workflow_schedules
                SET since = NOW() - INTERVAL '20 years', accounted_until = NOW() - INTERVAL '20 years'
                WHERE workflow_id = ANY(%s)
                """,
                ([UUID(broken), UUID(made)],),
            )
            connection.execute(
                "UPDATE workflow_versions SET graph_definition = '{}' WHERE workflow_id = %s", (UUID(broken),)
            )
        told = services().firing.catch_up()
        assert told | {"caught_up": 1} == {"caught_up": 1, "catch_up_put_off": 1}  # the stack itself may be first
        (run,) = runs(owner, made)
        moment = datetime.fromisoformat(owner.ended(made, run["id"])["input"]["scheduled_for"]["utc"])
        assert timedelta(minutes=2) <= datetime.now(UTC) - moment <= timedelta(minutes=4)

    def test_a_fire_whose_run_was_deleted_does_not_come_again(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron=EVERY_MINUTE)
        minute = far_minute()
        for minutes in range(2):
            trigger(stack, workflow_id, minute + minutes * MINUTE)
        later, earlier = runs(owner, workflow_id)
        owner.ended(workflow_id, earlier["id"])
        with services().database.connection() as connection:
            connection.execute("DELETE FROM workflow_runs WHERE id = %s", (UUID(earlier["id"]),))
        put(owner, workflow_id, overlap="allow")
        assert trigger(stack, workflow_id, minute) == {"run_id": None}
        assert [run["id"] for run in runs(owner, workflow_id)] == [later["id"]]

    @pytest.mark.parametrize(
        "event",
        [
            None, [], {}, {"timer": "stepgraph-of-someone-else", "time": "2030-01-01T00:00:00Z"},
            {"timer": timer(uuid.uuid4())}, {"timer": timer(uuid.uuid4()), "time": "2030-01-01T00:00:00"},
            {"timer": timer(uuid.uuid4()), "time": "soon"}, {"timer": None, "time": "2030-01-01T00:00:00Z"},
        ],
    )  # fmt: skip
    def test_what_no_timer_sends_is_refused(self, stack: Stack, event: Any) -> None:
        with pytest.raises(MalformedError):
            stack.app.handler_map["schedule_trigger"](event, None)

    def test_what_a_rule_sends_by_itself_is_understood(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron=EVERY_MINUTE)
        rule = f"arn:aws:events:us-east-1:123456789012:rule/{timer(workflow_id)}"
        event = {"detail-type": "Scheduled Event", "source": "aws.events", "resources": [rule]}
        stack.app.handler_map["schedule_trigger"](event | {"time": far_minute().isoformat()}, None)
        assert len(runs(owner, workflow_id)) == 1

    def test_a_fire_is_told_in_the_log(self, owner: Api, stack: Stack, stack_folder: Path) -> None:
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron=EVERY_MINUTE)
        run_id = trigger(stack, workflow_id, far_minute())["run_id"]
        log = (stack_folder / "log").read_text().splitlines()
        (line,) = [line for line in log if run_id in line and "fired" in line]
        assert json.loads(line)["workflow_id"] == workflow_id

    def test_timers_that_are_no_ones_here_do_not_stop_the_clock(self, owner: Api, stack: Stack) -> None:
        client, name = boto3.client("events", region_name="us-east-1"), uuid.uuid4().hex
        targets = [
            ("queue", "arn:aws:sqs:us-east-1:123456789012:queue"),
            ("other", "arn:aws:lambda:a:1:function:other"),
        ]
        for number, expression in enumerate(("cron(* * * * ? *)", "cron(0 25 * * ? *)", "rate(1 minute)")):
            client.put_rule(Name=f"{name}-{number}", ScheduleExpression=expression)
            client.put_targets(Rule=f"{name}-{number}", Targets=[{"Id": key, "Arn": arn} for key, arn in targets])
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron=EVERY_MINUTE)
        hand = Hand(far_minute())
        clock = Clock(stack.app, hand)
        hand.now += MINUTE
        clock.tick()
        for number in range(3):
            client.remove_targets(Rule=f"{name}-{number}", Ids=[key for key, _ in targets])
            client.delete_rule(Name=f"{name}-{number}")
        assert len(runs(owner, workflow_id)) == 1


class TestRefusals:
    """What a schedule may not be, over HTTP; crons by themselves are in `tests/schedules`."""

    @pytest.mark.parametrize(
        ("schedule", "code", "hint"),
        [
            ({"cron": "0 8 * * * *"}, "six_fields", "write 8 * * * *"),
            ({"cron": "* " * 60}, "too_long", "write ranges and steps instead of lists, such as 0-30/2"),
            ({"enabled": True}, "no_cron", "send one, such as 30 8 * * 1-5"),
            ({"timezone": ""}, "unknown_timezone", "write a name such as Europe/Berlin, or UTC"),
            ({"timezone": "europe/berlin"}, "unknown_timezone", "did you mean Europe/Berlin?"),
            ({"timezone": "America/New York"}, "unknown_timezone", "did you mean America/New_York?"),
            ({"timezone": "localtime"}, "unknown_timezone", "write a name such as Europe/Berlin, or UTC"),
            ({"timezone": "x" * 100_000}, "unknown_timezone", "write a name such as Europe/Berlin, or UTC"),
        ],
    )  # fmt: skip
    def test_it_is_refused_with_what_would_be_right(
        self, owner: Api, schedule: dict[str, Any], code: str, hint: str
    ) -> None:
        workflow_id = owner.create(HELLO)["id"]
        answer = owner.send("PUT", f"/{workflow_id}/schedule", schedule)
        (error,) = answer.body["errors"]
        assert (answer.status, error["code"], error["hint"]) == (422, code, hint)
        assert error["message"].endswith(hint)
        assert answer.body["detail"] == error["message"]
        assert rules(workflow_id) == {}


def waits_for_a_lock(stack: Stack) -> bool:
    """Whether someone waits for what another transaction holds."""
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return bool(row and row[0])


def test_a_storm_starts_every_run_once(owner: Api, stack: Stack) -> None:
    """What fires in the same minute; `make bench` does it with a thousand."""
    workflow_ids = [owner.create(HELLO)["id"] for _ in range(40)]
    for workflow_id in workflow_ids:
        put(owner, workflow_id, cron="17 3 29 2 *")
    hand = Hand(datetime(2028, 2, 29, 3, 16, tzinfo=UTC))
    clock = Clock(stack.app, hand)
    hand.now += MINUTE
    clock.tick()
    clock.tick()
    for workflow_id in workflow_ids:
        (run,) = runs(owner, workflow_id)
        assert owner.ended(workflow_id, run["id"])["status"] == "succeeded"
