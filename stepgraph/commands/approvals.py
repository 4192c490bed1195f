"""`stepgraph approvals`, `approve`, `reject`: what runs wait for people to decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click
from rich.text import Text

from stepgraph.addressing import find_run, run_path
from stepgraph.api import segment
from stepgraph.errors import NotFoundError, UsageError
from stepgraph.files import parse
from stepgraph.options import Command, Session, read_text
from stepgraph.screen import Column
from stepgraph.words import local, short

from .workflows import at_most, limit


@click.command(cls=Command)
@limit
@click.pass_obj
def approvals(session: Session, limit: int) -> None:
    """List what waits for a decision in the workspace."""
    found = at_most(session, session.api.items("/approvals"), limit)
    columns = (
        Column("run"), Column("node"), Column("item"), Column("workflow", long=True, extra=1),
        Column("asks", long=True), Column("since", extra=3), Column("until", extra=2),
    )  # fmt: skip

    def row(each: dict[str, Any]) -> list[str | Text]:
        return [
            short(each["run_id"]),
            each["node_id"],
            each["path"],
            each["workflow_name"],
            each["message"] or "",
            session.screen.when(each["requested_at"]),
            local(each["expires_at"]),
        ]

    session.screen.show_list(found, columns, row, empty="nothing waits for a decision")


def _deciding(command: Callable[..., None]) -> Callable[..., None]:
    for decorate in (
        click.pass_obj,
        click.option("--item", default="", metavar="PATH", help="For which item of a container, such as 3/."),
        click.option("--data", metavar="JSON|@FILE|-", help="What else is to be known of it: any JSON."),
        click.argument("node", required=False),
        click.argument("run"),
    ):
        command = decorate(command)
    return command


@click.command(cls=Command)
@_deciding
def approve(session: Session, run: str, node: str | None, data: str | None, item: str) -> None:
    """Approve what a NODE of a RUN waits for.

    Where only one waits it need not be named.
    """
    _decide(session, "approved", run, node, data, item)


@click.command(cls=Command)
@_deciding
def reject(session: Session, run: str, node: str | None, data: str | None, item: str) -> None:
    """Reject what a NODE of a RUN waits for."""
    _decide(session, "rejected", run, node, data, item)


def _decide(session: Session, decision: str, run: str, node: str | None, data: str | None, item: str) -> None:
    body: dict[str, Any] = {"decision": decision, "path": item}
    if data is not None:
        body["data"] = parse(read_text(data), "--data")
    found = find_run(session.api, run)
    if node is None:
        asked = _only_one(session, found)
        node, body["path"] = asked["node_id"], item or asked["path"]
    decided = session.api.post(f"{run_path(found)}/nodes/{segment(node)}/decision", body)
    session.screen.show(decided, Text(f"{decision} {node} of run {short(found['id'])}"))


def _only_one(session: Session, run: Mapping[str, Any]) -> Mapping[str, Any]:
    waiting = [each for each in session.api.items("/approvals") if each["run_id"] == run["id"]]
    if not waiting:
        raise NotFoundError(f"run {short(run['id'])} waits for no decision")
    if len(waiting) > 1:
        names = ", ".join(
            f"{each['node_id']} --item {each['path']}" if each["path"] else each["node_id"] for each in waiting
        )
        raise UsageError(f"{len(waiting)} nodes of the run wait for a decision", f"name one: {names}")
    return waiting[0]
