"""`stepgraph schedule`: when a workflow runs by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from stepgraph.addressing import find_workflow
from stepgraph.errors import UsageError
from stepgraph.options import Group, Session
from stepgraph.screen import DIM, facts, status_text
from stepgraph.words import counted, line, local, short


@click.group(cls=Group)
def schedule() -> None:
    """Let workflows run by themselves."""


@schedule.command("get")
@click.argument("workflow")
@click.pass_obj
def get(session: Session, workflow: str) -> None:
    """Show when a WORKFLOW runs, next and lately."""
    found = find_workflow(session.api, workflow)
    told = session.api.get(f"/workflows/{found['id']}/schedule")
    session.screen.show(told, *_told(told))


@schedule.command("set")
@click.argument("workflow")
@click.argument("cron", required=False)
@click.option("--timezone", metavar="ZONE", help="An IANA time zone, such as Europe/Berlin.")
@click.option("--overlap", type=click.Choice(["allow", "queue", "skip"]), help="What a fire does while a run goes on.")
@click.option(
    "--catch-up", type=click.Choice(["none", "last"]), help="Whether the last fire that was missed is made up for."
)
@click.option("--pause-after", metavar="N|never", help="Turn it off after so many runs in a row that failed.")
@click.option("--off", is_flag=True, help="Keep it, not enabled.")
@click.pass_obj
def set_schedule(
    session: Session, /, workflow: str, cron: str | None, pause_after: str | None, off: bool, **given: str | None
) -> None:
    """Let a WORKFLOW run by a CRON of five fields, such as "30 8 * * 1-5". What is not given stays."""
    change: dict[str, Any] = {key: value for key, value in {"cron": cron, **given}.items() if value is not None}
    if pause_after is not None:
        change["pause_after_failures"] = _failures(pause_after)
    if off:
        change["enabled"] = False
    if not change:
        raise UsageError("there is nothing to set", 'give a cron, such as "30 8 * * 1-5", or an option')
    _put(session, workflow, change)


@schedule.command("enable")
@click.argument("workflow")
@click.pass_obj
def enable(session: Session, workflow: str) -> None:
    """Turn the schedule of a WORKFLOW on."""
    _put(session, workflow, {"enabled": True})


@schedule.command("disable")
@click.argument("workflow")
@click.pass_obj
def disable(session: Session, workflow: str) -> None:
    """Turn the schedule of a WORKFLOW off, and keep it."""
    _put(session, workflow, {"enabled": False})


@schedule.command("clear")
@click.argument("workflow")
@click.pass_obj
def clear(session: Session, workflow: str) -> None:
    """Take the schedule of a WORKFLOW away."""
    _put(session, workflow, {"cron": None})


def _put(session: Session, workflow: str, change: Mapping[str, Any]) -> None:
    found = find_workflow(session.api, workflow)
    told = session.api.put(f"/workflows/{found['id']}/schedule", change)
    session.screen.show(told, *_told(told))


def _failures(text: str) -> int | None:
    if text == "never":
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{text!r} is no number of failures", "it is a number, or never")
    return int(text)


def _told(schedule: Mapping[str, Any]) -> list[RenderableType]:
    if not schedule["schedule_cron"]:
        return [Text("not scheduled", DIM)]
    return [
        facts(_facts(schedule)),
        *(Text(f"warning: {line(each['message'])}", "yellow") for each in schedule["warnings"]),
        *(Text(f"out of sync: {line(each)}", "red") for each in schedule["out_of_sync"]),
        *_times(schedule),
    ]


def _facts(schedule: Mapping[str, Any]) -> list[tuple[str, str | Text | None]]:
    most = schedule["pause_after_failures"]
    paused = f"{local(schedule['paused_at'])}: {schedule['paused_reason']}" if schedule["paused_at"] else None
    return [
        ("cron", schedule["schedule_cron"]),
        ("time zone", schedule["schedule_timezone"]),
        ("it is", Text("on", "green") if schedule["schedule_enabled"] else Text("off", "yellow")),
        ("in words", schedule["description"]),
        ("overlap", schedule["overlap"]),
        ("catch up", schedule["catch_up"]),
        ("pauses", f"after {counted(most, 'failure')} in a row" if most else None),
        ("paused", paused),
    ]


def _times(schedule: Mapping[str, Any]) -> list[Text]:
    parts: list[Text] = []
    if schedule["next_fire_times"]:
        parts.append(Text("next" if schedule["schedule_enabled"] else "next, if it were on", "bold"))
        parts += [Text(f"  {_wall(each)}") for each in schedule["next_fire_times"]]
    if schedule["summer_time"]:
        parts.append(Text("when the clock changes", "bold"))
        parts += [
            Text(f"  {_wall_time(each['local_before'])}  {line(each['description'])}")
            for each in schedule["summer_time"]
        ]
    if schedule["last_fires"]:
        parts.append(Text("last", "bold"))
        parts += [
            Text(f"  {_wall(each)}  run {short(each['run_id'])}  ").append_text(status_text(each["run_status"]))
            for each in schedule["last_fires"]
        ]
    return parts


def _wall(time: Mapping[str, Any]) -> str:
    return _wall_time(time["local"])


def _wall_time(local_time: str) -> str:
    """In the schedule's own zone, as its author thinks of it."""
    return f"{local_time[:10]} {local_time[11:16]} {local_time[19:]}".rstrip()
