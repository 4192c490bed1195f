"""What must hold of every run when it is all over, by what the API tells and what the upstream saw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.runs.schemas import FINAL

from .clients import Order

LATE_SECONDS = 0.25
"""How long after it was sent the upstream may have read a request: its threads share two cores with all the others.
Nodes end by the clock of the stack, calls begin by that of this process, and both are the machine's."""
NAP_SECONDS = 2.0
"""How long after the start of a wait its end may have been reckoned."""
MILLISECOND = 0.001

Call = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What one node did, in a run or in an item of it."""

    node_id: str
    index: int | None
    told: Mapping[str, Any]

    @property
    def where(self) -> dict[str, Any]:
        return {"node": self.node_id} if self.index is None else {"node": self.node_id, "item": self.index}


def results(run: Mapping[str, Any], items: Iterable[Mapping[str, Any]]) -> Iterator[Result]:
    """Of all nodes: those of the run itself, and those in its container for each of its items."""
    for node_id, told in run["node_results"].items():
        if "items" not in told:
            yield Result(node_id, None, told)
    for item in items:
        for node_id, told in item["node_results"].items():
            yield Result(node_id, item["path"][-1], told)


def check(order: Order, items: list[dict[str, Any]], calls: list[Call]) -> None:
    """Blame an order for all that does not hold of its run."""
    assert order.run
    _check_end(order, order.run)
    _check_history(order, order.run)
    _check_naps(order, order.run)
    made: dict[tuple[str, int | None], list[Call]] = defaultdict(list)
    for call in calls:
        made[_caller(call["path"])].append(call)
    for result in results(order.run, items):
        _check_attempts(order, result)
        if result.node_id in order.kind.asking:
            _check_calls(order, result, made.pop((result.node_id, result.index), []))
    for (node_id, index), unknown in made.items():
        order.blame("who calls has a result", node=node_id, item=index, calls=len(unknown))


def _caller(path: str) -> tuple[str, int | None]:
    _, _, node_id, *index = path.split("/")
    return node_id, int(index[0]) if index else None


def _check_end(order: Order, run: Mapping[str, Any]) -> None:
    kind = order.kind
    may_be_cancelled = kind.cancelled != "never"
    if run["status"] == "cancelled" and may_be_cancelled:
        if run["output"] is not None:
            order.blame("what was cancelled gives nothing", output=run["output"])
        return
    if kind.cancelled == "always" or order.cancelled or run["status"] != kind.status:
        order.blame("a run ends as drawn", status=run["status"], error=run["error_message"])
    elif run["output"] != kind.expected(run["id"]):
        order.blame("a run gives what was drawn", output=run["output"], expected=kind.expected(run["id"]))
    if run["status"] == "failed" and not str(run["error_message"]).startswith('node "broken" failed'):
        order.blame("a run that failed says why", error=run["error_message"])


def _check_history(order: Order, run: Mapping[str, Any]) -> None:
    """`accepted`, once `started`, `resumed` for a reason each time, and the end; a queued run may be cancelled before
    it starts."""
    history = run["history"]
    events = [each["event"] for each in history if each["event"] != "mended"]
    resumed = [each for each in history if each["event"] == "resumed"]
    middle = ["started"] + ["resumed"] * len(resumed)
    explained = [["accepted", *middle, run["status"]]]
    if run["status"] == "cancelled":
        explained.append(["accepted", "cancelled"])
    times = [each["at"] for each in history]
    if events not in explained or times != sorted(times) or not all(each.get("reason") for each in resumed):
        order.blame("the history explains the end", history=history)
    number = str(run["execution_arn"] or "").rpartition(run["id"])[2]
    if number != (f"-{len(resumed)}" if resumed else ""):
        order.blame("every execution is in the history", history=history, execution=run["execution_arn"])


def _check_naps(order: Order, run: Mapping[str, Any]) -> None:
    for node_id, seconds in order.kind.naps.items():
        told = run["node_results"][node_id]
        if not told["output"]:
            continue
        until, began = _time(told["output"]["until"]), _time(told["started_at"])
        if not -MILLISECOND <= until - began - seconds <= NAP_SECONDS:
            order.blame("a wait ends by its first start", node=node_id, result=told)
        if told["status"] == "succeeded" and _time(told["completed_at"]) < until:
            order.blame("a wait is not cut short", node=node_id, result=told)


def _check_attempts(order: Order, result: Result) -> None:
    """Every attempt is recorded: those before the last were lost with the process, or failed."""
    told = result.told
    attempts = told["history"]
    before = {each["status"] for each in attempts[:-1]}
    if len(attempts) != told["attempts"] or not before <= {"lost", "failed"}:
        order.blame("every attempt is recorded", **result.where, result=told)
    if told["status"] not in ("succeeded", "failed", "skipped", "cancelled"):
        order.blame("a run that ended has no node in flight", **result.where, result=told)


def _check_calls(order: Order, result: Result, calls: list[Call]) -> None:
    """Once a success, at least once an attempt that was answered, at most once an attempt."""
    told = result.told
    answered = sum(each["status"] in ("succeeded", "failed") for each in told["history"])
    if not answered <= len(calls) <= told["attempts"]:
        order.blame("one call an attempt", **result.where, calls=_begins(calls), result=told)
    if told["status"] == "succeeded" and not calls:
        order.blame("who succeeded has called", **result.where, result=told)
    if told["status"] == "skipped" and calls:
        order.blame("who is skipped calls no one", **result.where, calls=_begins(calls))
    if told["completed_at"] and (late := [call for call in calls if call["at"] > _time(told["completed_at"]) + LATE_SECONDS]):
        order.blame("no call after the end", **result.where, calls=_begins(late), result=told)


def _begins(calls: Iterable[Call]) -> list[str]:
    return [datetime.fromtimestamp(call["at"]).astimezone().isoformat() for call in calls]


def check_places(orders: Iterable[Order]) -> None:
    """Of a workflow that lets so many runs go on at once, no more did."""
    changes: dict[str, list[tuple[str, int, Order]]] = defaultdict(list)
    for order in orders:
        events = {each["event"]: each["at"] for each in reversed((order.run or {}).get("history", []))}
        if order.kind.places and "started" in events:
            changes[order.workflow_id] += [(events["started"], 1, order)]
            changes[order.workflow_id] += [(at, -1, order) for event, at in events.items() if event in FINAL]
    for of_workflow in changes.values():
        running = 0
        for at, change, order in sorted(of_workflow, key=lambda each: each[:2]):
            running += change
            if running > (order.kind.places or 0):
                order.blame("no more run at once than may", at=at, running=running)


def extra_calls(order: Order, calls: list[Call]) -> int:
    """Those that were made again because the one before was lost: each caller needs one, and one more where the
    upstream fails the first."""
    callers = {_caller(call["path"]) for call in calls}
    return len(calls) - sum(1 + (node_id in order.kind.fails_first) for node_id, _ in callers)


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
