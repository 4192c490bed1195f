"""The whole test: lives of the stack that each end by a kill, one that is left alone, and what has come of the runs."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any

from tests.client import Answer
from tests.upstream import Upstream

from .checks import check, check_places, extra_calls
from .clients import Clients, Order, Violation, orders, send
from .victim import DidNotStartError, Victim
from .workflows import Kind, kinds

LIFE_SECONDS, QUICK_LIFE_SECONDS = 6.0, 2.0
STARTING_SECONDS = 2.5
SETTLE_SECONDS = 150.0
"""How long runs may take to end once nothing is killed any more."""
PLACE_TO_KILL = ("stack", "stack", "postgres first", "postgres last", "both")
EARLY = 0.2
"""The part of the kills that come while the stack is starting."""
PAGE = 100
TELL_SECONDS = 5.0

Line = dict[str, Any]


class Siege:
    """One test on an empty folder."""

    def __init__(self, folder: Path, runs: int, kills: int, seed: int, *, quick: bool) -> None:
        self._victim = Victim(folder)
        self._runs, self._kills, self._seed = runs, kills, seed
        self._life_seconds = QUICK_LIFE_SECONDS if quick else LIFE_SECONDS
        self._random = Random(seed)
        self._killed: Counter[str] = Counter()
        self._violations: list[Violation] = []
        self._began = time.monotonic()

    def run(self) -> Iterator[Line]:
        """Figures and violations."""
        with Upstream() as upstream:
            try:
                yield from self._besiege(upstream)
            finally:
                self._victim.stop()

    def _besiege(self, upstream: Upstream) -> Iterator[Line]:
        self._tell(f"seed {self._seed}: {self._runs} runs, {self._kills} kills")
        self._kill_while_it_makes_its_database()
        self._begin_life()
        drawn = [(kind, self._create(kind)) for kind in kinds(upstream.base)]
        wanted = orders(drawn, self._runs, self._kills, self._seed)
        with Clients(self._victim, wanted) as clients:
            while self._kills_left:
                self._live_and_die(clients)
            began = time.monotonic()
            self._settle(clients)
            settled = time.monotonic() - began
        self._check(wanted, upstream)
        yield self._figures(wanted, upstream, clients.repeated, settled)
        yield {"figure": "runs", "ended": dict(Counter((o.run or {}).get("status", "lost") for o in wanted))}
        yield from self._violations
        for order in wanted:
            yield from order.violations

    def _kill_while_it_makes_its_database(self) -> None:
        self._victim.start()
        time.sleep(self._random.uniform(0.3, STARTING_SECONDS))
        self._kill("while it makes its database")

    def _begin_life(self) -> None:
        """A stack that is started is ready at last, whatever was killed before; it must be so at once."""
        self._victim.start()
        try:
            self._victim.wait_until_ready()
        except DidNotStartError as error:
            self._violations.append({"violation": "it starts after a kill", "said": str(error)})
            self._victim.start()
            self._victim.wait_until_ready()

    def _live_and_die(self, clients: Clients) -> None:
        """A life that began, its end, and the next one's beginning, before which another may end too early."""
        time.sleep(self._random.uniform(0.1, self._life_seconds))
        self._kill(f"accepted {clients.accepted}, ended {self._runs - len(clients.left)}")
        if self._kills_left and self._random.random() < EARLY:
            self._victim.start()
            time.sleep(self._random.uniform(0, STARTING_SECONDS))
            self._kill("while it starts")
        self._begin_life()

    @property
    def _kills_left(self) -> int:
        return self._kills - sum(self._killed.values())

    def _kill(self, when: str) -> None:
        what = self._random.choice(PLACE_TO_KILL)
        if what == "postgres first":
            self._victim.kill_postgres()
            time.sleep(self._random.uniform(0, 1.5))
        self._victim.kill()
        if what == "postgres last":
            time.sleep(self._random.uniform(0, 0.5))
        if what != "stack":
            self._victim.kill_postgres()
        self._killed[what] += 1
        self._tell(f"kill {self._kills - self._kills_left} of {self._kills}: {what}; {when}")

    def _settle(self, clients: Clients) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        told = time.monotonic()
        while (left := clients.left) and time.monotonic() < deadline:
            time.sleep(0.1)
            if time.monotonic() > told + TELL_SECONDS:
                told = time.monotonic()
                self._tell(f"ended {self._runs - len(left)} of {self._runs}")

    def _create(self, kind: Kind) -> str:
        body = {"name": kind.name, "graph_definition": kind.graph}
        return str(self._answer("POST", "", HTTPStatus.CREATED, body)["id"])

    def _answer(self, method: str, path: str, status: HTTPStatus = HTTPStatus.OK, body: Any = None) -> Any:
        assert self._victim.api
        answer: Answer | None = send(self._victim.api, method, path, body)
        assert answer, f"{method} {path} was not answered"
        assert answer.status == status, answer
        return answer.body

    def _check(self, wanted: list[Order], upstream: Upstream) -> None:
        for order in wanted:
            if not order.run_id:
                order.blame("every request is accepted in the end")
                continue
            order.look(self._answer("GET", order.path))
            if not order.ended:
                order.blame("what was accepted ends", run=order.run)
                continue
            items = [item for each in order.kind.containers for item in self._items(order, each)]
            check(order, items, upstream.calls[order.run_id])
        check_places(wanted)
        self._check_listed(wanted)

    def _items(self, order: Order, container: str) -> list[Any]:
        return self._pages(f"{order.path}/items?node_id={container}&limit={PAGE}")

    def _check_listed(self, wanted: list[Order]) -> None:
        """No run is lost, none is there twice."""
        for workflow_id in {order.workflow_id for order in wanted}:
            listed = Counter(run["id"] for run in self._pages(f"/{workflow_id}/runs?limit={PAGE}"))
            accepted = Counter(order.run_id for order in wanted if order.workflow_id == workflow_id)
            if listed != accepted:
                more, less = listed - accepted, accepted - listed
                self._violations.append({"violation": "one run a key", "more": [*more], "less": [*less]})

    def _pages(self, path: str) -> list[Any]:
        page = self._answer("GET", path)
        found = page["items"]
        while page["next_cursor"]:
            page = self._answer("GET", f"{path}&cursor={page['next_cursor']}")
            found += page["items"]
        return list(found)

    def _figures(self, wanted: list[Order], upstream: Upstream, repeated: int, settled: float) -> Line:
        histories = [order.run["history"] for order in wanted if order.run]
        resumptions = [[each["event"] for each in history].count("resumed") for history in histories]
        calls = [upstream.calls[order.run_id] for order in wanted if order.run_id]
        return {
            "figure": "chaos",
            "seed": self._seed,
            "runs": len(wanted),
            "kills": sum(self._killed.values()),
            "of_them_with_postgres": sum(self._killed.values()) - self._killed["stack"],
            "runs_resumed": sum(count > 0 for count in resumptions),
            "executions_resumed": sum(resumptions),
            "most_resumed": max(resumptions, default=0),
            "requests_repeated": repeated,
            "calls": sum(map(len, calls)),
            "calls_made_again": sum(
                extra_calls(order, upstream.calls[order.run_id]) for order in wanted if order.run_id
            ),
            "seconds_to_settle": round(settled, 1),
            "seconds": round(time.monotonic() - self._began, 1),
            "violations": len(self._violations) + sum(len(order.violations) for order in wanted),
        }

    def _tell(self, progress: str) -> None:
        print(f"{time.monotonic() - self._began:4.0f} s  {progress}", file=sys.stderr, flush=True)
