"""`stepgraph export`, `validate`: workflows as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.text import Text

from stepgraph import files
from stepgraph.addressing import find_drawing
from stepgraph.differences import same
from stepgraph.errors import CONFLICT, CliError, NotFoundError, ProblemError, RefusedError, UsageError
from stepgraph.options import Command, Session
from stepgraph.screen import DIM
from stepgraph.words import cost, counted

Done = TypeVar("Done")
Json = Mapping[str, Any]


@click.command(cls=Command)
@click.argument("workflow", required=False)
@click.option("-o", "--output", metavar="FILE|FOLDER", help="Where to; without it, standard output.")
@click.option("--all", "everything", is_flag=True, help="Every workflow of the workspace, into a folder.")
@click.option("--force", is_flag=True, help="Overwrite files that say something else.")
@click.pass_obj
def export(session: Session, workflow: str | None, output: str | None, everything: bool, force: bool) -> None:
    """Write a WORKFLOW, or WORKFLOW@VERSION, into a file."""
    if everything == (workflow is not None):
        raise UsageError("give either a workflow or --all")
    if everything and output is None:
        raise UsageError("--all needs a folder", "name one with -o")
    contents = _every(session) if everything else iter([_content(session, workflow or "")])
    if output is None:
        session.screen.out.out(files.text_of(next(contents)), end="", highlight=False)
        return
    written = [_write(content, Path(output), everything, force) for content in contents]
    session.screen.show([str(each) for each in written], *(Text(f"wrote {each}") for each in written))


def _content(session: Session, named: str) -> dict[str, Any]:
    drawing = find_drawing(session, named)
    return files.exported({**drawing.workflow, "current_version": drawing.version, "graph_definition": drawing.graph})


def _every(session: Session) -> Iterator[dict[str, Any]]:
    for each in session.api.items("/workflows"):
        yield files.exported(session.api.get(f"/workflows/{each['id']}"))


def _write(content: Json, output: Path, into_folder: bool, force: bool) -> Path:
    file = output / files.name_of(content) if into_folder or output.is_dir() else output
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and not force and not _says_the_same(file, content):
            raise UsageError(f"{file} says something else already", "--force overwrites it")
        files.write(file, files.text_of(content))
    except OSError as error:
        raise UsageError(f"{file} can't be written: {error.strerror}") from None
    return file


def _says_the_same(file: Path, content: Json) -> bool:
    try:
        return same(files.read(str(file)), dict(content))
    except CliError:
        return False


def each_file(session: Session, names: Sequence[str], work: Callable[[str], Done]) -> tuple[list[Done], int]:
    """What is done with each file, and the exit code of the first that was refused, which keeps no other from it."""
    done: list[Done] = []
    exit_codes: list[int] = []
    for name in json_files(names):
        try:
            done.append(work(name))
        except (ProblemError, RefusedError) as error:
            if error.exit_code not in (RefusedError.exit_code, NotFoundError.exit_code, CONFLICT):
                raise
            session.screen.fail(error, about=name)
            exit_codes.append(error.exit_code)
    return done, next(iter(exit_codes), 0)


def json_files(names: Sequence[str]) -> Iterator[str]:
    """The files themselves, and those in folders. Raises UsageError for a folder without any."""
    for name in names:
        if not Path(name).is_dir():
            yield name
            continue
        found = sorted(Path(name).glob("*.json"))
        if not found:
            raise UsageError(f"there is no .json file in {name}")
        yield from map(str, found)


@click.command(cls=Command)
@click.argument("names", metavar="FILE...", nargs=-1, required=True)
@click.pass_obj
def validate(session: Session, names: tuple[str, ...]) -> None:
    """Check the graphs in FILEs; nothing is saved.

    All that is wrong with them is told, or what a run of them costs.
    """
    told, exit_code = each_file(session, names, lambda name: _validate(session, name))
    session.screen.show(told, *map(_valid, told))
    raise click.exceptions.Exit(exit_code)


def _validate(session: Session, name: str) -> dict[str, Any]:
    graph = files.graph_of(files.read(name))
    certificate = session.api.post("/workflows/validate", {"graph_definition": graph})["certificate"]
    return {"file": name, "nodes": len(graph["nodes"]), "certificate": certificate}


def _valid(told: dict[str, Any]) -> Text:
    nodes = counted(told["nodes"], "node")
    return Text.assemble(("valid ", "green"), told["file"], (f"  {nodes}; a run: {cost(told['certificate'])}", DIM))
