"""`stepgraph import`: files become workflows, or change them without losing what others did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
from rich.text import Text

from stepgraph import files
from stepgraph.addressing import find_workflow
from stepgraph.api import Answer
from stepgraph.differences import same
from stepgraph.errors import CONFLICT, NotFoundError, ProblemError
from stepgraph.options import Command, Session
from stepgraph.screen import DIM
from stepgraph.words import line, short

from .files import each_file

Json = Mapping[str, Any]
_CHANGEABLE = ("name", "description", "is_template", "graph_definition")


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


@dataclass(frozen=True, slots=True)
class _How:
    """How to update; `into` is the workflow where it is named."""

    into: Json | None
    merge: bool
    force: bool


@click.command("import", cls=Command)
@click.argument("names", metavar="FILE...", nargs=-1, required=True)
@click.option("--update", is_flag=True, help="Change the workflow that a file was exported from, or has the name of.")
@click.option("--into", metavar="WORKFLOW", help="Update this one, whatever the file says that it is of.")
@click.option("--merge", is_flag=True, help="Update, and take in what others changed since.")
@click.option("--force", is_flag=True, help="Update, whatever others changed since.")
@click.pass_obj
def import_files(
    session: Session, names: tuple[str, ...], update: bool, into: str | None, merge: bool, force: bool
) -> None:
    """Save workflows from FILEs.

    Folders are looked into, and - reads standard input. Each becomes a new workflow.
    With --update it changes the one that it was exported from: where someone else changed that since, it is a conflict,
    and nothing is overwritten.
    """
    target = find_workflow(session.api, into) if into else None
    how = _How(target, merge, force) if update or into or merge or force else None
    done, exit_code = each_file(session, names, lambda name: _import(session, name, how))
    session.screen.show([each.as_json() for each in done], *(each.words for each in done))
    raise click.exceptions.Exit(exit_code)


def _import(session: Session, name: str, how: _How | None) -> Imported:
    content = _named(files.read(name), name)
    target = (how.into or _target(session, content)) if how else None
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
