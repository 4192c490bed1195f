"""Evaluating what may make much out of little, in processes that it can't outgrow."""

from __future__ import annotations

import marshal
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import LifoQueue
from typing import Any

from .errors import ExpressionError
from .evaluation import evaluate
from .growth import most_given
from .worker import MEMORY_BYTES, OUT_OF_MEMORY, SECONDS

WORKERS = 4
WITHOUT_SHARING = 2
"""The version of marshal's form in which a value that is bound twice counts twice."""
ROOT = Path(__file__).parents[2]

_TOO_MUCH_MEMORY = f"it needs more than {MEMORY_BYTES // 1024**2} MiB of memory"
_DEATHS = {
    -signal.SIGALRM: f"it takes longer than {SECONDS} seconds",
    -signal.SIGABRT: _TOO_MUCH_MEMORY,
    -signal.SIGSEGV: "it is nested too deep",
    OUT_OF_MEMORY: _TOO_MUCH_MEMORY,
}


class Sandbox:
    """Evaluates expressions: what is small for sure in this process, all else in one of a few workers."""

    def __init__(self) -> None:
        self._idle: LifoQueue[_Worker] = LifoQueue()
        workers = [_Worker() for _ in range(WORKERS)]
        for worker in workers:
            self._idle.put(worker)
        weakref.finalize(self, _end, workers)

    def evaluate(self, source: str, bindings: Mapping[str, Any]) -> Any:
        """The value of a text that parses. Raises ExpressionError, also past every limit."""
        request = marshal.dumps((source, dict(bindings)), WITHOUT_SHARING)
        return evaluate(source, bindings) if len(request) <= most_given(source) else self._apart(source, request)

    def _apart(self, source: str, request: bytes) -> Any:
        worker = self._idle.get()
        try:
            value, failure = worker.ask(request)
        finally:
            self._idle.put(worker)
        if failure:
            reason, position = failure
            raise ExpressionError(reason, source, position)
        return value


class _Worker:
    """A process that is started when it is first asked, and again after one that an expression has killed."""

    def __init__(self) -> None:
        self._running: tuple[Connection, subprocess.Popen[bytes]] | None = None

    def ask(self, request: bytes) -> Any:
        """What `worker` answers. Raises ExpressionError where it dies of it."""
        self._running = self._running or _start()
        connection, process = self._running
        try:
            connection.send_bytes(request)
            return marshal.loads(connection.recv_bytes())  # noqa: S302 - written by our own worker
        except (EOFError, OSError):
            code = process.wait()
            self.end()
            raise ExpressionError(_DEATHS.get(code, f"it can't be evaluated: its process ended ({code})")) from None

    def end(self) -> None:
        if self._running:
            connection, process = self._running
            connection.close()
            process.kill()
            process.wait()
        self._running = None


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.end()


def _start() -> tuple[Connection, subprocess.Popen[bytes]]:
    ours, its = Pipe()
    with its:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-S", "-m", f"{__package__}.worker", str(its.fileno())],
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd=ROOT,
        )
    return ours, process


def _environment() -> dict[str, str]:
    """Where modules and libraries are found, and no secret. jsonatapy's allocator would reserve a gigabyte at once,
    which leaves a bound on memory nothing to refuse."""
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
        "MIMALLOC_DISALLOW_ARENA_ALLOC": "1",
    }
