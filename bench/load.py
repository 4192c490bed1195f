"""Load: client processes with a keep-alive connection each, and how long they waited."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from chalicelib.runs.state import FINAL

MOST_CLIENTS = 16
START_SECONDS = 60.0
"""How long clients may take to be ready, their first operation included."""


class RefusedError(Exception):
    """The API refused what should work, or a run did not succeed."""


@dataclass(frozen=True, slots=True)
class Target:
    """The API as one user of one workspace sees it."""

    base: str
    workspace_id: str
    token: str


class Client:
    """One connection, kept alive; http.client turns Nagle's algorithm off."""

    def __init__(self, target: Target) -> None:
        url = urlsplit(target.base)
        self._connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
        self._prefix = f"/api/v1/workspaces/{target.workspace_id}/workflows"
        self._headers = {"Authorization": f"Bearer {target.token}"}

    def send(self, method: str, path: str = "", body: Any = None) -> Any:
        """The answer's body. Raises RefusedError."""
        content = None if body is None else json.dumps(body).encode()
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        self._connection.request(method, self._prefix + path, content, headers)
        response = self._connection.getresponse()
        text = response.read()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise RefusedError(f"{method} {path} answered {response.status}: {text[:500].decode()}")
        return json.loads(text) if text else None

    def close(self) -> None:
        self._connection.close()


Operation = Callable[[Client], Any]


@dataclass(frozen=True, slots=True)
class Send:
    """One request."""

    method: str
    path: str = ""
    body: Any = None

    def __call__(self, client: Client) -> Any:
        return client.send(self.method, self.path, self.body)


@dataclass(frozen=True, slots=True)
class Run:
    """One run, from POST to its final state. The pauses between polls double up to the longest."""

    workflow_id: str
    first_pause: float
    longest_pause: float

    def __call__(self, client: Client) -> Any:
        run = client.send("POST", f"/{self.workflow_id}/execute", {"input": {"n": 1}})
        pause = self.first_pause
        while run["status"] not in FINAL:
            time.sleep(pause)
            pause = min(2 * pause, self.longest_pause)
            run = client.send("GET", f"/{self.workflow_id}/runs/{run['id']}")
        if run["status"] != "succeeded":
            raise RefusedError(f"a run ended {run['status']}: {run['error_message']}")
        return run


@dataclass(frozen=True, slots=True)
class Timings:
    """How long each operation took, in seconds, and when the first began and the last ended."""

    seconds: list[float]
    errors: list[str]
    began: float
    ended: float

    @classmethod
    def together(cls, parts: Sequence[Timings]) -> Timings:
        return cls(
            sorted(seconds for part in parts for seconds in part.seconds),
            [error for part in parts for error in part.errors],
            min(part.began for part in parts),
            max(part.ended for part in parts),
        )


class Clients:
    """Client processes, started once."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        barrier = context.Barrier(MOST_CLIENTS)
        self._pool = ProcessPoolExecutor(MOST_CLIENTS, context, _prepare, (barrier,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def drive(self, target: Target, operations: Sequence[Operation], count: int, limit: float) -> Timings:
        """A client an operation (one or all), each repeating its own `count` times or for `limit` seconds."""
        assert len(operations) in (1, MOST_CLIENTS)
        futures = [
            self._pool.submit(_drive, target, operation, count, limit, alone=len(operations) == 1)
            for operation in operations
        ]
        return Timings.together([future.result() for future in futures])


_barrier: Barrier


def _prepare(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - a process pool hands a barrier to its processes no other way
    _barrier = barrier
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _drive(target: Target, operation: Operation, count: int, limit: float, *, alone: bool) -> Timings:
    client = Client(target)
    try:
        operation(client)  # connects, and is not measured
        if not alone:
            _barrier.wait(START_SECONDS)
        return _measure(client, operation, count, limit)
    finally:
        client.close()


def _measure(client: Client, operation: Operation, count: int, limit: float) -> Timings:
    seconds: list[float] = []
    errors: list[str] = []
    began = now = time.monotonic()
    while len(seconds) + len(errors) < count and now < began + limit:
        start = now
        try:
            operation(client)
        except RefusedError as error:
            errors.append(str(error))
        else:
            seconds.append(time.monotonic() - start)
        now = time.monotonic()
    return Timings(seconds, errors, began, now)
