"""What EventBridge does in an account: call the scheduled Lambdas when it is time."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from chalice import Chalice

from chalicelib.observability import logger

REGION, ACCOUNT = "us-east-1", "123456789012"
RECONCILE_SECONDS = 5.0
"""An account does it every minute; who waits before a screen would rather not."""


@contextmanager
def ticking(app: Chalice) -> Iterator[None]:
    """Meanwhile, call what is scheduled."""
    ended = threading.Event()
    thread = threading.Thread(target=_tick, args=(app, ended), name="clock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _tick(app: Chalice, ended: threading.Event) -> None:
    while not ended.wait(RECONCILE_SECONDS):
        try:
            app.handler_map["reconcile"](event("aws.events", "Scheduled Event", {}), None)
        except Exception:  # noqa: BLE001 - as a Lambda that failed: it is called again the next time
            logger.exception("a scheduled Lambda failed")


def event(source: str, detail_type: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """An event as EventBridge delivers it
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html)."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [],
        "detail": dict(detail),
    }
