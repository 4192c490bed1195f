"""Crashes at the code's own seams: each statement to Postgres, each call to AWS, each request of a node.

A worker is one call of the code, as a process or a Lambda makes it. It may be told to die at its n-th step: from then
on nothing of it gets through any more, not even what its `finally` blocks try.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chalicelib.aws.step_functions import StepFunctions
from chalicelib.bootstrap import Services
from chalicelib.db import Connection, Database
from chalicelib.http.client import OutgoingHttp
from chalicelib.http.connection import ANYWHERE
from chalicelib.node_contract import HttpResponse


class Crash(BaseException):
    """The process is gone; no handler of the code under test may run on."""


@dataclass
class Fate:
    """When the workers of one run die: at its step of that number, counted from 1 over all of them; 0 is never. Those
    that always die at a step are not even missed: their calls are answered, and counted as `unnoticed`."""

    dies_at: int = 0
    always_dies_at: str | None = None
    unnoticed: int = 0
    steps: list[str] = field(default_factory=list)

    def next(self, step: str) -> bool:
        self.steps.append(step)
        return len(self.steps) == self.dies_at or step == self.always_dies_at


@dataclass
class Worker:
    fate: Fate
    is_dead: bool = False


_worker: ContextVar[Worker | None] = ContextVar("worker", default=None)


@contextmanager
def working(fate: Fate) -> Iterator[None]:
    """What is done meanwhile is a worker's. Raises Crash where it dies."""
    token = _worker.set(Worker(fate))
    try:
        yield
    finally:
        _worker.reset(token)


def step(name: str) -> None:
    worker = _worker.get()
    if worker is None:
        return
    worker.is_dead = worker.is_dead or worker.fate.next(name)
    if worker.is_dead:
        raise Crash(name)


class FaultyConnection:
    """Every statement is a step."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, query: Any, *parameters: Any) -> Any:
        step(" ".join(str(query).split())[:60])
        return self._connection.execute(query, *parameters)

    def transaction(self) -> Any:
        return self._connection.transaction()


class FaultyDatabase(Database):
    """After a commit comes a step, too."""

    @contextmanager
    def connection(self) -> Iterator[Any]:
        with super().connection() as connection:
            yield FaultyConnection(connection)
        step("what was written is committed")


class FaultyClient:
    """Every call to AWS has a step before it and one between it and its answer."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.exceptions = client.exceptions

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def faulty(**parameters: Any) -> Any:
            step(f"before {name}")
            answer = call(**parameters)
            step(f"after {name}")
            return answer

        return faulty


class FaultyStepFunctions(StepFunctions):
    @cached_property
    def _client(self) -> Any:
        return FaultyClient(super()._client)


class FaultyHttp(OutgoingHttp):
    def request(self, method: str, url: str, **more: Any) -> HttpResponse:
        step(f"before {method}")
        answer = super().request(method, url, **more)
        step(f"after {method}")
        return answer


class FaultyServices(Services):
    """The services, with seams that break."""

    @cached_property
    def database(self) -> Database:
        return FaultyDatabase(self.conninfo, self.settings.database_pool_size)

    @cached_property
    def step_functions(self) -> StepFunctions:
        return FaultyStepFunctions(self.settings)

    @cached_property
    def http(self) -> OutgoingHttp:
        return FaultyHttp(ANYWHERE, self.settings.max_output_bytes)


class WorkerDied(Exception):  # noqa: N818
    """What Lambda tells Step Functions of a worker that died."""


class FaultyLambda:
    """The Lambda behind every Task, on faulty services; the input of a run names its fate."""

    def __init__(self, services: FaultyServices) -> None:
        self._services = services
        self.fates: dict[str, Fate] = {}

    def __call__(self, _name: str, event: Mapping[str, Any]) -> Any:
        fate = self._fate(event["run_id"])
        with working(fate):
            try:
                return self._services.runner.handle(event)
            except Crash as crash:
                if fate.always_dies_at == str(crash):
                    fate.unnoticed += 1
                    return {}
                raise WorkerDied(str(crash)) from None

    def _fate(self, run_id: str) -> Fate:
        with self._services.database.connection() as connection:
            row = connection.execute("SELECT input FROM workflow_runs WHERE id = %s", [run_id]).fetchone()
        return self.fates.get(row["input"].get("fate"), Fate()) if row else Fate()
