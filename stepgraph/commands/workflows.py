"""`stepgraph workflows`, `templates`: what there is, and making, changing and deleting it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import click
from rich.text import Text

from stepgraph.addressing import find_template, find_workflow
from stepgraph.errors import UsageError
from stepgraph.files import graph_of, read
from stepgraph.options import Command, Group, Session
from stepgraph.screen import DIM, Column, facts, is_interactive
from stepgraph.words import cost, counted, line, local, short

DEFAULT_LIMIT = 100

limit = click.option(
    "--limit", type=click.IntRange(min=1), default=DEFAULT_LIMIT, show_default=True, help="At most so many."
)


@click.group(cls=Group, default="list")
def workflows() -> None:
    """List, show, create, change and delete workflows.

    Without a subcommand they are listed.
    """


@workflows.command("list")
@limit
@click.pass_obj
def list_workflows(session: Session, limit: int) -> None:
    """List workflows, the newest first."""
    found = at_most(session, session.api.items("/workflows"), limit)
    columns = (
        Column("id"), Column("name", long=True), Column("version", right=True), Column("schedule", extra=1),
        Column("changed", extra=2),
    )  # fmt: skip

    def row(workflow: dict[str, Any]) -> list[str | Text]:
        version, changed = str(workflow["current_version"]), session.screen.when(workflow["updated_at"])
        return [short(workflow["id"]), workflow["name"], version, _schedule(workflow), changed]

    session.screen.show_list(found, columns, row, empty="there is no workflow yet")


def at_most(session: Session, items: Iterable[Any], limit: int) -> list[Any]:
    """The first of a list; that there are more is said on standard error."""
    found = list(islice(items, limit + 1))
    if len(found) > limit:
        session.screen.note(f"the first {limit:,}; --limit shows more")
    return found[:limit]


def _schedule(workflow: dict[str, Any]) -> Text:
    cron = workflow["schedule_cron"] or ""
    return Text(cron) if workflow["schedule_enabled"] else Text(f"({cron}) off" if cron else "", DIM)


@workflows.command("get")
@click.argument("workflow")
@click.pass_obj
def get(session: Session, workflow: str) -> None:
    """Show a workflow; `stepgraph show` draws its graph."""
    found = find_workflow(session.api, workflow)
    found = session.api.get(f"/workflows/{found['id']}")
    session.screen.show(found, facts(_facts(found)))


def _facts(workflow: dict[str, Any]) -> list[tuple[str, str | Text | None]]:
    graph = workflow["graph_definition"]
    return [
        ("id", workflow["id"]),
        ("name", line(workflow["name"])),
        ("description", line(workflow["description"] or "")),
        ("version", str(workflow["current_version"])),
        ("graph", f"{counted(len(graph['nodes']), 'node')}, {counted(len(graph['edges']), 'edge')}"),
        ("a run", cost(workflow["certificate"])),
        ("schedule", _schedule(workflow)),
        ("template", "yes" if workflow["is_template"] else None),
        ("created", local(workflow["created_at"])),
        ("changed", local(workflow["updated_at"])),
    ]


@workflows.command("create")
@click.argument("file")
@click.option("--name", help="What it is called; needed for a file that holds only a graph.")
@click.option("--description", help="What it is for.")
@click.option("--template", is_flag=True, help="Make it a template.")
@click.pass_obj
def create(session: Session, file: str, name: str | None, description: str | None, template: bool) -> None:
    """Create a workflow from a FILE (- reads standard input) with a workflow or a graph in it."""
    content = read(file)
    body = dict(content) if "graph_definition" in content else {"graph_definition": graph_of(content)}
    given = {"name": name, "description": description, "is_template": template or None}
    body |= {key: value for key, value in given.items() if value is not None}
    if not body.get("name"):
        raise UsageError("the workflow has no name", "give one with --name")
    created = session.api.post("/workflows", body)
    session.screen.show(created, Text.assemble(("created ", "green"), line(created["name"])), facts(_facts(created)))


@workflows.command("edit")
@click.argument("workflow")
@click.option("--name", help="What it is called from now on.")
@click.option("--description", help="What it is for; empty takes it away.")
@click.option("--template/--no-template", default=None, help="Whether it is a template.")
@click.pass_obj
def edit(
    session: Session, workflow: str, name: str | None, description: str | None, template: bool | None
) -> None:  # fmt: skip
    """Change a workflow's name or description; `stepgraph import --update` changes its graph."""
    found = find_workflow(session.api, workflow)
    given = {"name": name, "is_template": template}
    change: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if description is not None:
        change["description"] = description or None
    if not change:
        raise UsageError("there is nothing to change", "give --name, --description or --template")
    changed = session.api.put(f"/workflows/{found['id']}", change)
    session.screen.show(changed, facts(_facts(changed)))


@workflows.command("delete")
@click.argument("workflow")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(session: Session, workflow: str, yes: bool) -> None:
    """Delete a workflow with its versions and runs."""
    found = find_workflow(session.api, workflow)
    name = line(found["name"])
    if not yes:
        if not is_interactive():
            raise UsageError(f"{name} is not deleted: there is no one to ask", "--yes deletes it without asking")
        click.confirm(f"Delete {name} with its versions and runs?", abort=True, err=True)
    session.api.delete(f"/workflows/{found['id']}")
    session.screen.show({"id": found["id"], "deleted": True}, Text(f"deleted {name}"))


@workflows.command("clone")
@click.argument("template")
@click.option("--name", help="What the new one is called; as the template is without it.")
@click.pass_obj
def clone(session: Session, template: str, name: str | None) -> None:
    """Make a workflow from a TEMPLATE of the workspace or the gallery."""
    found = find_template(session.api, template)
    created = session.api.post(f"/workflows/templates/{found['id']}/clone", {"name": name} if name else {})
    session.screen.show(created, Text.assemble(("created ", "green"), line(created["name"])), facts(_facts(created)))


@click.command(cls=Command)
@limit
@click.pass_obj
def templates(session: Session, limit: int) -> None:
    """List templates: your own, then the gallery."""
    found = at_most(session, session.api.items("/workflows/templates"), limit)
    columns = (Column("id"), Column("name"), Column("source", extra=2), Column("description", long=True, extra=1))

    def row(template: dict[str, Any]) -> list[str | Text]:
        return [short(template["id"]), template["name"], template["source"], template["description"] or ""]

    session.screen.show_list(found, columns, row, empty="there is no template")
