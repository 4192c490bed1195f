"""Who uses the stack while it is killed: they post until they are answered, cancel, decide, and look at runs."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from queue import Empty, SimpleQueue
from random import Random
from typing import Any

from chalicelib.runs.state import FINAL
from tests.client import Answer, Api

from .victim import Victim
from .workflows import Kind

CLIENTS, WATCHERS = 8, 2
PAUSE_SECONDS = 0.05
START_SECONDS = 0.4
SENT_TWICE = 0.3
"""The part of the requests that are sent again though they were answered."""
CANCEL_SECONDS = 2.5
WATCHED_AGAIN_SECONDS = 0.3

Broken = dict[str, Any]
"""A promise that was broken: which, and where."""


@dataclass(slots=True)
class Order:
    """A run that a client wants, and what is known of it."""

    number: int
    kind: Kind
    workflow_id: str
    life: int
    """The first life of the stack in which it is asked for."""
    random: Random
    requests: int = 0
    """How often it was asked for."""
    run_id: str | None = None
    run: dict[str, Any] | None = None
    """As it was seen last."""
    to_cancel: bool = False
    cancelled: bool = False
    """Whether the API said so."""
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was told of nodes that had succeeded, or were waiting."""
    broken: list[Broken] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/{self.workflow_id}/runs/{self.run_id}"

    @property
    def ended(self) -> bool:
        return self.run is not None and self.run["status"] in FINAL

    def blame(self, promise: str, **details: Any) -> None:
        known = {"promise": promise, "order": self.number, "kind": self.kind.name, "run_id": self.run_id}
        self.broken.append(known | details)

    def accept(self, answer: Answer) -> None:
        if answer.status != HTTPStatus.ACCEPTED:
            self.blame("a request is accepted or can be repeated", answer=answer.status, body=answer.body)
        elif self.run_id not in (None, answer.body["id"]):
            self.blame("a key that is repeated gives the same run", other=answer.body["id"])
        else:
            self.run_id = answer.body["id"]

    def look(self, run: dict[str, Any]) -> None:
        """What was told once stays true: an end, a success, the end of a wait."""
        if self.run and self.ended and run["status"] != self.run["status"]:
            self.blame("an end stays", before=self.run["status"], now=run["status"])
        for node_id, result in run["node_results"].items():
            before, told = self.seen.get(node_id, {}), _lasting(result)
            if any(told.get(name) != value for name, value in before.items()) and not _is_cut_off(before, result):
                self.blame("what a node has done stays done", node=node_id, before=before, now=result)
            self.seen[node_id] = told
        self.run = run


def _lasting(result: dict[str, Any]) -> dict[str, Any]:
    """What may not change any more of a node's result; those in containers are sums of their items."""
    if "items" in result:
        return {}
    if result["status"] == "succeeded":
        return {name: result[name] for name in ("status", "started_at", "completed_at", "attempts", "output")}
    waits_until = (result["output"] or {}).get("until") if result["status"] == "waiting" else None
    return {"started_at": result["started_at"], "output": result["output"]} if waits_until else {}


def _is_cut_off(before: dict[str, Any], result: dict[str, Any]) -> bool:
    """A wait that was cancelled has no end any more."""
    return "status" not in before and result["status"] == "cancelled"


class Clients:
    """Threads that work through orders, as fast as the lives of the victim let them."""

    def __init__(self, victim: Victim, orders: Sequence[Order]) -> None:
        self._orders = orders
        self._victim = victim
        self._ended = threading.Event()
        self._waiting: SimpleQueue[Order] = SimpleQueue()
        for order in orders:
            self._waiting.put(order)
        work = [self._work] * CLIENTS
        watch = [lambda part=part: self._watch(part) for part in range(WATCHERS)]
        self._threads = [threading.Thread(target=target, daemon=True) for target in (*work, *watch)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def accepted(self) -> int:
        return sum(order.run_id is not None for order in self._orders)

    @property
    def ended(self) -> int:
        return sum(order.ended for order in self._orders)

    @property
    def busy(self) -> bool:
        """Whether half of what is asked for by now is accepted, and some of it goes on."""
        due = sum(order.life <= self._victim.lives for order in self._orders)
        return due <= 2 * self.accepted and self.ended < self.accepted

    def _work(self) -> None:
        while order := self._take():
            time.sleep(order.random.uniform(0, START_SECONDS))
            self._post(order)
            if order.random.random() < SENT_TWICE:
                self._post(order)
            if order.random.random() < order.kind.cancelled:
                time.sleep(order.random.uniform(0, CANCEL_SECONDS))
                self._cancel(order)

    def _take(self) -> Order | None:
        """The next order, once its life has come."""
        try:
            order = self._waiting.get_nowait()
        except Empty:
            return None
        while self._victim.lives < order.life and not self._ended.is_set():
            time.sleep(PAUSE_SECONDS)
        return order

    def _post(self, order: Order) -> None:
        """Each request of an order has the same key: it asks for one run, whether or not an answer came."""
        body = {} if order.kind.input is None else {"input": order.kind.input}
        path, key = f"/{order.workflow_id}/execute", {"Idempotency-Key": f"order-{order.number}"}
        if answer := self._insist(order, path, body, **key):
            order.accept(answer)

    def _cancel(self, order: Order) -> None:
        order.to_cancel = True
        answer = self._insist(order, f"{order.path}/cancel", {})
        if answer and answer.status not in (HTTPStatus.OK, HTTPStatus.CONFLICT):
            order.blame("a run can be cancelled, or has ended", answer=answer.status, body=answer.body)
        order.cancelled = answer is not None and answer.status == HTTPStatus.OK

    def _insist(self, order: Order, path: str, body: Any, **headers: str) -> Answer | None:
        """The first answer that is not "try again"; None where the test is over before."""
        while not self._ended.is_set():
            if api := self._victim.api:
                order.requests += 1
                answer = send(api, "POST", path, body, **headers)
                if answer and answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    return answer
            time.sleep(PAUSE_SECONDS)
        return None

    def _watch(self, part: int) -> None:
        while not self._ended.is_set():
            for order in self._orders[part::WATCHERS]:
                if order.run_id and not order.ended and (api := self._victim.api):
                    self._look(api, order)
            self._ended.wait(WATCHED_AGAIN_SECONDS)

    def _look(self, api: Api, order: Order) -> None:
        answer = send(api, "GET", order.path)
        if answer and answer.status == HTTPStatus.OK:
            order.look(answer.body)
            self._decide(api, order, answer.body)
        elif answer and answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
            order.blame("what was accepted is there", answer=answer.status, body=answer.body)

    def _decide(self, api: Api, order: Order, run: dict[str, Any]) -> None:
        """Approve what waits for it; where no answer came, it is seen next time whether it still waits."""
        for node_id in order.kind.nodes("approval"):
            if run["node_results"][node_id]["status"] == "waiting":
                answer = send(api, "POST", f"{order.path}/nodes/{node_id}/decision", {"decision": "approved"})
                if answer and answer.status not in (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE):
                    order.blame("what waits can be decided", answer=answer.status, body=answer.body)


def send(api: Api, method: str, path: str, body: Any = None, **headers: Any) -> Answer | None:
    """None where no answer came: the stack is down, or died before it had answered."""
    try:
        return api.send(method, path, body, **headers)
    except (OSError, http.client.HTTPException):
        return None


def draw_orders(kinds: Sequence[tuple[Kind, str]], runs: int, lives: int, seed: int) -> list[Order]:
    """So many, of all kinds, spread over the lives of the stack that end by a kill."""
    return [
        Order(number, *kinds[number % len(kinds)], 1 + number * lives // runs, Random(f"{seed} {number}"))
        for number in range(runs)
    ]
