"""The command `stepgraph`, called by an owner of a workspace that no other test uses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stepgraph.cli import main
from tests.client import Api

OF_TERMINALS = ("COLUMNS", "NO_COLOR", "FORCE_COLOR")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    """The command with a user's environment; every call must end with the exit code that the test names."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def _own(self) -> dict[str, str | None]:
        """What a user has set, and nothing that whoever runs the tests has."""
        theirs = [name for name in os.environ if name.startswith("STEPGRAPH_") or name in OF_TERMINALS]
        mine = {"XDG_CONFIG_HOME": str(self.folder), "DATA_DIR": str(self.folder), **self.environment}
        return {**dict.fromkeys(theirs), **mine}

    def __call__(self, *arguments: str, code: int = 0, stdin: str | None = None) -> Outcome:
        result = CliRunner(env=self._own).invoke(main, arguments, input=stdin, prog_name="stepgraph")
        outcome = Outcome(result.exit_code, result.stdout, result.stderr)
        assert outcome.code == code, (outcome, result.exc_info)
        return outcome

    def json(self, *arguments: str, code: int = 0, stdin: str | None = None) -> Any:
        return self(*arguments, "--json", code=code, stdin=stdin).json

    def process(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """The command as users start it."""
        command = [sys.executable, "-m", "stepgraph", *arguments]
        environment = {name: value for name, value in {**os.environ, **self._own}.items() if value is not None}
        with interruptible():
            return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **more)


@contextmanager
def interruptible() -> Iterator[None]:
    """Processes that begin meanwhile end when interrupted, though a shell may have begun us in the background, where
    that is ignored: what is handled here is as usual there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture
def cli(owner: Api, tmp_path: Path) -> Cli:
    return cli_of(owner, tmp_path)


@pytest.fixture
def member_cli(member: Api, tmp_path: Path) -> Cli:
    return cli_of(member, tmp_path)


@pytest.fixture
def bare_cli(tmp_path: Path) -> Cli:
    """Of a user for whom nothing is configured."""
    return Cli(tmp_path)


def cli_of(api: Api, folder: Path) -> Cli:
    assert api.token
    names = {"URL": api.base, "WORKSPACE": api.workspace_id, "TOKEN": api.token}
    return Cli(folder, {f"STEPGRAPH_{name}": value for name, value in names.items()})


@pytest.fixture
def file(tmp_path: Path) -> Callable[[Any], str]:
    """Writes JSON, or a text, into a file, and gives its name."""

    def write(content: Any, name: str = "workflow.json") -> str:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write
