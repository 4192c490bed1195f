"""The embedded Postgres starts, whatever became of who used it before."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from local import postgres
from tests.client import poll

USE = """
import sys, time
from pathlib import Path
from local import postgres
print(postgres.start(Path(sys.argv[1]))[0], flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("embedded") / "postgres"


@contextmanager
def user(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that uses it, says so, and is killed with all that it called; a server that runs is none of these."""
    command = [sys.executable, "-c", USE, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def left_behind(folder: Path) -> tuple[psutil.Process, str]:
    """A server whose user was killed, and its URL."""
    with user(folder) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
    return psutil.Process(int((folder / "postmaster.pid").read_text().split()[0])), url


def answers(folder: Path) -> bool:
    url, leave = postgres.start(folder)
    try:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        leave()


def test_one_that_was_cut_off_in_the_making_is_made_anew(folder: Path) -> None:
    with user(folder):
        poll(lambda: list(folder.parent.glob("*/PG_VERSION")))
    assert answers(folder)
    assert [each.name for each in folder.parent.iterdir()] == ["postgres"]


def test_a_pid_that_became_someone_elses_is_no_server(folder: Path) -> None:
    assert answers(folder)
    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n/x\n1\n5432\n/x\n\n1 1\nready\n")
    assert answers(folder)


def test_one_that_was_killed_and_is_not_reaped_is_no_server(folder: Path) -> None:
    server, _ = left_behind(folder)
    pid_file, lock = folder / "postmaster.pid", folder / ".s.PGSQL.5432.lock"
    said, owner = {file: file.read_text() for file in (pid_file, lock)}, server.uids().real
    server.kill()
    poll(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
    with subprocess.Popen([str(shutil.which("true"))], user=owner) as dead:
        poll(lambda: psutil.Process(dead.pid).status() == psutil.STATUS_ZOMBIE)
        for file, text in said.items():
            file.write_text(text.replace(str(server.pid), str(dead.pid), 1))
        assert answers(folder)


def test_one_that_is_just_stopping_is_waited_for(folder: Path) -> None:
    server, url = left_behind(folder)
    connection = psycopg.connect(url)
    server.send_signal(signal.SIGTERM)  # it stops when its last connection has gone
    poll(lambda: "stopping" in (folder / "postmaster.pid").read_text())
    threading.Timer(0.3, connection.close).start()
    assert answers(folder)


def test_one_whose_folder_was_deleted_does_not_disturb_the_next(folder: Path) -> None:
    server, _ = left_behind(folder)
    shutil.rmtree(folder)
    assert answers(folder)
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
