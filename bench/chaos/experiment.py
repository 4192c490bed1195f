"""The whole test: lives of the stack that each end by a kill, one that is left alone, and what has come of the runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from tests.client import poll
from tests.upstream import Upstream

from .checks import Evidence, check, check_places
from .clients import Broken, Clients, Order, draw_orders, send
from .report import Outcome
from .victim import Victim, draw_kills
from .workflows import inner, kinds

SETTLE_SECONDS = 300.0
"""How long runs may take to end once nothing is killed any more."""
BUSY_SECONDS = 60.0
PAGE = 100
TELL_SECONDS = 5.0


class Experiment:
    """One test on an empty folder. A stack that is busy lives `longest_life` seconds at most."""

    def __init__(self, folder: Path, runs: int, kills: int, seed: int, longest_life: float) -> None:
        self._victim = Victim(folder)
        self._runs, self._seed = runs, seed
        self._kills = draw_kills(kills, longest_life, Random(seed))
        self._broken: list[Broken] = []
        self._began = time.monotonic()

    def run(self) -> Outcome:
        """Raises DidNotStartError where the stack is not ready again after a kill."""
        with Upstream() as upstream:
            try:
                return self._run(upstream)
            finally:
                self._victim.stop()

    def _run(self, upstream: Upstream) -> Outcome:
        self._tell(f"seed {self._seed}: {self._runs} runs, {len(self._kills)} kills")
        self._victim.start()
        self._victim.wait_until_ready()
        inner_id = self._create("inner", inner(upstream.base))
        drawn = [(kind, self._create(kind.name, kind.graph)) for kind in kinds(upstream.base, inner_id)]
        orders = draw_orders(drawn, self._runs, len(self._kills), self._seed)
        with Clients(self._victim, orders) as clients:
            self._kill_over_and_over(clients)
            began = time.monotonic()
            self._settle(clients)
            settled = time.monotonic() - began
        evidence = [found for order in orders if (found := self._evidence(order, upstream))]
        for each in evidence:
            check(each, self._kills)
        check_places(orders)
        self._check_listed(orders, evidence, inner_id)
        return Outcome(self._seed, self._kills, orders, evidence, settled, time.monotonic() - self._began, self._broken)

    def _kill_over_and_over(self, clients: Clients) -> None:
        for number, kill in enumerate(self._kills, 1):
            if not kill.early:
                poll(lambda: clients.busy, BUSY_SECONDS)
            time.sleep(kill.seconds)
            left = f"{clients.accepted} runs accepted, {clients.ended} ended"
            self._victim.die(kill)
            when = "while it starts" if kill.early else "while it runs"
            self._tell(f"kill {number} of {len(self._kills)}, {when}, Postgres {kill.postgres}: {left}")
            self._victim.start()
            follower = self._kills[number] if number < len(self._kills) else None
            if follower is None or not follower.early:
                self._victim.wait_until_ready()
                kill.back = time.time()
        for kill, follower in pairwise(reversed(self._kills)):
            follower.back = follower.back or kill.back

    def _settle(self, clients: Clients) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        told = time.monotonic()
        while (ended := clients.ended) < self._runs and time.monotonic() < deadline:
            time.sleep(0.1)
            if time.monotonic() > told + TELL_SECONDS:
                told = time.monotonic()
                self._tell(f"{ended} of {self._runs} runs ended")

    def _create(self, name: str, graph: dict[str, Any]) -> str:
        answer = self._answer("POST", "", HTTPStatus.CREATED, {"name": name, "graph_definition": graph})
        return str(answer["id"])

    def _answer(self, method: str, path: str, status: HTTPStatus = HTTPStatus.OK, body: Any = None) -> Any:
        assert self._victim.api
        answer = send(self._victim.api, method, path, body)
        assert answer, f"{method} {path} was not answered"
        assert answer.status == status, answer
        return answer.body

    def _evidence(self, order: Order, upstream: Upstream) -> Evidence | None:
        """All there is to know of an order whose run has ended."""
        if not order.run_id:
            order.blame("every request is accepted in the end")
            return None
        order.look(self._answer("GET", order.path))
        if not order.ended:
            order.blame("what was accepted ends", run=order.run)
            return None
        run: dict[str, Any] = order.run or {}
        containers = order.kind.nodes("for_each")
        items = [each for name in containers for each in self._pages(f"{order.path}/items?node_id={name}&limit={PAGE}")]
        children = [self._answer("GET", f"/{each['workflow_id']}/runs/{each['run_id']}") for each in run["children"]]
        return Evidence(order, run, items, children, upstream.calls[order.run_id])

    def _check_listed(self, orders: Sequence[Order], evidence: Sequence[Evidence], inner_id: str) -> None:
        """No run is lost, none is there twice."""
        wanted = Counter((order.workflow_id, order.run_id) for order in orders)
        wanted.update((inner_id, child["id"]) for each in evidence for child in each.children)
        listed = Counter(
            (workflow_id, run["id"])
            for workflow_id in {workflow_id for workflow_id, _ in wanted}
            for run in self._pages(f"/{workflow_id}/runs?limit={PAGE}")
        )
        if listed != wanted:
            more, less = [*(listed - wanted)], [*(wanted - listed)]
            self._broken.append({"promise": "one run a key", "too many": more, "missing": less})

    def _pages(self, path: str) -> list[Any]:
        page = self._answer("GET", path)
        found = page["items"]
        while page["next_cursor"]:
            page = self._answer("GET", f"{path}&cursor={page['next_cursor']}")
            found += page["items"]
        return list(found)

    def _tell(self, progress: str) -> None:
        print(f"{time.monotonic() - self._began:4.0f} s  {progress}", flush=True)
