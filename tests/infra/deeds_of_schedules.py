"""What schedules make their Lambdas do, on either backend, while someone in the console does what they mend."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from chalicelib.aws.event_scheduler import GROUP
from chalicelib.bootstrap import services
from chalicelib.schedules.timers import name_of, prefix_of
from tests.client import graph, node, poll
from tests.containers import deployed_with
from tests.e2e.scheduling import FAR_HOUR, MINUTE, far_minute, minutes_gone_by, put

from .installation import Installation, console, fresh

TWO_TIMERS = f"* {FAR_HOUR} 13 * 5"
A_TIMER_TOO_MANY = 9

Damage = Callable[[str], None]
"""What someone does to the timers of a workflow."""


def to_rules(workflow_id: str) -> None:
    """One calls something else, too, and there is one too many."""
    events, trigger = console("events"), services().settings.schedule_trigger_function
    there, extra = (name_of(UUID(workflow_id), number) for number in (0, A_TIMER_TOO_MANY))
    events.put_targets(Rule=there, Targets=[{"Id": "other", "Arn": "arn:aws:sqs:us-east-1:123456789012:other"}])
    events.put_rule(Name=extra, ScheduleExpression="cron(0 8 * * ? *)")
    events.put_targets(Rule=extra, Targets=[{"Id": "trigger", "Arn": trigger}])


def to_schedules(workflow_id: str) -> None:
    """One is gone, and there is one too many."""
    scheduler = console("scheduler")
    gone, extra = (name_of(UUID(workflow_id), number) for number in (0, A_TIMER_TOO_MANY))
    target = scheduler.get_schedule(GroupName=GROUP, Name=gone)["Target"]
    scheduler.delete_schedule(GroupName=GROUP, Name=gone)
    schedule: dict[str, Any] = {"GroupName": GROUP, "Name": extra, "ScheduleExpression": "cron(0 8 * * ? *)"}
    scheduler.create_schedule(**schedule, FlexibleTimeWindow={"Mode": "OFF"}, Target=target)


def users_change_them(damage: Damage, it: Installation) -> None:
    workflow_id = _scheduled(it, node(fresh()))
    damage(workflow_id)
    put(it.api, workflow_id, enabled=False)
    assert it.api.send("DELETE", f"/{workflow_id}").status == 204


def the_trigger_starts_a_run_and_pauses_what_fails(damage: Damage, it: Installation) -> None:
    """It pauses where the event was lost that told of the failure."""
    workflow_id = _scheduled(it, node(fresh(), "fail", {"message": "no"}))
    it.end(_fired(it, workflow_id, friday()), "failed")
    put(it.api, workflow_id, pause_after_failures=1)
    damage(workflow_id)
    assert _fire(it, workflow_id, friday() + MINUTE) is None
    assert _is_paused(it, workflow_id)


def the_end_of_a_run_pauses_what_fails(damage: Damage, it: Installation) -> None:
    workflow_id = _scheduled(it, node(fresh(), "fail", {"message": "no"}))
    put(it.api, workflow_id, pause_after_failures=1)
    damage(workflow_id)
    _fired(it, workflow_id, friday())
    poll(lambda: _is_paused(it, workflow_id))


def the_reconciler_mends_them(damage: Damage, it: Installation) -> None:
    workflow_id = _scheduled(it, node(fresh()))
    damage(workflow_id)
    it.call("reconcile_schedules")
    assert it.api.get(f"/{workflow_id}/schedule")["in_sync"]


def what_was_missed_is_made_up_for(it: Installation) -> None:
    workflow_id = it.api.create(graph([node(fresh())]))["id"]
    put(it.api, workflow_id, cron=f"{minutes_gone_by()} * * * *", catch_up="last")
    it.change(
        "UPDATE workflow_schedules SET since = %(then)s, accounted_until = %(then)s WHERE workflow_id = %(id)s",
        then=datetime.now(UTC) - timedelta(hours=1), id=workflow_id,
    )  # fmt: skip
    it.call("reconcile_schedules")
    assert len(it.api.get(f"/{workflow_id}/runs")["items"]) == 1


def all_move_to_the_other_backend_and_back(it: Installation) -> None:
    workflow_id = _scheduled(it, node(fresh()))
    with deployed_with(schedule_backend="scheduler"):
        it.call("reconcile_schedules")
        for deed in BY_TIMERS:
            deed(to_schedules, it)
    it.call("reconcile_schedules")
    assert it.api.get(f"/{workflow_id}/schedule")["in_sync"]
    assert (
        console("scheduler").list_schedules(GroupName=GROUP, NamePrefix=prefix_of(UUID(workflow_id)))["Schedules"] == []
    )


def _scheduled(it: Installation, *nodes: dict[str, Any]) -> str:
    """A workflow with two timers."""
    workflow_id = str(it.api.create(graph(list(nodes)))["id"])
    assert put(it.api, workflow_id, cron=TWO_TIMERS)["in_sync"]
    return workflow_id


def friday() -> datetime:
    """A minute of the next one, at which the cron of two timers fires."""
    days = (far_minute(days=number) for number in range(1, 8))
    return next(day for day in days if day.weekday() == calendar.FRIDAY)


def _fire(it: Installation, workflow_id: str, moment: datetime) -> str | None:
    """What a timer does: the run that was started."""
    name = name_of(UUID(workflow_id), 0)
    run_id: str | None = it.call("schedule_trigger", {"timer": name, "time": moment.isoformat()})["run_id"]
    return run_id


def _fired(it: Installation, workflow_id: str, moment: datetime) -> str:
    return f"/{workflow_id}/runs/{_fire(it, workflow_id, moment)}"


def _is_paused(it: Installation, workflow_id: str) -> bool:
    """In the database, and its timers as well."""
    schedule = it.api.get(f"/{workflow_id}/schedule")
    return bool(schedule["paused_at"] and schedule["in_sync"])


BY_TIMERS = (
    users_change_them,
    the_trigger_starts_a_run_and_pauses_what_fails,
    the_end_of_a_run_pauses_what_fails,
    the_reconciler_mends_them,
)
DEEDS = (
    *(partial(deed, to_rules) for deed in BY_TIMERS),
    what_was_missed_is_made_up_for,
    all_move_to_the_other_backend_and_back,
)
