"""What EventBridge does in an account: call the Lambdas of timers when it is time, and those that look after things.

A minute that passed while this machine stood still is not skipped: its timers are called late, with their own minute.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from chalice import Chalice

from chalicelib.observability import logger

from . import timers
from .account import ACCOUNT, REGION

MINUTE = timedelta(minutes=1)
TICK_SECONDS = 0.2
AT_ONCE = 16
"""How many timers are called at once; EventBridge calls all."""
EVERY_SECONDS = {"reconcile": 5.0, "reconcile_schedules": 60.0, "delete_orphaned_secrets": 60.0}
"""An account calls these every minute or less often; who waits before a screen would rather not."""


class Clock:
    """Calls what is due whenever it ticks. `now` may be a clock of a test's own."""

    def __init__(self, app: Chalice, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._app = app
        self._now = now
        self._minute = _minute_of(now())
        """Up to which timers were called."""

    def tick(self) -> None:
        """Call the timers of every minute since the last tick, the earliest first."""
        while (minute := self._minute + MINUTE) <= self._now():
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="timer") as pool:
                list(pool.map(lambda call: self.call(*call), timers.due(minute)))
            self._minute = minute

    def call(self, function_name: str, payload: Mapping[str, Any]) -> Any:
        """Call a Lambda as EventBridge does; one that fails is told in the log."""
        try:
            return self._app.handler_map[function_name](payload, None)
        except Exception:  # noqa: BLE001 - the failure is that of the Lambda
            logger.exception("a Lambda failed that EventBridge called", function=function_name)
            return None

    def look_after(self, function_name: str) -> None:
        """Call a Lambda that is called every so often."""
        self.call(function_name, event("aws.events", "Scheduled Event", {}))


@contextmanager
def ticking(app: Chalice) -> Iterator[Clock]:
    """A clock that ticks meanwhile, and calls what looks after things."""
    clock, ended = Clock(app), threading.Event()
    threads = [threading.Thread(target=_tick, args=(clock, ended), name="clock", daemon=True)]
    threads += [
        threading.Thread(target=_repeat, args=(clock, name, seconds, ended), name=name, daemon=True)
        for name, seconds in EVERY_SECONDS.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield clock
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _tick(clock: Clock, ended: threading.Event) -> None:
    """moto has forgotten the timers, so they are put back first; a minute that passes meanwhile is called late."""
    clock.look_after("reconcile_schedules")
    while not ended.wait(TICK_SECONDS):
        clock.tick()


def _repeat(clock: Clock, function_name: str, seconds: float, ended: threading.Event) -> None:
    while not ended.wait(seconds):
        clock.look_after(function_name)


def _minute_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def event(source: str, detail_type: str, detail: Mapping[str, Any], time: datetime | None = None) -> dict[str, Any]:
    """An event as EventBridge delivers it
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html)."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": (time or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [],
        "detail": dict(detail),
    }
