"""Timers as schedules of EventBridge Scheduler: millions of them, for those past 300 rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from chalicelib.schedules.timers import ActualTimer, Timer
from chalicelib.settings import Settings

from .clients import client, our_errors

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
        with our_errors(SERVICE):
            names = [schedule["Name"] for page in pages for schedule in page["Schedules"]]
        for name in names:
            if found := self._get(name):
                yield found

    def _get(self, name: str) -> ActualTimer | None:
        gone = self._client.exceptions.ResourceNotFoundException
        try:
            with our_errors(SERVICE, gone):
                found = self._client.get_schedule(GroupName=GROUP, Name=name)
        except gone:
            return None
        target = {key: found["Target"].get(key) for key in self._target(name)}
        is_intact = target == self._target(name) and found.get("ScheduleExpressionTimezone", "UTC") == "UTC"
        return ActualTimer(name, found["ScheduleExpression"], found["State"] == "ENABLED", is_intact)

    def put(self, timer: Timer) -> None:
        """Make a schedule, or make it so. Raises UnavailableError."""
        schedule = {
            "GroupName": GROUP,
            "Name": timer.name,
            "ScheduleExpression": timer.expression,
            "ScheduleExpressionTimezone": "UTC",
            "State": "ENABLED" if timer.is_enabled else "DISABLED",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": self._target(timer.name),
        }
        gone = self._client.exceptions.ResourceNotFoundException
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

    def _target(self, name: str) -> dict[str, Any]:
        """The trigger, told which timer calls it and for which minute."""
        time = "<aws.scheduler.scheduled-time>"
        return {
            "Arn": self._settings.schedule_trigger_function,
            "RoleArn": self._settings.scheduler_role_arn,
            "Input": json.dumps({"timer": name, "time": time}),
        }
