"""The stack that is killed: the real command on a data folder of its own, and the Postgres that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

import psutil

from bench.stack import READY, ROOT, environment
from tests.client import Api, poll

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.01
STARTING_SECONDS = 2.5
"""About how long a start takes."""
EARLY = 0.2
"""The part of the kills that come while the stack is starting."""
APART_SECONDS = 1.0


Postgres = Literal["first", "last", "at once"]
ORDERS: tuple[Postgres, ...] = ("first", "last", "at once")


class DidNotStartError(Exception):
    """The stack ended by itself, or was not ready in time; with the end of what it said."""


@dataclass(slots=True)
class Kill:
    """SIGKILL to all processes of the stack and of its Postgres."""

    early: bool
    """Whether it comes while the stack is starting, and not while it is busy."""
    seconds: float
    """How long after that began."""
    postgres: Postgres
    apart: float
    """For how many seconds the one lives without the other."""
    began: float = 0.0
    ended: float = 0.0
    back: float = 0.0
    """When the stack answered again; these are seconds since the epoch."""


def draw_kills(count: int, longest_life: float, random: Random) -> list[Kill]:
    """The first is never early: there must be something to lose."""
    kills = []
    for number in range(count):
        early = number > 0 and random.random() < EARLY
        seconds = random.uniform(0, STARTING_SECONDS if early else longest_life)
        postgres = random.choice(ORDERS)
        apart = 0.0 if postgres == "at once" else random.uniform(0, APART_SECONDS)
        kills.append(Kill(early, seconds, postgres, apart))
    return kills


def _has_ended(process: psutil.Process) -> bool:
    """Whether it has, though whoever took over its parent's children may not have looked at them yet."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class Victim:
    """One data folder, and the process that works on it now. `api` is where it answers, if it is ready."""

    def __init__(self, folder: Path) -> None:
        self.api: Api | None = None
        self.lives = 0
        self._folder = folder
        self._data_dir = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin a life; it is not ready yet."""
        self.lives += 1
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local", "run", "--port", "0"],
                cwd=ROOT,
                env=environment(self._data_dir),
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Raises DidNotStartError."""
        assert self._process
        deadline = time.monotonic() + READY_SECONDS
        while not (found := READY.search(self._said.read_text())):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise DidNotStartError(self._said.read_text()[-2000:])
            time.sleep(POLL_SECONDS)
        self.api = Api(**found.groupdict())

    def die(self, kill: Kill) -> None:
        """Kill it, and note when."""
        one, other = self._kill_stack, self._kill_postgres
        if kill.postgres == "first":
            one, other = other, one
        kill.began = time.time()
        one()
        time.sleep(kill.apart)
        other()
        kill.ended = time.time()

    def stop(self) -> None:
        """As Ctrl-C does; what is left of it then is killed."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
            self._kill_stack()
        self._kill_postgres()

    def _kill_stack(self) -> None:
        """With all that it called; it is reaped, as a shell does it."""
        assert self._process
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.api = None

    def _kill_postgres(self) -> None:
        """The server and all its processes, if there are any."""
        processes = self._postgres()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        poll(lambda: all(map(_has_ended, processes)), STOP_SECONDS)

    @property
    def _said(self) -> Path:
        """A file a life, so that no ready line of an earlier one is taken for its own."""
        return self._folder / f"said-{self.lives}"

    def _postgres(self) -> list[Any]:
        """Found by the server's own file, if that process is one of this folder."""
        folder = self._data_dir / "postgres"
        with suppress(OSError, ValueError, IndexError, psutil.NoSuchProcess):
            postmaster = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
            if str(folder.resolve()) in postmaster.cmdline():
                return [postmaster, *postmaster.children(recursive=True)]
        return []
