"""Evaluating what may make much out of little, in processes that may be killed."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import LifoQueue
from typing import Any

from .errors import ExpressionError
from .evaluation import evaluate
from .frames import HEADER, frame
from .growth import is_small
from .worker import TOO_MUCH_MEMORY

SECONDS = 3.0
"""How long a worker may take for all: reading, evaluating, explaining, writing."""
WORKERS = 4
CHUNK = 1 << 20
ROOT = Path(__file__).parents[2]


class Sandbox:
    """Evaluates expressions; what is not small in worker processes, which are started when first needed."""

    def __init__(self) -> None:
        self._places: LifoQueue[_Worker | None] = LifoQueue()
        for _ in range(WORKERS):
            self._places.put(None)
        weakref.finalize(self, _end, self._places)

    def evaluate(self, source: str, bindings: Mapping[str, Any]) -> Any:
        """The value of a text that parses. Raises ExpressionError, also past every limit."""
        return evaluate(source, bindings) if is_small(source) else self.evaluate_apart(source, bindings)

    def evaluate_apart(self, source: str, bindings: Mapping[str, Any]) -> Any:
        """The same, always in a worker."""
        worker = self._places.get()
        try:
            worker = worker or _Worker()
            answer = worker.ask(frame({"source": source, "bindings": dict(bindings)}))
            if answer["tired"]:
                worker.end()
                worker = None
        except _WorkerLost as lost:
            lost.worker.end()
            worker = None
            raise ExpressionError(str(lost)) from None
        finally:
            self._places.put(worker)
        if "value" in answer:
            return answer["value"]
        raise ExpressionError(answer["reason"], source, answer["position"])


def _end(places: LifoQueue[_Worker | None]) -> None:
    while not places.empty():
        if worker := places.get():
            worker.end()


class _WorkerLost(Exception):  # noqa: N818
    """A worker died or takes too long."""

    def __init__(self, worker: _Worker, reason: str) -> None:
        super().__init__(reason)
        self.worker = worker


class _Worker:
    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-S", "-m", f"{__package__}.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd=ROOT,
            bufsize=0,
        )

    def ask(self, request: bytes) -> Any:
        """Raises _WorkerLost."""
        end = time.monotonic() + SECONDS
        self._send(request, end)
        (length,) = HEADER.unpack(self._receive(HEADER.size, end))
        return json.loads(self._receive(length, end))

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.communicate()

    def _send(self, request: bytes, end: float) -> None:
        stream = self._process.stdin
        assert stream
        os.set_blocking(stream.fileno(), False)
        rest = memoryview(request)
        while rest:
            self._await(stream.fileno(), select.POLLOUT, end)
            with suppress(BlockingIOError):
                rest = rest[self._written(stream.fileno(), rest[:CHUNK]) :]

    def _written(self, descriptor: int, part: memoryview) -> int:
        try:
            return os.write(descriptor, part)
        except BrokenPipeError:
            raise self._died() from None

    def _receive(self, length: int, end: float) -> bytes:
        stream = self._process.stdout
        assert stream
        parts = bytearray()
        while len(parts) < length:
            self._await(stream.fileno(), select.POLLIN, end)
            part = os.read(stream.fileno(), min(length - len(parts), CHUNK))
            if not part:
                raise self._died()
            parts += part
        return bytes(parts)

    def _died(self) -> _WorkerLost:
        """A process that can't have the memory that it asks for aborts."""
        aborted = self._process.wait() == -signal.SIGABRT
        return _WorkerLost(self, TOO_MUCH_MEMORY if aborted else "it can't be evaluated: its process died")

    def _await(self, descriptor: int, event: int, end: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(end - time.monotonic(), 0) * 1000):
            raise _WorkerLost(self, f"it takes longer than {SECONDS:g} seconds")


def _environment() -> dict[str, str]:
    """Where modules are found, and no secret. jsonatapy's allocator would reserve a gigabyte at once, which leaves a
    bound on memory nothing to refuse."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "MIMALLOC_DISALLOW_ARENA_ALLOC": "1"}
