"""`stepgraph versions`, `diff`, `rollback`, `show`: what a workflow was, is, and how it differs."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from stepgraph.addressing import Drawing, drawing_of, find_drawing, find_workflow, is_file
from stepgraph.differences import ABSENT, Connection, Difference, Field, compare
from stepgraph.errors import UsageError
from stepgraph.options import Command, Session
from stepgraph.outline import Line, outline
from stepgraph.screen import DIM, Column
from stepgraph.words import counted, label_of, labels, line, one_line

from .workflows import at_most, limit

ADDED, REMOVED, CHANGED = "green", "red", "yellow"


@click.command(cls=Command)
@click.argument("workflow")
@limit
@click.pass_obj
def versions(session: Session, workflow: str, limit: int) -> None:
    """List the versions of a workflow, the newest first."""
    found = find_workflow(session.api, workflow)
    listed = at_most(session, session.api.items(f"/workflows/{found['id']}/versions"), limit)

    def row(version: dict[str, Any]) -> list[str | Text]:
        is_current = version["version"] == found["current_version"]
        saved = session.screen.when(version["created_at"])
        return [str(version["version"]), saved, Text("current" if is_current else "", ADDED)]

    columns = (Column("version", right=True), Column("saved"), Column(""))
    session.screen.show_list(listed, columns, row, empty="there is no version")


@click.command(cls=Command)
@click.argument("a")
@click.argument("b", required=False)
@click.pass_obj
def diff(session: Session, a: str, b: str | None) -> None:
    """Show what differs between two graphs.

    A and B are each WORKFLOW, WORKFLOW@VERSION, or a file. Without B, WORKFLOW is compared with the version before the
    current one, WORKFLOW@VERSION with the current one, and a file with the workflow that it was exported from.
    """
    before, after = (find_drawing(session, a), find_drawing(session, b)) if b else _alone(session, a)
    found = compare(before.graph, after.graph)
    session.screen.show(
        {"before": before.title, "after": after.title, **found.as_json()},
        _title(before, after),
        *_told(found, before, after),
    )


def _alone(session: Session, named: str) -> tuple[Drawing, Drawing]:
    drawing = find_drawing(session, named)
    if is_file(named):
        if "id" not in drawing.workflow:
            raise UsageError(
                f"{named} does not tell of which workflow it is", f"name it: stepgraph diff WORKFLOW {named}"
            )
        return find_drawing(session, drawing.workflow["id"]), drawing
    current = drawing.workflow["current_version"]
    if drawing.version != current:
        return drawing, drawing_of(session.api, drawing.workflow, current)
    if current == 1:
        raise UsageError("there is only version 1, and nothing to compare it with")
    return drawing_of(session.api, drawing.workflow, current - 1), drawing


def _title(before: Drawing, after: Drawing) -> Text:
    return Text.assemble((f"- {before.title}\n", REMOVED), (f"+ {after.title}", ADDED))


def _told(found: Difference, before: Drawing, after: Drawing) -> list[Text]:
    names = labels(before.graph) | labels(after.graph)
    parts = [
        *(Text(f"- node {_node(each)}", REMOVED) for each in found.removed),
        *(Text(f"+ node {_node(each)}", ADDED) for each in found.added),
        *(_changed(_node(each.after), each.fields) for each in found.changed),
        *(Text(f"- edge {_edge(each, names)}", REMOVED) for each in found.disconnected),
        *(Text(f"+ edge {_edge(each, names)}", ADDED) for each in found.connected),
    ]
    if found.others:
        parts.append(_changed("", found.others))
    if found.moved:
        parts.append(Text(f"  layout of {counted(len(found.moved), 'node')}", DIM))
    return parts or [Text("no difference", DIM)]


def _node(node: Any) -> str:
    label, node_id = label_of(node), line(str(node["id"]))
    kind = line(str(node.get("type", "")))
    return f"{node_id} ({kind})" if label == node_id else f"{node_id} “{label}” ({kind})"


def _edge(edge: Connection, names: dict[str, str]) -> str:
    source, handle, target = edge
    way = "→" if handle == "out" else f"─{line(handle)}→"
    return f"{names.get(source, source)} {way} {names.get(target, target)}"


def _changed(node: str, fields: list[Field]) -> Text:
    text = Text(f"~ node {node}" if node else "~ graph", CHANGED)
    for field in fields:
        text.append(f"\n    {line(field.path) or '(all of it)'}", "bold")
        if field.before is not ABSENT:
            text.append(f"\n    - {one_line(field.before)}", REMOVED)
        if field.after is not ABSENT:
            text.append(f"\n    + {one_line(field.after)}", ADDED)
    return text


@click.command(cls=Command)
@click.argument("workflow")
@click.argument("version", type=click.IntRange(min=1))
@click.pass_obj
def rollback(session: Session, workflow: str, version: int) -> None:
    """Make an old VERSION the current one again.

    That is a new version with its graph: history is only added to.
    """
    found = find_workflow(session.api, workflow)
    body = {"version": version, "expected_version": found["current_version"]}
    done = session.api.post(f"/workflows/{found['id']}/rollback", body)
    told = f"{line(done['name'])} is at version {done['current_version']}, which is version {version} again"
    session.screen.show(done, Text(told))


@click.command(cls=Command)
@click.argument("graph")
@click.pass_obj
def show(session: Session, graph: str) -> None:
    """Draw an outline of a GRAPH.

    It is that of a WORKFLOW, of WORKFLOW@VERSION, or in a file.
    """
    found = find_drawing(session, graph)
    nodes, edges = found.graph["nodes"], found.graph["edges"]
    title = Text.assemble(
        (found.title, "bold"), (f"  {counted(len(nodes), 'node')}, {counted(len(edges), 'edge')}", DIM)
    )
    session.screen.show(found.graph, title, *(_drawn(each) for each in outline(found.graph)))


def _drawn(node: Line) -> Text:
    indent = "  " * node.depth
    text = Text.assemble(f"{indent}● ", (node.label, "bold"), f"  {node.type}", (f"  {node.summary}".rstrip(), DIM))
    text.no_wrap, text.overflow = True, "ellipsis"
    for handle, target in node.leads_to:
        text.append(f"\n{indent}  └{f'─{handle}' if handle else ''}→ ", "cyan").append(target)
    return text
