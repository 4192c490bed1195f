"""The stack that is killed: the real command on a data folder of its own, and the Postgres that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from bench.stack import READY, ROOT, environment
from tests.client import Api

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.01


class DidNotStartError(Exception):
    """The stack ended by itself, or was not ready in time; with the end of what it said."""


class Victim:
    """One data folder, and the process that works on it now. `api` is where it answers, if it is ready."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.api: Api | None = None
        self.lives = 0
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin a life; it is not ready yet."""
        self.lives += 1
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local", "run", "--port", "0"],
                cwd=ROOT,
                env=environment(self.data_dir),
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

    def kill(self) -> None:
        """SIGKILL to the stack alone; it is reaped, as a shell does it."""
        assert self._process
        self._process.kill()
        self._process.wait()
        self.api = None

    def kill_postgres(self) -> bool:
        """SIGKILL to the server and all its processes, or to what is just making it; whether there was one."""
        victims = [*self._postgres(), *self._starting_postgres()]
        for process in victims:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(victims, STOP_SECONDS)
        return bool(victims)

    def stop(self) -> None:
        """As Ctrl-C does; what is left of it then is killed."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        if self._process and self._process.poll() is None:
            self.kill()
        self.kill_postgres()

    @property
    def _said(self) -> Path:
        """A file a life, so that no ready line of an earlier one is taken for its own."""
        return self._folder / f"said-{self.lives}"

    def _postgres(self) -> list[Any]:
        """The server of the data folder by its own file, if that process is one of this folder."""
        try:
            postmaster = psutil.Process(int((self._postgres_dir / "postmaster.pid").read_text().split()[0]))
            if str(self._postgres_dir) in postmaster.cmdline():
                return [postmaster, *postmaster.children(recursive=True)]
        except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
            pass
        return []

    def _starting_postgres(self) -> list[Any]:
        """initdb and pg_ctl run in the session that the stack was started with."""
        assert self._process
        return [process for process in psutil.process_iter() if _session(process.pid) == self._process.pid
                and process.pid != self._process.pid]  # fmt: skip

    @property
    def _postgres_dir(self) -> Path:
        return self.data_dir / "postgres"


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None
