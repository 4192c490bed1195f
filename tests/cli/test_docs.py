"""docs/cli.md has every command and option, and the README's transcript is what happens."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from stepgraph.cli import main
from tests.cli.conftest import ROOT, Cli

REFERENCE = (ROOT / "docs" / "cli.md").read_text()
README = (ROOT / "README.md").read_text()
ID, TOOK = re.compile(r"\b[0-9a-f]{8}\b"), re.compile(r"\b\d+(\.\d+)? m?s\b")


def commands(command: click.Command = main, name: str = "") -> Iterator[tuple[str, click.Command]]:
    for sub in command.commands.values() if isinstance(command, click.Group) else ():
        yield f"{name} {sub.name}".strip(), sub
        yield from commands(sub, f"{name} {sub.name}".strip())


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_and_option_is_in_the_reference(name: str, command: click.Command) -> None:
    assert re.search(rf"(`|stepgraph ){name}\b", REFERENCE)
    for option in (each for each in command.params if isinstance(each, click.Option)):
        assert all(each in REFERENCE for each in option.opts), option.opts


def test_every_command_has_help(cli: Cli) -> None:
    for name, command in commands():
        assert command.help
        assert "Usage: stepgraph" in cli(*name.split(), "--help").out


def test_the_transcript_of_the_readme_is_what_happens(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```console\n(.+?)```", README, re.DOTALL)
    steps = [step.partition("\n") for step in re.split(r"^\$ ", blocks[0], flags=re.MULTILINE)[1:]]
    assert len(steps) > 3
    ids: dict[str, str] = {}
    for line, _, written in steps:
        typed = [ids.get(word, word) for word in shlex.split(line)[1:]]
        told = cli(*typed, code=1 if "✗ failed in" in written else 0).out
        ids |= dict(zip(ID.findall(written), ID.findall(told), strict=True))
        assert comparable(told) == comparable(written)


def comparable(told: str) -> list[str]:
    """Without ids, times, and what is told only when it is seen on its way."""
    masked = (re.sub(" +", " ", TOOK.sub("T", ID.sub("ID", line))).strip() for line in told.splitlines())
    steady = (re.sub(r"^(run ID of .+ @\d+) .+", r"\1", line) for line in masked)
    return [line for line in steady if not re.match(r"T (▶|◷)", line)]
