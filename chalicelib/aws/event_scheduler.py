"""Timers as schedules of EventBridge Scheduler: millions of them, for those past 300 rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.schedules.timers import AT_ONCE, ActualTimer, Timer

from .clients import client, our_errors

if TYPE_CHECKING:
    from chalicelib.settings import Settings

SERVICE = "EventBridge Scheduler"
GROUP = "stepgraph"
"""Made with the rest of the infrastructure."""


class EventScheduler:
    """A schedule a timer, in a group of our own
    (https://docs.aws.amazon.com/scheduler/latest/UserGuide/what-is-scheduler.html).

    Expressions are in UTC, as those of rules: what summer time does is decided by the trigger, in one way.
    """

    name = "scheduler"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _client(self) -> Any:
        return client("scheduler", self._settings)

    def find(self, prefix: str) -> Iterator[ActualTimer]:
        """The timers whose names begin so. Raises UnavailableError."""
        pages = self._client.get_paginator("list_schedules").paginate(GroupName=GROUP, NamePrefix=prefix)
        gone = self._client.exceptions.ResourceNotFoundException
        try:
            with our_errors(SERVICE, gone):
                names = [schedule["Name"] for page in pages for schedule in page["Schedules"]]
        except gone:
            return  # no group, no schedules in it: an account that keeps its timers as rules need not have one
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from filter(None, pool.map(self._actual, names))

    def _actual(self, name: str) -> ActualTimer | None:
        """A schedule as a timer; None of one that was taken away while we looked."""
        gone = self._client.exceptions.ResourceNotFoundException
        try:
            with our_errors(SERVICE, gone):
                found = self._client.get_schedule(GroupName=GROUP, Name=name)
        except gone:
            return None
        expression, is_enabled = found["ScheduleExpression"], found["State"] == "ENABLED"
        wanted = self._schedule(Timer(name, expression, is_enabled))
        found["Target"] = {key: found["Target"].get(key) for key in wanted["Target"]}
        is_bounded = "StartDate" in found or "EndDate" in found
        is_intact = not is_bounded and all(found.get(key) == value for key, value in wanted.items())
        is_ours = found["Target"]["Arn"] == wanted["Target"]["Arn"]
        return ActualTimer(name, expression, is_enabled, is_intact, is_ours)

    def put(self, timer: Timer) -> None:
        """Make a schedule, or make it so. Raises UnavailableError."""
        schedule, gone = self._schedule(timer), self._client.exceptions.ResourceNotFoundException
        with our_errors(SERVICE):
            try:
                self._client.update_schedule(**schedule)
            except gone:
                self._client.create_schedule(**schedule)

    def delete(self, name: str) -> None:
        """Take a schedule away. Raises UnavailableError."""
        gone = self._client.exceptions.ResourceNotFoundException
        try:
            with our_errors(SERVICE, gone):
                self._client.delete_schedule(GroupName=GROUP, Name=name)
        except gone:
            return

    def _schedule(self, timer: Timer) -> dict[str, Any]:
        """What Scheduler is to have: the trigger is called, told which timer calls it and for which minute."""
        time = "<aws.scheduler.scheduled-time>"
        return {
            "GroupName": GROUP,
            "Name": timer.name,
            "ScheduleExpression": timer.expression,
            "ScheduleExpressionTimezone": "UTC",
            "State": "ENABLED" if timer.is_enabled else "DISABLED",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": self._settings.schedule_trigger_function,
                "RoleArn": self._settings.scheduler_role_arn,
                "Input": json.dumps({"timer": timer.name, "time": time}),
            },
        }
