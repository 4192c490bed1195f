"""The event "Step Functions Execution Status Change", which moto never sends."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

LOG = logging.getLogger(__name__)

Detail = dict[str, Any]
Callback = Callable[[Detail], Any]

_callbacks: list[Callback] = []


def on_execution_status_change(callback: Callback) -> Callable[[], None]:
    """Call `callback` with the event's detail as an execution starts and ends, until the result is called.

    As with EventBridge this happens a little later and elsewhere: in one thread, in the order of the changes.
    """
    _deliveries()
    _callbacks.append(callback)
    return lambda: _callbacks.remove(callback)


def announce(execution: Any) -> None:
    """Tell of the status that the execution has now."""
    if _callbacks:
        _deliveries().put((tuple(_callbacks), _detail(execution)))


def deliver_pending(limit: float) -> bool:
    """Wait until the events so far are delivered; False if they are not within `limit` seconds."""
    if not _callbacks:
        return True
    delivered = threading.Event()
    _deliveries().put(((lambda _detail: delivered.set(),), {}))
    return delivered.wait(limit)


def _detail(execution: Any) -> Detail:
    status = execution.status
    return {
        "executionArn": execution.execution_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": status,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "input": execution.execution_input,
        "output": json.dumps(execution.output, separators=(",", ":")) if status == "SUCCEEDED" else None,
        "error": execution.error,
        "cause": execution.cause,
    }


def _milliseconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp() * 1000) if moment else None


@cache
def _deliveries() -> queue.SimpleQueue[tuple[tuple[Callback, ...], Detail]]:
    pending: queue.SimpleQueue[tuple[tuple[Callback, ...], Detail]] = queue.SimpleQueue()
    threading.Thread(target=_deliver, args=(pending,), name="execution-status-events", daemon=True).start()
    return pending


def _deliver(pending: queue.SimpleQueue[tuple[tuple[Callback, ...], Detail]]) -> None:
    while True:
        callbacks, detail = pending.get()
        for callback in callbacks:
            try:
                callback(detail)
            except Exception:
                LOG.exception("execution status event not delivered", extra={"execution": detail.get("executionArn")})
