"""Timers as EventBridge rules on the default bus: built in everywhere, at most 300 in an account's region."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from chalicelib.schedules.timers import ActualTimer, Timer
from chalicelib.settings import Settings

from .clients import client, our_errors

SERVICE = "EventBridge"
TARGET = "trigger"


class EventRules:
    """A rule and its target a timer (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html)."""

    name = "rules"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _client(self) -> Any:
        return client("events", self._settings)

    def find(self, prefix: str) -> Iterator[ActualTimer]:
        """The timers whose names begin so. Raises UnavailableError."""
        with our_errors(SERVICE):
            for page in self._client.get_paginator("list_rules").paginate(NamePrefix=prefix):
                for rule in page["Rules"]:
                    yield ActualTimer(
                        rule["Name"],
                        rule.get("ScheduleExpression", ""),
                        rule["State"] == "ENABLED",
                        self._targets(rule["Name"]) == [self._target(rule["Name"])],
                    )

    def put(self, timer: Timer) -> None:
        """Make a rule with its target, or make it so. Raises UnavailableError."""
        state = "ENABLED" if timer.is_enabled else "DISABLED"
        with our_errors(SERVICE):
            self._client.put_rule(
                Name=timer.name, ScheduleExpression=timer.expression, State=state, Description="A Stepgraph schedule"
            )
            others = [target["Id"] for target in self._targets(timer.name) if target["Id"] != TARGET]
            if others:
                self._client.remove_targets(Rule=timer.name, Ids=others)
            self._client.put_targets(Rule=timer.name, Targets=[self._target(timer.name)])

    def delete(self, name: str) -> None:
        """Take a rule away with its targets. Raises UnavailableError."""
        gone = self._client.exceptions.ResourceNotFoundException
        try:
            with our_errors(SERVICE, gone):
                ids = [target["Id"] for target in self._targets(name)]
                if ids:
                    self._client.remove_targets(Rule=name, Ids=ids)
                self._client.delete_rule(Name=name)
        except gone:
            return

    def _targets(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.list_targets_by_rule(Rule=name)["Targets"]
        return found

    def _target(self, name: str) -> dict[str, Any]:
        """The trigger, told which timer calls it and for which minute."""
        return {
            "Id": TARGET,
            "Arn": self._settings.schedule_trigger_function,
            "InputTransformer": {
                "InputPathsMap": {"time": "$.time"},
                "InputTemplate": f'{{"timer": {json.dumps(name)}, "time": <time>}}',
            },
        }
