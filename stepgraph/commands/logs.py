"""`stepgraph logs`: all that happened to a run, every attempt of every node, and the items of a container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from stepgraph.addressing import find_run, graph_of_run, run_path
from stepgraph.errors import NotFoundError
from stepgraph.options import Command, Session
from stepgraph.progress import rows
from stepgraph.screen import DIM, STATUS, Column, as_json, facts, status_text, table
from stepgraph.words import between, label_of, line, local, one_line, seconds, short

from .workflows import at_most, limit

UNTOLD = {"at", "event", "execution_arn"}
Json = Mapping[str, Any]


@click.command(cls=Command)
@click.argument("run")
@click.option("--node", metavar="ID", help="All about one node, with its output; of a container, its items.")
@limit
@click.pass_obj
def logs(session: Session, run: str, node: str | None, limit: int) -> None:
    """Tell all that happened in a RUN.

    Who started, cancelled or retried it and why, and of every node its attempts with their errors and times.
    """
    found = find_run(session.api, run)
    graph = graph_of_run(session.api, found)
    if node is not None:
        _one(session, found, graph, node, limit)
        return
    parts: list[RenderableType] = [_facts(found), Text("\nhistory", "bold"), *_history(found)]
    session.screen.show(found, *parts, Text("\nnodes", "bold"), *_nodes(found, graph))


def _facts(run: Json) -> RenderableType:
    parent = run.get("parent")
    return facts(
        [
            ("run", run["id"]),
            ("workflow", f"{run['workflow_id']} @{run['version']}"),
            ("status", status_text(run["status"])),
            ("error", line(run["error_message"] or "")),
            ("started", f"{local(run['started_at'])}, {run['trigger']}"),
            ("took", seconds(between(run["started_at"], run["completed_at"]))),
            ("retry of", run["retry_of"]),
            ("started by", f"run {parent['run_id']}, node {parent['node_id']}" if parent else None),
            ("input", one_line(run["input"])),
            ("output", one_line(run["output"]) if run["output"] is not None else None),
        ]
    )


def _history(run: Json) -> Iterator[Text]:
    for event in run["history"]:
        more = "  ".join(f"{key}: {_value(key, event[key])}" for key in sorted(event.keys() - UNTOLD))
        style = STATUS.get(event["event"], ("", ""))[1]
        yield Text.assemble("  ", (local(event["at"]), DIM), "  ", (line(event["event"]), style), f"  {more}")


def _value(key: str, value: Any) -> str:
    return short(str(value)) if key in ("by", "run_id") else one_line(value)


def _nodes(run: Json, graph: Json) -> Iterator[Text]:
    for row in rows(run, graph):
        result = run["node_results"].get(row.id) or {}
        note = f"  {row.note}" if row.note and not result.get("error") else ""
        head = Text("  " * (row.depth + 1)).append_text(status_text(row.status, f"{row.status:<9}"))
        yield head.append(f"  {row.label}", "bold").append(f"  {row.type}  {seconds(row.took)}{note}", DIM)
        yield from _attempts(run, result, "  " * (row.depth + 3))


def _attempts(run: Json, result: Json, indent: str) -> Iterator[Text]:
    for attempt in result.get("history") or ():
        took = seconds(between(attempt["started_at"], attempt["completed_at"]))
        begun = seconds(between(run["started_at"], attempt["started_at"]))
        told = f"attempt {attempt['attempt']}  +{begun}  {took}"
        text = Text(indent).append_text(status_text(attempt["status"], "")).append(told, DIM)
        if error := attempt.get("error"):
            text.append(f"  {line(str(error.get('code', '')))}: {line(str(error.get('message', '')))}", "red")
        yield text


def _one(session: Session, run: Json, graph: Json, node_id: str, limit: int) -> None:
    drawn = next((each for each in graph["nodes"] if node_id in (each["id"], label_of(each))), None)
    if drawn is None:
        ids = ", ".join(line(each["id"]) for each in graph["nodes"][:50])
        raise NotFoundError(f"the run has no node {node_id!r}", f"its nodes are {ids}")
    result = run["node_results"][drawn["id"]]
    contains = any(each.get("parentId") == drawn["id"] for each in graph["nodes"])
    items = _items(session, run, drawn["id"], limit) if contains else []
    note = next(row.note for row in rows(run, graph) if row.id == drawn["id"])
    parts: list[RenderableType] = [
        Text.assemble((label_of(drawn), "bold"), f"  {drawn['type']}  ", status_text(result["status"]), f"  {note}"),
        *_attempts(run, result, "  "),
    ]
    if items:
        parts.append(_items_table(items, session.screen.out.width))
    elif result["output"] is not None:
        parts.append(as_json(result["output"]))
    if result["error"]:
        parts.append(as_json(result["error"]))
    session.screen.show({**result, "items": items} if contains else result, *parts)


def _items(session: Session, run: Json, node_id: str, limit: int) -> list[Any]:
    return at_most(session, session.api.items(f"{run_path(run)}/items", node_id=node_id), limit)


def _items_table(items: list[Any], width: int) -> RenderableType:
    columns = (Column("item", right=True), Column("status"), Column("given", long=True), Column("gave", long=True))
    cells = [
        (
            ".".join(map(str, each["path"])),
            status_text(each["status"]),
            one_line(each["item"]),
            one_line(each["error"] or each["output"]),
        )
        for each in items
    ]
    return table(columns, cells, width)
