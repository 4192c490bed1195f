"""The command as a process: on a terminal, wide and narrow, in pipes, interrupted."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import struct
import subprocess
import termios
from dataclasses import replace

import pytest

from tests.cli.conftest import Cli
from tests.client import Api, edge, graph, node

NAP = graph([node("nap", "wait", {"seconds": 600}), node("after")], edge("nap", "after"))
SHORT = graph([node("nap", "wait", {"seconds": 1}), node("after")], edge("nap", "after"))
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, cli: Cli, *arguments: str, columns: int = 80, rows: int = 24) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = cli.process(*arguments, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.text = ""

    def read_until(self, wanted: str) -> str:
        while wanted not in self.text and self._read():
            pass
        assert wanted in self.text
        return self.text

    def end(self) -> tuple[int, str]:
        while self._read():
            pass
        os.close(self._master)
        return self.process.wait(30), self.text

    def _read(self) -> bool:
        try:
            chunk = os.read(self._master, 65_536)
        except OSError:  # the other end is closed
            return False
        self.text += chunk.decode(errors="replace")
        return bool(chunk)


def colourful(cli: Cli, **more: str) -> Cli:
    return replace(cli, environment={**cli.environment, "TERM": "xterm-256color", **more})


def on_terminal(cli: Cli, **more: str) -> Cli:
    """For which standard output passes for a terminal."""
    return colourful(cli, FORCE_COLOR="1", **more)


def frames(text: str) -> list[str]:
    """What was drawn, one picture after the other."""
    return [COLOUR.sub("", each) for each in re.split(r"(?:\x1b\[2K|\x1b\[1A|\r)+", text)]


class TestLive:
    def test_a_run_is_drawn_as_it_goes(self, cli: Cli, owner: Api) -> None:
        owner.create(SHORT, "w")
        code, text = Terminal(colourful(cli), "run", "w").end()
        seen = " ".join(frames(text))
        assert code == 0
        assert re.search(r"nap +wait +◷ waiting +0\.\d s", seen)
        assert re.search(r"after +transform +· pending", seen)
        assert re.search(r"after +transform +✓ succeeded", seen)
        assert COLOUR.search(text)
        assert text.rstrip().endswith('"after"')

    def test_an_interrupt_leaves_the_run_and_says_so(self, cli: Cli, owner: Api) -> None:
        workflow_id = owner.create(NAP, "w")["id"]
        terminal = Terminal(colourful(cli), "run", "w")
        terminal.read_until("waiting")
        terminal.process.send_signal(signal.SIGINT)
        code, text = terminal.end()
        run = owner.get(f"/{workflow_id}/runs")["items"][0]
        assert (code, run["status"]) == (130, "running")
        assert f"the run goes on; stepgraph watch {run['id'][:8]} shows it" in COLOUR.sub("", text)
        cli("cancel", run["id"])

    def test_more_nodes_than_lines_are_told_by_what_matters(self, cli: Cli, owner: Api) -> None:
        nodes = [node(f"n{number:02}") for number in range(60)]
        owner.create(
            graph([*nodes, node("no", "fail", {"message": "why not"})], *(edge(each["id"], "no") for each in nodes)),
            "w",
        )
        code, text = Terminal(colourful(cli), "run", "w", rows=20).end()
        assert code == 1
        last = frames(text)
        assert any(re.search(r"no +fail +✗ failed", each) for each in last)
        assert "more nodes" in " ".join(last)


class TestTables:
    @pytest.fixture(autouse=True)
    def runs(self, owner: Api) -> None:
        drawn = graph([node("no", "fail", {"message": "x" * 300})])
        workflow_id = owner.create(drawn, "A workflow with a rather long name")["id"]
        owner.ended(workflow_id, owner.execute(workflow_id)["id"])

    @pytest.mark.parametrize("columns", [30, 50, 80, 200])
    def test_lines_fit_the_terminal_and_show_the_status(self, cli: Cli, columns: int) -> None:
        lines = COLOUR.sub("", on_terminal(cli, COLUMNS=str(columns))("runs").out).splitlines()
        assert len(lines) == 2
        assert all(len(line) <= columns for line in lines)
        assert "✗ failed" in lines[1]

    def test_without_colours(self, cli: Cli) -> None:
        coloured, plain = on_terminal(cli)("runs").out, on_terminal(cli, NO_COLOR="1")("runs").out
        assert re.search(r"\x1b\[31m", coloured)
        assert not re.search(r"\x1b\[(3|9)\d", plain)

    def test_in_a_pipe_nothing_is_cut_nor_coloured(self, cli: Cli) -> None:
        told = cli("runs").out
        assert ("x" * 300 in told, "\x1b" in told) == (True, False)
        assert not re.search(" $", told, re.MULTILINE)


class TestPipes:
    def test_one_that_is_closed_is_no_error(self, cli: Cli, owner: Api) -> None:
        owner.create(graph([node(f"n{number}", "transform", {"value": "x" * 500}) for number in range(400)]), "w")
        process = cli.process("show", "w", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout
        assert process.stderr
        with process:
            process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == ""

    def test_an_interrupt_in_a_pipe_says_that_the_run_goes_on(self, cli: Cli, owner: Api) -> None:
        workflow_id = owner.create(NAP, "w")["id"]
        process = cli.process("run", "w", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout
        with process:
            told = ""
            while "waiting" not in told:
                told += process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "the run goes on" in errors
        cli("cancel", owner.get(f"/{workflow_id}/runs")["items"][0]["id"])
