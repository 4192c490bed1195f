"""What must hold of every run when it is all over, by what the API tells and what the upstream saw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

from chalicelib.runs.state import FINAL

from .clients import Order
from .victim import Kill

LATE_SECONDS = 0.25
"""How long after it was sent the upstream may have read a request: its threads share two cores with all the others.
Nodes end by the clock of the stack, calls begin by that of this process, and both are the machine's."""
NAP_SECONDS = 0.5
"""How long after the start of a wait its end may have been reckoned."""
MILLISECOND = 0.001

Call = Mapping[str, Any]
Caller = tuple[str, int | None]
"""A node, and for which item of its container it calls."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one node did, in a run or in an item of it, and the calls that it made."""

    node_id: str
    index: int | None
    told: Mapping[str, Any]
    calls: Sequence[Call]

    @property
    def where(self) -> dict[str, Any]:
        return {"node": self.node_id} if self.index is None else {"node": self.node_id, "item": self.index}

    def attempts(self, *statuses: str) -> int:
        """How many ended so."""
        return sum(each["status"] in statuses for each in self.told["history"])

    @property
    def calls_after_success(self) -> list[Call]:
        if self.told["status"] != "succeeded":
            return []
        return [call for call in self.calls if call["at"] > time_of(self.told["completed_at"]) + LATE_SECONDS]


@dataclass(frozen=True)
class Evidence:
    """A run that has ended, its items, the runs that it started, and the calls that were made for it."""

    order: Order
    run: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]]
    children: Sequence[Mapping[str, Any]]
    calls: Sequence[Call]

    @cached_property
    def calls_by(self) -> Mapping[Caller, list[Call]]:
        made: dict[Caller, list[Call]] = defaultdict(list)
        for call in self.calls:
            _, _, node_id, *index = call["path"].split("/")
            made[node_id, int(index[0]) if index else None].append(call)
        return made

    @cached_property
    def results(self) -> list[Result]:
        """Of all nodes: those of the runs, and those in containers for each item."""
        return [Result(*each, self.calls_by.get(each[:2], [])) for each in self._told()]

    @property
    def asking(self) -> list[Result]:
        """Of the nodes that call."""
        asking = self.order.kind.nodes("http_request")
        return [result for result in self.results if result.node_id in asking]

    def _told(self) -> Iterator[tuple[str, int | None, Mapping[str, Any]]]:
        for run in (self.run, *self.children):
            for node_id, told in run["node_results"].items():
                if "items" not in told:
                    yield node_id, None, told
        for item in self.items:
            for node_id, told in item["node_results"].items():
                yield node_id, item["path"][-1], told

    @property
    def waits(self) -> list[tuple[float, float, float]]:
        """When each began that is over, until when it was, and when it ended."""
        found = [self.run["node_results"][node_id] for node_id in self.order.kind.nodes("wait")]
        return [
            (time_of(told["started_at"]), time_of(told["output"]["until"]), time_of(told["completed_at"]))
            for told in found
            if told["status"] == "succeeded"
        ]

    @property
    def ends_as_drawn(self) -> bool:
        """Cancelled where someone was told so; who was told nothing may have cancelled it or not."""
        order, status = self.order, self.run["status"]
        if order.cancelled:
            return bool(status == "cancelled")
        return status == order.kind.status or (order.to_cancel and status == "cancelled")


def check(evidence: Evidence, kills: Sequence[Kill]) -> None:
    """Blame an order for all that does not hold of its run."""
    order = evidence.order
    _check_end(evidence)
    for run in (evidence.run, *evidence.children):
        _check_history(order, run, kills)
    _check_naps(order, evidence.run)
    for result in evidence.results:
        _check_attempts(order, result, kills)
        _check_calls(order, result)
    known = {(result.node_id, result.index) for result in evidence.results}
    for caller in evidence.calls_by.keys() - known:
        order.blame("who calls has a result", caller=caller, calls=len(evidence.calls_by[caller]))
    if len(evidence.children) > len(order.kind.nodes("sub_workflow")):
        order.blame("a sub-workflow is run once", children=evidence.run["children"])


def _check_end(evidence: Evidence) -> None:
    order, run = evidence.order, evidence.run
    expected = order.kind.expected(run["id"]) if run["status"] == "succeeded" else None
    if not evidence.ends_as_drawn:
        order.blame("a run ends as drawn", status=run["status"], error=run["error_message"])
    elif run["output"] != expected:
        order.blame("a run gives what was drawn", output=run["output"], expected=expected)
    if run["status"] == "failed" and not str(run["error_message"]).startswith('node "broken" failed'):
        order.blame("a run that failed says why", error=run["error_message"])


def _check_history(order: Order, run: Mapping[str, Any], kills: Sequence[Kill]) -> None:
    """`accepted`, once `started`, `resumed` after a kill each time, and the end; a queued run may be cancelled before
    it starts."""
    history = [each for each in run["history"] if each["event"] not in ("mended", "decided")]
    events, times = [each["event"] for each in history], [each["at"] for each in history]
    resumed = events.count("resumed")
    explained = [["accepted", "started", *["resumed"] * resumed, run["status"]]]
    if run["status"] == "cancelled":
        explained.append(["accepted", "cancelled"])
    if events not in explained or times != sorted(times):
        order.blame("the history explains the end", history=history)
    for before, after in pairwise(history):
        if after["event"] == "resumed" and not (after.get("reason") and was_killed(kills, before["at"], after["at"])):
            order.blame("a run is resumed after a kill", history=history)
    number = str(run["execution_arn"] or "").rpartition(run["id"])[2]
    if number != (f"-{resumed}" if resumed else ""):
        order.blame("every execution is in the history", history=history, execution=run["execution_arn"])


def _check_naps(order: Order, run: Mapping[str, Any]) -> None:
    for node_id, config in order.kind.nodes("wait").items():
        told = run["node_results"][node_id]
        if not told["output"]:
            continue
        until, began = time_of(told["output"]["until"]), time_of(told["started_at"])
        if not -MILLISECOND <= until - began - config["seconds"] <= NAP_SECONDS:
            order.blame("a wait ends by its first start", node=node_id, result=told)
        if told["status"] == "succeeded" and time_of(told["completed_at"]) < until:
            order.blame("a wait is not cut short", node=node_id, result=told)


def _check_attempts(order: Order, result: Result, kills: Sequence[Kill]) -> None:
    """Every attempt is recorded: those before the last were cut by a kill, or failed where it is drawn so."""
    told, history = result.told, result.told["history"]
    if len(history) != told["attempts"] or told["status"] not in ("succeeded", "failed", "skipped", "cancelled"):
        order.blame("every attempt is recorded, to its end", **result.where, result=told)
    if result.attempts("succeeded") > 1:
        order.blame("a node succeeds once", **result.where, result=told)
    if result.attempts("failed") and result.node_id not in order.kind.failing:
        order.blame("a node fails as drawn", **result.where, result=told)
    for before, after in pairwise(history):
        if before["status"] not in ("lost", "failed"):
            order.blame("what has ended is not tried again", **result.where, result=told)
        if before["status"] == "lost" and not was_killed(kills, before["started_at"], after["started_at"]):
            order.blame("an attempt is lost by a kill alone", **result.where, result=told)


def _check_calls(order: Order, result: Result) -> None:
    """One call for each attempt that was answered; one or none for an attempt that was cut."""
    told, asks = result.told, result.node_id in order.kind.nodes("http_request")
    answered = result.attempts("succeeded", "failed") if asks else 0
    if not answered <= len(result.calls) <= (told["attempts"] if asks else 0):
        order.blame("one call an attempt", **result.where, calls=_times(result.calls), result=told)
    if late := result.calls_after_success:
        order.blame("no call after the success", **result.where, calls=_times(late), result=told)


def _times(calls: Iterable[Call]) -> list[str]:
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


def was_killed(kills: Iterable[Kill], begin: str, end: str) -> bool:
    """Whether there was a kill between two moments."""
    return any(kill.began <= time_of(end) and time_of(begin) <= kill.ended for kill in kills)


def time_of(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
