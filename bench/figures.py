"""The figures: what each does to the stack, and the numbers it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from . import graphs
from .cold import cold_starts
from .database import Database
from .load import MOST_CLIENTS, Client, Clients, Operation, Run, Send, Target, Timings
from .stack import Stack
from .wanted import judged

Line = dict[str, Any]
CLIENTS = (1, MOST_CLIENTS)
STORED = (1_000, 100_000)
STORED_RUNS = 1_000
RUNS_OF_MEMORY = 1_000
STORM = 1_000
STORM_BEGINS_AFTER = timedelta(minutes=2)
EAGER, PATIENT = (0.002, 0.002), (0.02, 0.16)
"""Pauses between polls, the first and the longest: of one client, and of many that share two processors."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What the figures share."""

    stack: Stack
    database: Database
    clients: Clients
    upstream: str
    other_workspace: Target
    """Holds the many workflows, so that the other figures are not about them."""
    idle_memory: dict[str, float]
    round_trip: float
    """Seconds of a `SELECT 1` on the same server: what no request can be faster than."""
    quick: bool

    def created(self, graph: graphs.Graph) -> str:
        client = Client(self.stack.target)
        try:
            return str(client.send("POST", "", {"name": "measured", "graph_definition": graph})["id"])
        finally:
            client.close()

    def done(self, operation: Operation) -> Any:
        client = Client(self.stack.target)
        try:
            return operation(client)
        finally:
            client.close()

    def measure(
        self, operations: Sequence[Operation], count: int, limit: float, target: Target | None = None
    ) -> dict[str, Any]:
        """The numbers of a load, once all runs that it started are over."""
        part = 4 if self.quick else 1
        timings = self.clients.drive(target or self.stack.target, operations, -(-count // part), limit / part)
        self.database.drain()
        return _numbers(timings, self.round_trip)


def _numbers(timings: Timings, round_trip: float) -> dict[str, Any]:
    numbers: dict[str, Any] = {"count": len(timings.seconds)}
    if timings.seconds:
        p50, p95 = (timings.seconds[int(len(timings.seconds) * part)] for part in (0.5, 0.95))
        numbers |= {
            "p50_ms": round(p50 * 1000, 2),
            "p95_ms": round(p95 * 1000, 2),
            "per_second": round(len(timings.seconds) / (timings.ended - timings.began), 1),
            "p50_over_round_trip": round(p50 / round_trip, 1),
        }
    if timings.errors:
        numbers |= {"errors": len(timings.errors), "first_error": timings.errors[0]}
    return numbers


def _at_each_load(
    bench: Bench, figure: str, operations: Sequence[Operation], target: Target | None = None
) -> Iterator[Line]:
    """Alone and together; each client has an operation of its own."""
    for clients in CLIENTS:
        numbers = bench.measure(operations[:clients], 400 // clients + 20, 5.0, target)
        yield judged(figure, {"clients": clients}, numbers)


def create(bench: Bench) -> Iterator[Line]:
    body = {"name": "measured", "graph_definition": graphs.transforms_in_a_row(10)}
    yield from _at_each_load(bench, "create", [Send("POST", "", body)] * MOST_CLIENTS)


def get(bench: Bench) -> Iterator[Line]:
    path = f"/{bench.created(graphs.transforms_in_a_row(10))}"
    yield from _at_each_load(bench, "get", [Send("GET", path)] * MOST_CLIENTS)


def update(bench: Bench) -> Iterator[Line]:
    """Each client saves a new version of its own workflow."""
    graph = graphs.transforms_in_a_row(10)
    paths = [f"/{bench.created(graph)}" for _ in range(MOST_CLIENTS)]
    yield from _at_each_load(bench, "update", [Send("PUT", path, {"graph_definition": graph}) for path in paths])


def list_workflows(bench: Bench) -> Iterator[Line]:
    """A page of 50, with few and with many stored."""
    target, few = bench.other_workspace, 0.0
    for stored in STORED:
        bench.database.fill_workflows(target.workspace_id, stored, graphs.transforms_in_a_row(10))
        for clients in CLIENTS:
            numbers = bench.measure([Send("GET")] * clients, 400 // clients + 20, 5.0, target)
            if clients == 1 and numbers["count"]:
                few = few or numbers["p50_ms"]
                numbers["p50_over_list_1000"] = round(numbers["p50_ms"] / few, 2)
            yield judged(f"list_{stored}", {"clients": clients}, numbers)


def execute(bench: Bench) -> Iterator[Line]:
    """Until it is accepted; the runs go on meanwhile."""
    path = f"/{bench.created(graphs.transforms_in_a_row(10))}/execute"
    yield from _at_each_load(bench, "execute", [Send("POST", path, {"input": {"n": 1}})] * MOST_CLIENTS)


def get_run(bench: Bench) -> Iterator[Line]:
    workflow_id = bench.created(graphs.transforms_in_a_row(10))
    run = bench.done(Run(workflow_id, *EAGER))
    yield from _at_each_load(bench, "get_run", [Send("GET", f"/{workflow_id}/runs/{run['id']}")] * MOST_CLIENTS)


def list_runs(bench: Bench) -> Iterator[Line]:
    """A page of 50 of a thousand."""
    workflow_id = bench.created(graphs.transforms_in_a_row(10))
    run = bench.done(Run(workflow_id, *EAGER))
    bench.database.copy_run(run["id"], STORED_RUNS - 1)
    yield from _at_each_load(bench, "list_runs", [Send("GET", f"/{workflow_id}/runs")] * MOST_CLIENTS)


def transforms_in_a_row(bench: Bench) -> Iterator[Line]:
    for count in (1, 10, 40, 100):
        workflow_id = bench.created(graphs.transforms_in_a_row(count))
        numbers = bench.measure([Run(workflow_id, *EAGER)], 20, 30.0)
        yield judged("transforms_in_a_row", {"nodes": count}, numbers)


def parallel_requests(bench: Bench) -> Iterator[Line]:
    for count in (10, 40):
        workflow_id = bench.created(graphs.parallel_requests(count, f"{bench.upstream}/slow?sleep=1"))
        numbers = bench.measure([Run(workflow_id, *EAGER)], 5, 10.0)
        yield judged("parallel_requests_of_1_s", {"nodes": count}, numbers)


def ladder(bench: Bench) -> Iterator[Line]:
    """12 requests of half a second that no nesting can order: six in a row are its critical path."""
    workflow_id = bench.created(graphs.ladder(6, f"{bench.upstream}/slow?sleep=0.5"))
    numbers = bench.measure([Run(workflow_id, *EAGER)], 5, 20.0)
    if numbers["count"]:
        numbers["p50_over_critical_path"] = round(numbers["p50_ms"] / 3_000, 3)
    yield judged("ladder_of_half_seconds", {"nodes": 12}, numbers)


def items(bench: Bench) -> Iterator[Line]:
    """A container of transforms, and one of requests, which runs in executions of its own from a thousand items on."""
    request = graphs.node("ask", "http_request", {"url": f"{bench.upstream}/now"})
    bodies = {"transform": (graphs.transform("twice", "{% $item * 2 %}"), 10_000), "request": (request, 2_000)}
    for name, (body, count) in bodies.items():
        workflow_id = bench.created(graphs.each_of(count, body))
        yield judged(f"items_of_{name}", {"items": count}, bench.measure([Run(workflow_id, *PATIENT)], 3, 60.0))


def runs(bench: Bench) -> Iterator[Line]:
    drawn = {"10_transforms": graphs.transforms_in_a_row(10), "10_mixed_nodes": graphs.mixed(f"{bench.upstream}/now")}
    for name, graph in drawn.items():
        operations = [Run(bench.created(graph), *PATIENT)] * MOST_CLIENTS
        yield judged(f"runs_of_{name}", {"clients": MOST_CLIENTS}, bench.measure(operations, 20, 15.0))


def storm(bench: Bench) -> Iterator[Line]:
    """Schedules of as many workflows that fire in the same minute, by the clock of the stack itself."""
    count = STORM // (4 if bench.quick else 1)
    workflow_ids = [bench.created(graphs.transforms_in_a_row(1)) for _ in range(count)]
    minute = (datetime.now(UTC) + STORM_BEGINS_AFTER).replace(second=0, microsecond=0)
    schedule = {"cron": f"{minute.minute} {minute.hour} {minute.day} {minute.month} *", "timezone": "UTC"}
    for workflow_id in workflow_ids:
        bench.done(Send("PUT", f"/{workflow_id}/schedule", schedule))
    yield judged("storm", {"schedules": count}, bench.database.fires(workflow_ids, minute))


def cold(bench: Bench) -> Iterator[Line]:
    workflow_id = bench.created(graphs.transforms_in_a_row(10))
    bench.done(Send("PUT", f"/{workflow_id}/schedule", {"cron": "0 8 * * *", "timezone": "UTC"}))
    stack = bench.stack
    yield from cold_starts(stack.target, workflow_id, bench.database.url, stack.data_dir, quick=bench.quick)


def memory(bench: Bench) -> Iterator[Line]:
    """Idle, and when a thousand runs have been executed."""
    yield judged("memory", {"when": "idle"}, bench.idle_memory)
    wanted = RUNS_OF_MEMORY // (4 if bench.quick else 1)
    operations = [Run(bench.created(graphs.transforms_in_a_row(10)), *PATIENT)] * MOST_CLIENTS
    bench.clients.drive(bench.stack.target, operations, -(-wanted // MOST_CLIENTS), 60.0)
    bench.database.drain()
    executed = bench.database.count_executed()
    yield judged("memory", {"when": "after_runs"}, {"runs": executed, **bench.stack.memory()})


FIGURES: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "memory": memory,
    "cold": cold,
    "create": create,
    "get": get,
    "update": update,
    "execute": execute,
    "get_run": get_run,
    "list_runs": list_runs,
    "transforms_in_a_row": transforms_in_a_row,
    "parallel_requests": parallel_requests,
    "ladder": ladder,
    "items": items,
    "runs": runs,
    "storm": storm,
    "list": list_workflows,
}
"""In this order: memory needs a stack that has done nothing yet, and what stores much comes last. `ready` is measured
by whoever starts the stack."""
