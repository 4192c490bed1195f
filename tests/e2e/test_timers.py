"""Timers of schedules in moto: they follow the workflow, whatever fails, on either backend."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.aws.event_rules import EventRules
from chalicelib.aws.event_scheduler import EventScheduler
from chalicelib.bootstrap import services
from chalicelib.schedules.sync import ScheduleSync
from local.clock import Clock
from local.stack import Stack
from tests.client import Api

from .scheduling import HELLO, MINUTE, NAP, Hand, aws, put, refused, rules, runs, timer, trigger

pytestmark = pytest.mark.usefixtures("nothing_scheduled_after")


class TestRules:
    def test_they_follow_the_workflow(self, owner: Api) -> None:
        workflow_id = owner.create(HELLO)["id"]
        name = timer(workflow_id)
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

    def test_a_clone_of_a_scheduled_template_is_off(self, owner: Api) -> None:
        template = owner.create(HELLO, is_template=True)["id"]
        put(owner, template, cron="@hourly")
        clone = owner.send("POST", f"/templates/{template}/clone", {}).body
        assert (clone["schedule_cron"], clone["schedule_enabled"]) == ("@hourly", False)
        assert {state for _, state in rules(clone["id"]).values()} == {"DISABLED"}

    def test_what_someone_did_by_hand_is_told_and_mended(self, owner: Api) -> None:
        client = boto3.client("events", region_name="us-east-1")
        workflow_id, orphan = owner.create(HELLO)["id"], uuid.uuid4()
        put(owner, workflow_id, cron="0 8 * * *")
        name = timer(workflow_id)
        target = client.list_targets_by_rule(Rule=name)["Targets"]
        breaks = {
            "missing": lambda: (client.remove_targets(Rule=name, Ids=["trigger"]), client.delete_rule(Name=name)),
            "is off and should be on": lambda: client.disable_rule(Name=name),
            "should be cron(0 8 * * ? *)": lambda: client.put_rule(Name=name, ScheduleExpression="cron(1 1 * * ? *)"),
            "does not call the trigger": lambda: client.remove_targets(Rule=name, Ids=["trigger"]),
        }
        client.put_rule(Name=timer(orphan), ScheduleExpression="cron(0 8 * * ? *)")
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

    @pytest.mark.usefixtures("owner")
    def test_timers_of_another_deployment_in_the_account_stay(self) -> None:
        events, scheduler = (boto3.client(name, region_name="us-east-1") for name in ("events", "scheduler"))
        name, arn = timer(uuid.uuid4()), "arn:aws:lambda:us-east-1:123456789012:function:staging-schedule-trigger"
        events.put_rule(Name=name, ScheduleExpression="cron(0 8 * * ? *)")
        events.put_targets(Rule=name, Targets=[{"Id": "trigger", "Arn": arn}])
        schedule = {"GroupName": "stepgraph", "Name": name, "ScheduleExpression": "cron(0 8 * * ? *)"}
        target = {"Arn": arn, "RoleArn": "arn:aws:iam::123456789012:role/staging", "Input": "{}"}
        scheduler.create_schedule(**schedule, FlexibleTimeWindow={"Mode": "OFF"}, Target=target)
        services().schedule_sync.sync_all()
        assert events.list_targets_by_rule(Rule=name)["Targets"][0]["Arn"] == arn
        assert scheduler.get_schedule(GroupName="stepgraph", Name=name)["Target"]["Arn"] == arn
        scheduler.delete_schedule(GroupName="stepgraph", Name=name)
        events.remove_targets(Rule=name, Ids=["trigger"])
        events.delete_rule(Name=name)

    def test_a_call_that_fails_leaves_it_told_and_then_mended(self, owner: Api) -> None:
        def fail(operation: str, _parameters: Any) -> None:
            if operation == "PutRule":
                raise EndpointConnectionError(endpoint_url="https://events.example.com")

        workflow_id = owner.create(HELLO)["id"]
        with aws(fail):
            schedule = put(owner, workflow_id, cron="0 8 * * *")
        assert (schedule["schedule_enabled"], schedule["in_sync"]) == (True, False)
        missing, why = schedule["out_of_sync"]
        assert (missing, "EventBridge does not take it now" in why) == (f"{timer(workflow_id)} is missing", True)
        services().schedule_sync.sync_all()
        assert owner.get(f"/{workflow_id}/schedule")["out_of_sync"] == []

    def test_a_bus_with_too_many_rules_is_told_with_what_to_do(self, owner: Api) -> None:
        def full(operation: str, _parameters: Any) -> None:
            if operation == "PutRule":
                raise refused("events", "LimitExceededException")

        workflow_id = owner.create(HELLO)["id"]
        with aws(full):
            put(owner, workflow_id, cron="0 8 * * *")
        (_, why) = owner.get(f"/{workflow_id}/schedule")["out_of_sync"]
        assert "as many rules as this account's region may have" in why
        assert "SCHEDULE_BACKEND=scheduler" in why

    def test_a_target_that_is_not_taken_is_told(self, owner: Api) -> None:
        def refuse(operation: str, _parameters: Any) -> Any:
            failed = {"TargetId": "trigger", "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "later"}
            return {"FailedEntryCount": 1, "FailedEntries": [failed]} if operation == "PutTargets" else None

        workflow_id = owner.create(HELLO)["id"]
        with aws(refuse):
            told = put(owner, workflow_id, cron="0 8 * * *")["out_of_sync"]
        assert told[0] == f"{timer(workflow_id)} does not call the trigger as it should"
        assert "ConcurrentModificationException" in told[1]

    def test_one_that_cannot_be_mended_keeps_no_other_from_it(self, owner: Api) -> None:
        client = boto3.client("events", region_name="us-east-1")
        workflow_ids, orphan = [owner.create(HELLO)["id"] for _ in range(3)], uuid.uuid4()
        for workflow_id in workflow_ids:
            put(owner, workflow_id, cron="0 8 * * *")
            client.disable_rule(Name=timer(workflow_id))
        client.put_rule(Name=timer(orphan), ScheduleExpression="cron(0 8 * * ? *)")

        def fail(operation: str, parameters: Any) -> None:
            if operation == "PutRule" and parameters["Name"] == timer(min(workflow_ids)):
                raise EndpointConnectionError(endpoint_url="https://events.example.com")

        with aws(fail):
            assert services().schedule_sync.sync_all() == {"mended": 3, "put_off": 1}
        in_sync = {workflow_id: owner.get(f"/{workflow_id}/schedule")["in_sync"] for workflow_id in workflow_ids}
        assert in_sync == {workflow_id: workflow_id != min(workflow_ids) for workflow_id in workflow_ids}
        assert rules(str(orphan)) == {}

    @pytest.mark.usefixtures("owner")
    def test_a_rule_that_goes_while_one_looks_is_as_good_as_gone(self) -> None:
        client = boto3.client("events", region_name="us-east-1")
        orphan = uuid.uuid4()
        client.put_rule(Name=timer(orphan), ScheduleExpression="cron(0 8 * * ? *)")

        def go(operation: str, parameters: Any) -> None:
            if operation == "ListTargetsByRule" and parameters["Rule"] == timer(orphan) and rules(str(orphan)):
                client.delete_rule(Name=timer(orphan))

        with aws(go):
            assert services().schedule_sync.differences(orphan) == []

    def test_of_two_that_change_a_schedule_the_timers_follow_the_last(self, owner: Api) -> None:
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron="0 0 * * *")
        threads = [
            threading.Thread(target=put, args=(owner, workflow_id), kwargs={"cron": f"{minute} 8 * * *"})
            for minute in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        schedule = owner.get(f"/{workflow_id}/schedule")
        minute = schedule["schedule_cron"].partition(" ")[0]
        assert rules(workflow_id) == {timer(workflow_id): (f"cron({minute} 8 * * ? *)", "ENABLED")}
        assert schedule["in_sync"]


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
        put(owner, workflow_id, cron="0 8 13 8 5")
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
        name = timer(workflow_id)
        assert scheduler.differences(UUID(workflow_id)) == []
        client.delete_schedule(GroupName="stepgraph", Name=name)
        assert scheduler.differences(UUID(workflow_id)) == [f"{name} is missing"]
        put(owner, workflow_id, enabled=False)
        scheduler.sync_all()
        assert client.get_schedule(GroupName="stepgraph", Name=name)["State"] == "DISABLED"
        put(owner, workflow_id, cron=None)
        scheduler.sync_all()
        assert client.list_schedules(NamePrefix=name)["Schedules"] == []

    def test_what_is_not_moved_yet_still_fires_and_what_is_not_ours_stays(
        self, owner: Api, scheduler: ScheduleSync
    ) -> None:
        client = boto3.client("events", region_name="us-east-1")
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron="0 8 * * *")
        before = rules(workflow_id)
        client.put_rule(Name="stepgraph-of-someone-else", ScheduleExpression="cron(0 8 * * ? *)")

        def fail(operation: str, parameters: Any) -> None:
            if operation in ("CreateSchedule", "UpdateSchedule") and parameters["Name"] == timer(workflow_id):
                raise EndpointConnectionError(endpoint_url="https://scheduler.example.com")

        with aws(fail):
            assert scheduler.sync_all()["put_off"] == 1
        assert rules(workflow_id) == before
        scheduler.sync_all()
        assert rules(workflow_id) == {}
        assert client.describe_rule(Name="stepgraph-of-someone-else")
        client.delete_rule(Name="stepgraph-of-someone-else")

    def test_an_end_that_someone_set_by_hand_is_told_and_mended(self, owner: Api, scheduler: ScheduleSync) -> None:
        client = boto3.client("scheduler", region_name="us-east-1")
        workflow_id = owner.create(HELLO)["id"]
        put(owner, workflow_id, cron="0 8 * * *")
        scheduler.sync(UUID(workflow_id))
        found = client.get_schedule(GroupName="stepgraph", Name=timer(workflow_id))
        given = {
            key: found[key]
            for key in ("Name", "GroupName", "ScheduleExpression", "State", "FlexibleTimeWindow", "Target")
        }
        client.update_schedule(**given, EndDate=datetime(2026, 1, 1, tzinfo=UTC))
        (told,) = scheduler.differences(UUID(workflow_id))
        assert told == f"{timer(workflow_id)} does not call the trigger as it should"
        scheduler.sync_all()
        assert scheduler.differences(UUID(workflow_id)) == []

    @pytest.mark.usefixtures("owner")
    def test_without_its_group_there_are_no_schedules_to_take_away(self) -> None:
        def no_group(operation: str, _parameters: Any) -> None:
            if operation == "ListSchedules":
                raise refused("scheduler", "ResourceNotFoundException")

        settings = services().settings
        back = ScheduleSync(services().database, EventRules(settings), [EventScheduler(settings)])
        with aws(no_group):
            assert "put_off" not in back.sync_all()
