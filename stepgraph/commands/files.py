"""`stepgraph export`, `import`, `validate`: workflows as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import click
from rich.text import Text

from stepgraph import files
from stepgraph.addressing import find_drawing, find_workflow
from stepgraph.api import Answer
from stepgraph.differences import same
from stepgraph.errors import CliError, NotFoundError, ProblemError, RefusedError, UsageError
from stepgraph.options import Command, Session
from stepgraph.screen import DIM
from stepgraph.words import cost, counted, line, short

CONFLICT = 5
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


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file."""

    file: str
    done: Literal["created", "updated", "unchanged"]
    workflow: Json

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        told = {key: self.workflow[key] for key in ("id", "name", "current_version")}
        return {"file": self.file, "done": self.done, **told}

    @property
    def words(self) -> Text:
        """For people."""
        style = DIM if self.done == "unchanged" else "green"
        name = f"{line(self.workflow['name'])} @{self.workflow['current_version']}"
        return Text.assemble((f"{self.done} ", style), name, (f"  {short(self.workflow['id'])}  {self.file}", DIM))


@click.command("import", cls=Command)
@click.argument("names", metavar="FILE...", nargs=-1, required=True)
@click.option("--update", is_flag=True, help="Change the workflow that a file was exported from, or has the name of.")
@click.option("--merge", is_flag=True, help="Update, and take in what others changed since.")
@click.option("--force", is_flag=True, help="Update, whatever others changed since.")
@click.pass_obj
def import_files(session: Session, names: tuple[str, ...], update: bool, merge: bool, force: bool) -> None:
    """Save workflows from FILEs.

    Folders are looked into, and - reads standard input. Each becomes a new workflow.
    With --update it changes the one that it was exported from: where someone else changed that since, it is a conflict,
    and nothing is overwritten.
    """
    how = _How(merge, force) if update or merge or force else None
    done, exit_code = _each(session, names, lambda name: _import(session, name, how))
    session.screen.show([each.as_json() for each in done], *(each.words for each in done))
    raise click.exceptions.Exit(exit_code)


def _each(session: Session, names: Sequence[str], work: Callable[[str], Done]) -> tuple[list[Done], int]:
    """What is done with each file, and the exit code of the first that was refused, which keeps no other from it."""
    done: list[Done] = []
    exit_codes: list[int] = []
    for name in _files(names):
        try:
            done.append(work(name))
        except (ProblemError, RefusedError) as error:
            if error.exit_code not in (RefusedError.exit_code, NotFoundError.exit_code, CONFLICT):
                raise
            session.screen.fail(error, about=name)
            exit_codes.append(error.exit_code)
    return done, next(iter(exit_codes), 0)


@dataclass(frozen=True, slots=True)
class _How:
    """How to update."""

    merge: bool
    force: bool


def _files(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if not Path(name).is_dir():
            yield name
            continue
        found = sorted(Path(name).glob("*.json"))
        if not found:
            raise UsageError(f"there is no .json file in {name}")
        yield from map(str, found)


def _import(session: Session, name: str, how: _How | None) -> Imported:
    content = _named(files.read(name), name)
    target = _target(session, content) if how else None
    if how is None or target is None:
        return Imported(name, "created", session.api.post("/workflows", content))
    before = session.api.get(f"/workflows/{target['id']}")
    if all(same(content[key], before[key]) for key in _CHANGEABLE if key in content):
        done = Imported(name, "unchanged", before)
    else:
        done = Imported(name, "updated", _update(session, name, content, before, how))
    if name != "-" and content.get("id") == before["id"]:
        files.note_version(Path(name), _as_saved(content, done.workflow), done.workflow["current_version"])
    return done


_CHANGEABLE = ("name", "description", "is_template", "graph_definition")


def _named(content: dict[str, Any], name: str) -> dict[str, Any]:
    """A file with only a graph in it is called as the file is."""
    if "graph_definition" not in content:
        content = {"graph_definition": files.graph_of(content)}
    files.graph_of(content)
    return content if "name" in content or name == "-" else {"name": Path(name).stem, **content}


def _target(session: Session, content: Json) -> Answer | None:
    """The workflow that a file is of: by its id, else by its name where there is one with it."""
    for named in (content.get("id"), content.get("name")):
        try:
            if isinstance(named, str):
                return find_workflow(session.api, named)
        except NotFoundError:
            continue
        except ProblemError as error:
            if error.exit_code != NotFoundError.exit_code:
                raise
    return None


def _update(session: Session, name: str, content: Json, before: Answer, how: _How) -> Answer:
    change = {key: content[key] for key in content if key != "graph_definition"}
    if not same(content["graph_definition"], before["graph_definition"]):
        change["graph_definition"] = content["graph_definition"]
    base = content.get("current_version") if content.get("id") == before["id"] else None
    if base is not None and not how.force:
        change["expected_version"] = base
    path = f"/workflows/{before['id']}"
    if how.merge and base is not None and base != before["current_version"]:
        merged = session.api.post(f"{path}/merge", {"base": base, "mine": content["graph_definition"]})
        change |= {"graph_definition": merged["graph_definition"], "expected_version": merged["current_version"]}
    try:
        return session.api.put(path, change)
    except ProblemError as error:
        if error.exit_code == CONFLICT and not how.merge:
            identifier = short(before["id"])
            error.hint = (
                f"stepgraph diff {identifier}@{base} {identifier} shows what others changed; "
                f"stepgraph import --merge {name} takes it in, --force overwrites it"
            )
        raise


def _as_saved(content: Json, saved: Json) -> dict[str, Any]:
    """A file's content with the graph that was saved, which a merge made another one."""
    return {**content, "graph_definition": saved["graph_definition"]}


@click.command(cls=Command)
@click.argument("names", metavar="FILE...", nargs=-1, required=True)
@click.pass_obj
def validate(session: Session, names: tuple[str, ...]) -> None:
    """Check the graphs in FILEs; nothing is saved.

    All that is wrong with them is told, or what a run of them costs.
    """
    told, exit_code = _each(session, names, lambda name: _validate(session, name))
    session.screen.show(told, *map(_valid, told))
    raise click.exceptions.Exit(exit_code)


def _validate(session: Session, name: str) -> dict[str, Any]:
    graph = files.graph_of(files.read(name))
    certificate = session.api.post("/workflows/validate", {"graph_definition": graph})["certificate"]
    return {"file": name, "nodes": len(graph["nodes"]), "certificate": certificate}


def _valid(told: dict[str, Any]) -> Text:
    nodes = counted(told["nodes"], "node")
    return Text.assemble(("valid ", "green"), told["file"], (f"  {nodes}; a run: {cost(told['certificate'])}", DIM))
