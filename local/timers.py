"""Which rules and schedules that moto keeps are due at a minute, and what they send to which Lambda.

moto keeps them and never fires them. Their expressions are read by aws-croniter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from aws_croniter import AwsCroniter
from aws_croniter.exceptions import AwsCroniterExpressionError
from moto.events.models import events_backends
from moto.scheduler.models import scheduler_backends

from .account import ACCOUNT, REGION

_EXPRESSION = re.compile(r"cron\((.+)\)")
LAMBDA = ":function:"
"""In the ARNs of targets that are called here."""
_TIME = "%Y-%m-%dT%H:%M:%SZ"
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""Scheduler's word for the minute
(https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html)."""


def due(minute: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name of a Lambda and the event for it, for each target of what is due at this minute (UTC)."""
    yield from _rules(minute)
    yield from _schedules(minute)


def _rules(minute: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    bus = events_backends[ACCOUNT][REGION].event_buses["default"]
    for rule in tuple(bus.rules.values()):
        if rule.state == "ENABLED" and _is_due(rule.scheduled_expression or "", minute):
            for target in tuple(rule.targets):
                if LAMBDA in target["Arn"]:
                    yield _function(target["Arn"]), _event_of(rule, target, minute)


def _event_of(rule: Any, target: Mapping[str, Any], minute: datetime) -> dict[str, Any]:
    event = {
        "version": "0",
        "id": f"{rule.name} {minute:{_TIME}}",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": f"{minute:{_TIME}}",
        "region": REGION,
        "resources": [rule.arn],
        "detail": {},
    }
    if target.get("Input"):
        return dict(json.loads(target["Input"]))
    transformer = target.get("InputTransformer")
    if not transformer:
        return event
    text = transformer["InputTemplate"]
    for name, path in transformer.get("InputPathsMap", {}).items():
        text = text.replace(f"<{name}>", json.dumps(event[path.removeprefix("$.")]))
    return dict(json.loads(text))


def _schedules(minute: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    groups = scheduler_backends[ACCOUNT][REGION].schedule_groups
    for group in tuple(groups.values()):
        for schedule in tuple(group.schedules.values()):
            is_ours = LAMBDA in schedule.target["Arn"]
            if is_ours and schedule.state == "ENABLED" and _is_due(schedule.schedule_expression, minute):
                text = str(schedule.target.get("Input") or "{}").replace(SCHEDULED_TIME, f"{minute:{_TIME}}")
                yield _function(schedule.target["Arn"]), dict(json.loads(text))


def _function(arn: str) -> str:
    return arn.split(":")[6]


def _is_due(expression: str, minute: datetime) -> bool:
    found = _EXPRESSION.fullmatch(expression)
    return found is not None and _fires(found[1], minute)


@lru_cache(maxsize=16_384)
def _read(text: str) -> AwsCroniter | None:
    """None of what EventBridge would not have taken, and moto does."""
    try:
        return AwsCroniter(text)
    except AwsCroniterExpressionError:
        return None


def _fires(text: str, minute: datetime) -> bool:
    read = _read(text)
    following = read.get_next(minute - timedelta(minutes=1), 1) if read else []
    return bool(following) and following[0] == minute
