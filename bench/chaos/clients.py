"""Who uses the stack while it is killed: clients that post until they are answered, cancel, and look at runs."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any

from chalicelib.runs.schemas import FINAL
from tests.client import Answer, Api

from .victim import Victim
from .workflows import Kind

CLIENTS, WATCHERS = 8, 2
PAUSE_SECONDS = 0.05
START_SECONDS = 0.4
REPEATED = 0.3
"""The part of the requests that are repeated though they were answered."""
CANCEL_SECONDS = 2.5
WATCHED_AGAIN_SECONDS = 0.3

Violation = dict[str, Any]


@dataclass(slots=True)
class Order:
    """A run that a client wants, and what is known of it."""

    number: int
    kind: Kind
    workflow_id: str
    life: int
    """The first life of the stack in which it is asked for."""
    random: Random
    run_id: str | None = None
    run: dict[str, Any] | None = None
    """As it was seen last."""
    ended: bool = False
    cancelled: bool = False
    """Whether the API said so."""
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was told of nodes that had succeeded, or were waiting."""
    violations: list[Violation] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"chaos-{self.number}"

    @property
    def path(self) -> str:
        return f"/{self.workflow_id}/runs/{self.run_id}"

    def blame(self, rule: str, **details: Any) -> None:
        known = {"violation": rule, "order": self.number, "kind": self.kind.name, "run_id": self.run_id}
        self.violations.append(known | details)

    def accept(self, answer: Answer) -> None:
        if answer.status != HTTPStatus.ACCEPTED:
            self.blame("a request is accepted or can be repeated", answer=answer.status, body=answer.body)
        elif self.run_id not in (None, answer.body["id"]):
            self.blame("a key that is repeated gives the same run", other=answer.body["id"])
        else:
            self.run_id = answer.body["id"]

    def look(self, run: dict[str, Any]) -> None:
        """What was told once stays true: an end, a success, the end of a wait."""
        if self.run and self.run["status"] in FINAL and run["status"] != self.run["status"]:
            self.blame("an end stays", before=self.run["status"], now=run["status"])
        for node_id, result in run["node_results"].items():
            before, told = self.seen.get(node_id, {}), _lasting(result)
            if any(told.get(name) != value for name, value in before.items()) and not _is_cut_off(before, result):
                self.blame("what a node has done stays done", node=node_id, before=before, now=result)
            self.seen[node_id] = told
        self.run, self.ended = run, run["status"] in FINAL


def _lasting(result: dict[str, Any]) -> dict[str, Any]:
    """What may not change any more of a node's result; those in containers are sums of their items."""
    if "items" in result:
        return {}
    if result["status"] == "succeeded":
        return {name: result[name] for name in ("status", "started_at", "completed_at", "attempts", "output")}
    return {name: result[name] for name in ("started_at", "output")} if result["status"] == "waiting" else {}


def _is_cut_off(before: dict[str, Any], result: dict[str, Any]) -> bool:
    """A wait that was cancelled has no end any more."""
    return "status" not in before and result["status"] == "cancelled"


class Clients:
    """Threads that work through orders, as fast as the lives of the victim let them."""

    def __init__(self, victim: Victim, orders: list[Order]) -> None:
        self.orders = orders
        self.repeated = 0
        """Requests that were sent again."""
        self._victim = victim
        self._ended = threading.Event()
        self._next = iter(orders)
        self._lock = threading.Lock()
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
        return sum(order.run_id is not None for order in self.orders)

    @property
    def left(self) -> list[Order]:
        return [order for order in self.orders if not order.ended]

    def _orders(self) -> Iterator[Order]:
        while True:
            with self._lock:
                order = next(self._next, None)
            if order is None:
                return
            while self._victim.lives < order.life and not self._ended.is_set():
                time.sleep(PAUSE_SECONDS)
            yield order

    def _work(self) -> None:
        for order in self._orders():
            time.sleep(order.random.uniform(0, START_SECONDS))
            self._post(order)
            if order.random.random() < REPEATED:
                self._post(order)
            if order.kind.cancelled == "always" or (order.kind.cancelled == "maybe" and order.random.random() < 0.5):
                time.sleep(order.random.uniform(0, CANCEL_SECONDS))
                self._cancel(order)

    def _post(self, order: Order) -> None:
        body = {} if order.kind.input is None else {"input": order.kind.input}
        path = f"/{order.workflow_id}/execute"
        if answer := self._insist("POST", path, body, **{"Idempotency-Key": order.key}):
            order.accept(answer)

    def _cancel(self, order: Order) -> None:
        answer = self._insist("POST", f"{order.path}/cancel", {})
        if answer and answer.status not in (HTTPStatus.OK, HTTPStatus.CONFLICT):
            order.blame("a run can be cancelled, or has ended", answer=answer.status, body=answer.body)
        order.cancelled = answer is not None and answer.status == HTTPStatus.OK

    def _insist(self, method: str, path: str, body: Any, **headers: str) -> Answer | None:
        """The first answer that is not "try again"; None where the test is over before."""
        while not self._ended.is_set():
            if api := self._victim.api:
                answer = send(api, method, path, body, **headers)
                if answer and answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    return answer
                self.repeated += 1
            time.sleep(PAUSE_SECONDS)
        return None

    def _watch(self, part: int) -> None:
        while not self._ended.is_set():
            for order in self.orders[part::WATCHERS]:
                if order.run_id and not order.ended and (api := self._victim.api):
                    answer = send(api, "GET", order.path)
                    if answer and answer.status == HTTPStatus.OK:
                        order.look(answer.body)
                    elif answer and answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                        order.blame("what was accepted is there", answer=answer.status, body=answer.body)
            self._ended.wait(WATCHED_AGAIN_SECONDS)


def send(api: Api, method: str, path: str, body: Any = None, **headers: str) -> Answer | None:
    """None where no answer came: the stack is down, or died before it had answered."""
    try:
        return api.send(method, path, body, **headers)
    except (OSError, http.client.HTTPException, ValueError):
        return None


def orders(kinds: Iterable[tuple[Kind, str]], runs: int, kills: int, seed: int) -> list[Order]:
    """So many, spread over the lives of the stack that end by a kill, but the first: it makes its database."""
    choices = list(kinds)
    found = []
    for number in range(runs):
        kind, workflow_id = choices[number % len(choices)]
        life = 2 + number * (kills - 1) // runs
        found.append(Order(number, kind, workflow_id, life, Random(f"{seed} {number}")))
    return found
