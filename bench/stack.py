"""The stack that is measured: the real command in a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from .load import Target

ROOT = Path(__file__).parent.parent
READY = re.compile(r"ready (?P<base>\S+) workspace=(?P<workspace_id>\S+) owner_token=(?P<token>\S+) ")
STOP_SECONDS = 30
MEGABYTE = 1024 * 1024


class StackDiedError(Exception):
    """The server ended before it was ready."""


class Stack:
    """One server process."""

    def __init__(self, data_dir: Path) -> None:
        began = time.monotonic()
        self.data_dir = data_dir
        self._log = data_dir.with_suffix(".log")
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local", "run", "--port", "0"],
                cwd=ROOT,
                env=environment(data_dir),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self.target = self._ready()
        except BaseException:  # interrupted, it would be left behind
            self.stop()
            raise
        self.seconds_to_ready = time.monotonic() - began

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def memory(self) -> dict[str, float]:
        """In MB: the server's resident set, and what Postgres' processes hold, shared pages divided among them."""
        server = psutil.Process(self._process.pid).memory_info().rss
        postmaster = psutil.Process(int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]))
        postgres = sum(_proportional_size(process) for process in [postmaster, *postmaster.children(recursive=True)])
        return {
            "server_mb": round(server / MEGABYTE, 1),
            "postgres_mb": round(postgres / MEGABYTE, 1),
            "total_mb": round((server + postgres) / MEGABYTE, 1),
        }

    def _ready(self) -> Target:
        """The log is a file because a pipe that no one reads would stop the server once it is full."""
        while not (found := READY.search(self._log.read_text())):
            if self._process.poll() is not None:
                raise StackDiedError(self._log.read_text()[-2000:])
            time.sleep(0.01)
        return Target(**found.groupdict())


def environment(data_dir: Path) -> dict[str, str]:
    """Without DATABASE_URL, so that the stack makes a database of its own."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return {**kept, "DATA_DIR": str(data_dir)}


def _proportional_size(process: Any) -> int:
    try:
        memory = process.memory_full_info()
    except psutil.NoSuchProcess:
        return 0
    return int(getattr(memory, "pss", memory.uss))
