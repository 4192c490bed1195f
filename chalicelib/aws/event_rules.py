"""Timers as EventBridge rules on the default bus: built in everywhere, at most 300 in an account's region."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.errors import UnavailableError
from chalicelib.schedules.timers import AT_ONCE, ActualTimer, Timer

from .clients import client, our_errors

if TYPE_CHECKING:
    from chalicelib.settings import Settings

SERVICE = "EventBridge"
TARGET = "trigger"
DESCRIPTION = "A Stepgraph schedule"
FULL = (
    "EventBridge has as many rules as this account's region may have (300 unless its quota was raised); "
    "SCHEDULE_BACKEND=scheduler moves all schedules to EventBridge Scheduler, which takes millions"
)


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
        pages = self._client.get_paginator("list_rules").paginate(NamePrefix=prefix)
        with our_errors(SERVICE):
            rules = [rule for page in pages for rule in page["Rules"]]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from filter(None, pool.map(self._actual, rules))

    def _actual(self, rule: Mapping[str, Any]) -> ActualTimer | None:
        """A rule as a timer; None of one that was taken away while we looked."""
        name, gone = rule["Name"], self._client.exceptions.ResourceNotFoundException
        try:
            with our_errors(SERVICE, gone):
                targets = self._targets(name)
        except gone:
            return None
        is_ours = all(target["Arn"] == self._settings.schedule_trigger_function for target in targets)
        is_intact, is_enabled = targets == [self._target(name)], rule["State"] == "ENABLED"
        return ActualTimer(name, rule.get("ScheduleExpression", ""), is_enabled, is_intact, is_ours)

    def put(self, timer: Timer) -> None:
        """Make a rule with its target, or make it so. Raises UnavailableError."""
        state, full = "ENABLED" if timer.is_enabled else "DISABLED", self._client.exceptions.LimitExceededException
        try:
            with our_errors(SERVICE, full):
                self._client.put_rule(
                    Name=timer.name, ScheduleExpression=timer.expression, State=state, Description=DESCRIPTION
                )
                self._aim(timer.name)
        except full as error:
            raise UnavailableError(FULL) from error

    def _aim(self, name: str) -> None:
        """Give a rule the trigger as its one target."""
        others = [target["Id"] for target in self._targets(name) if target["Id"] != TARGET]
        if others:
            self._client.remove_targets(Rule=name, Ids=others)
        failed = self._client.put_targets(Rule=name, Targets=[self._target(name)]).get("FailedEntries")
        if failed:
            raise UnavailableError(f"{SERVICE} does not take the target of {name} now ({failed[0]['ErrorCode']})")

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
