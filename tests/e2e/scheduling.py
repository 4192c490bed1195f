"""What tests of schedules share: schedules, their timers in moto, and a clock's hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from local.stack import Stack
from tests.client import Api, graph, node

HELLO = graph([node("a")])
NAP = graph([node("nap", "wait", {"seconds": 600})])
FAILS = graph([node("stop", "fail", {"message": "no"})])
MINUTE = timedelta(minutes=1)
FAR_HOUR = (datetime.now(UTC).hour + 12) % 24
"""The clock of the stack fires, too; it does not come to this hour while a test moves the hand of its own clock."""
EVERY_MINUTE = f"* {FAR_HOUR} * * *"
QUIET_MINUTES = 11


@dataclass
class Hand:
    """A clock's hand, moved by the test."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def far_minute(days: int = 1) -> datetime:
    """The second minute of the far hour, so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).replace(hour=FAR_HOUR, minute=1, second=0, microsecond=0)


def minutes_gone_by() -> str:
    """The minutes of the hour as a cron has them, up to the last that can be missed by now, without those that may come
    while a test runs."""
    now = datetime.now(UTC).minute
    begin, end = now + QUIET_MINUTES, now - 2
    parts = [(begin, 59), (0, end)] if begin <= 59 else [(begin - 60, end)]
    return ",".join(f"{low}-{high}" for low, high in parts if low <= high)


def put(api: Api, workflow_id: str, **schedule: Any) -> dict[str, Any]:
    answer = api.send("PUT", f"/{workflow_id}/schedule", schedule)
    assert answer.status == 200, answer
    return dict(answer.body)


def timer(workflow_id: Any) -> str:
    """The name of its first timer."""
    return f"stepgraph-{workflow_id}-0"


def rules(workflow_id: str) -> dict[str, tuple[str, str]]:
    """What EventBridge has: the expression and the state of each rule, by its name."""
    client = boto3.client("events", region_name="us-east-1")
    found = client.list_rules(NamePrefix=f"stepgraph-{workflow_id}")["Rules"]
    return {rule["Name"]: (rule["ScheduleExpression"], rule["State"]) for rule in found}


def runs(api: Api, workflow_id: str) -> list[dict[str, Any]]:
    return list(api.get(f"/{workflow_id}/runs")["items"])


def trigger(stack: Stack, workflow_id: str, moment: datetime) -> Any:
    event = {"timer": timer(workflow_id), "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
    return stack.app.handler_map["schedule_trigger"](event, None)


def refused(service: str, code: str) -> Exception:
    """An error of a service's own, as boto3 raises it."""
    kind: type[ClientError] = getattr(boto3.client(service, region_name="us-east-1").exceptions, code)
    return kind({"Error": {"Code": code, "Message": "as told"}}, "AnyOperation")


@contextmanager
def aws(answers: Callable[[str, dict[str, Any]], Any]) -> Iterator[None]:
    """Meanwhile AWS answers a call (its operation and parameters) with what this gives or raises; None is as always."""
    call = BaseClient._make_api_call  # noqa: SLF001 - the seam that all of boto3 goes through

    def answer(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        return answers(operation, parameters) or call(client, operation, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", answer)
        yield
