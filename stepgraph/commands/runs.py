"""`stepgraph run`, `watch`, `runs`, `cancel`, `retry`: starting runs, seeing them through, ending them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn
from uuid import uuid4

import click
from rich.text import Text

from stepgraph.addressing import find_run, find_workflow, graph_of_run, run_path
from stepgraph.api import Api
from stepgraph.errors import INTERRUPTED, RUN_FAILED, ProblemError, UsageError
from stepgraph.files import parse
from stepgraph.options import Command, Session, read_text
from stepgraph.progress import follow
from stepgraph.screen import DIM, Column, as_json, status_text, table
from stepgraph.words import between, labels, line, one_line, seconds, short

from .workflows import at_most, limit

STATUSES = ("pending", "running", "succeeded", "failed", "cancelled", "timed_out")

following = click.option("--follow/--no-follow", default=True, help="See it through to its end, or not.")
key = click.option("--idempotency-key", metavar="KEY", help="The same key and input give the same run, for a day.")


@click.command(cls=Command)
@click.argument("workflow")
@click.option("--input", "given", metavar="JSON|@FILE|-", help="The run's input; without it, {}.")
@following
@key
@click.option("--dry-run", is_flag=True, help="Walk the graph without effects, and tell the path.")
@click.pass_obj
def run(
    session: Session, workflow: str, given: str | None, follow: bool, idempotency_key: str | None, dry_run: bool
) -> None:
    """Run a WORKFLOW and follow what its nodes do."""
    body = {} if given is None else {"input": parse(read_text(given), "--input")}
    found = find_workflow(session.api, workflow)
    path = f"/workflows/{found['id']}"
    if dry_run:
        _dry_run(session, path, body)
        return
    started = session.api.post(f"{path}/execute", body, idempotency_key or str(uuid4()))
    see_through(session, started, follow=follow, name=found["name"])


def _dry_run(session: Session, path: str, body: dict[str, Any]) -> None:
    told = session.api.post(f"{path}/dry-run", body)
    names = labels(session.api.get(path)["graph_definition"])

    def row(place: str) -> list[str | Text]:
        node = told["nodes"][place]
        return [names.get(place, place), status_text(node["status"]), node["mock"] or "", one_line(node["received"])]

    columns = (
        Column("node", long=True), Column("status"), Column("output", extra=2),
        Column("would receive", long=True, extra=1),
    )  # fmt: skip
    walked = table(columns, map(row, told["path"]), session.screen.out.width)
    end = Text(line(told["error_message"])) if told["error_message"] else as_json(told["output"])
    session.screen.show(told, walked, status_text(told["status"], f"would have {told['status']}"), end)
    if told["status"] != "succeeded":
        raise click.exceptions.Exit(RUN_FAILED)


def see_through(session: Session, run: Mapping[str, Any], *, follow: bool, name: str | None = None) -> None:
    """Follow a run and tell how it ended, or only that it is there."""
    if not follow:
        session.screen.show(run, Text.assemble("run ", (run["id"], "bold"), "  ", status_text(run["status"])))
        return
    name = name or session.api.get(f"/workflows/{run['workflow_id']}")["name"]
    ended = _followed(session, run, name)
    session.screen.show(ended, *outcome(ended))
    if ended["status"] != "succeeded":
        raise click.exceptions.Exit(RUN_FAILED)


def _followed(session: Session, run: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    try:
        return follow(session.api, session.screen, run, graph_of_run(session.api, run), name)
    except KeyboardInterrupt:
        _let_go(session, run)


def _let_go(session: Session, run: Mapping[str, Any]) -> NoReturn:
    identifier = short(run["id"])
    session.screen.note(
        f"\nthe run goes on; stepgraph watch {identifier} shows it, stepgraph cancel {identifier} ends it"
    )
    raise click.exceptions.Exit(INTERRUPTED)


def outcome(run: Mapping[str, Any]) -> list[Text]:
    """How a run ended, with its output or what would help."""
    took = seconds(between(run["started_at"], run["completed_at"]))
    told = Text("").append_text(status_text(run["status"])).append(f" in {took}")
    if run["status"] == "succeeded":
        return [told, as_json(run["output"])]
    identifier = short(run["id"])
    return [
        told.append(f": {line(run['error_message'] or '')}"),
        Text(f"stepgraph logs {identifier} tells more, stepgraph retry {identifier} goes on from there", DIM),
    ]


@click.command(cls=Command)
@click.argument("run")
@click.pass_obj
def watch(session: Session, run: str) -> None:
    """Follow a RUN until it ends."""
    see_through(session, find_run(session.api, run), follow=True)


@click.command(cls=Command)
@click.argument("workflow", required=False)
@click.option("--status", type=click.Choice(STATUSES), help="Only those with this status.")
@limit
@click.pass_obj
def runs(session: Session, workflow: str | None, status: str | None, limit: int) -> None:
    """List runs, of a WORKFLOW or of the workspace."""
    api, names, path = session.api, _Names(session.api), "/runs"
    if workflow:
        of = find_workflow(api, workflow)
        path, names[of["id"]] = f"/workflows/{of['id']}/runs", of["name"]
    found = at_most(session, api.items(path, status=status), limit)
    columns = (
        Column("id"), Column("workflow", long=True), Column("status"), Column("started", extra=1),
        Column("took", right=True, extra=2), Column("by", extra=4), Column("error", long=True, extra=3),
    )  # fmt: skip
    session.screen.show_list(found, columns, lambda each: _row(session, each, names), empty="there is no run")


class _Names(dict[str, str]):
    """Of workflows by their ids, each asked for when it is first shown."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api

    def __missing__(self, workflow_id: str) -> str:
        try:
            self[workflow_id] = self._api.get(f"/workflows/{workflow_id}")["name"]
        except ProblemError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            self[workflow_id] = short(workflow_id)  # it was deleted meanwhile
        return self[workflow_id]


def _row(session: Session, run: Mapping[str, Any], names: Mapping[str, str]) -> list[str | Text]:
    name = Text.assemble(line(names[run["workflow_id"]]), (f" @{run['version']}", DIM))
    queued = f"queued, {run['queue_position']}" if run["queue_position"] else None
    took = seconds(between(run["started_at"], run["completed_at"]))
    return [
        short(run["id"]),
        name,
        status_text(run["status"], queued),
        session.screen.when(run["started_at"]),
        took,
        run["trigger"],
        run["error_message"] or "",
    ]


@click.command(cls=Command)
@click.argument("run")
@click.option("--reason", help="Why, for who reads of it later.")
@click.pass_obj
def cancel(session: Session, run: str, reason: str | None) -> None:
    """End a RUN now."""
    found = find_run(session.api, run)
    ended = session.api.post(f"{run_path(found)}/cancel", {"reason": reason} if reason else {})
    session.screen.show(ended, Text.assemble("run ", short(ended["id"]), " ", status_text(ended["status"])))


@click.command(cls=Command)
@click.argument("run")
@click.option("--version", metavar="N|current", help="Of which version to go on; without it, that of the run.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be taken over and what would run again.")
@following
@key
@click.pass_obj
def retry(
    session: Session, run: str, version: str | None, dry_run: bool, follow: bool, idempotency_key: str | None
) -> None:
    """Go on from what failed in a RUN.

    That is a new run; it takes over the results that hold, and runs the rest. What it does is told before.
    """
    found = find_run(session.api, run)
    path = f"{run_path(found)}/retry"
    wanted = _version(version)
    preview = session.api.get(path, version=wanted)
    if dry_run:
        session.screen.show(preview, *_preview(session, found, preview))
        return
    if not session.screen.as_json:
        session.screen.print(*_preview(session, found, preview))
    body = {} if wanted is None else {"version": wanted}
    see_through(session, session.api.post(path, body, idempotency_key or str(uuid4())), follow=follow)


def _version(text: str | None) -> int | str | None:
    if text is None or text == "current":
        return text
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UsageError(f"{text!r} is no version", "it is a number, or current")
    return int(text)


def _preview(session: Session, run: Mapping[str, Any], preview: Mapping[str, Any]) -> list[Text]:
    names = labels(graph_of_run(session.api, {**run, "version": preview["version"]}))
    return [
        Text.assemble("retry of run ", short(run["id"]), f" on version {preview['version']}"),
        *(Text(f"  = {names.get(each, each)}  reused", DIM) for each in preview["reused"]),
        *(
            Text(f"  ↻ {names.get(each, each)}  runs again{_items(preview['items'].get(each))}", "cyan")
            for each in preview["run_again"]
        ),
    ]


def _items(split: Mapping[str, int] | None) -> str:
    return f", {split['reused']} of {split['reused'] + split['run_again']} items reused" if split else ""
