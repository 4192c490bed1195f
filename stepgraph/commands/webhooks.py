"""`stepgraph webhook`: the URL at which a workflow is asked from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.text import Text

from stepgraph.addressing import find_workflow
from stepgraph.options import Group, Session
from stepgraph.screen import facts
from stepgraph.words import local


@click.group(cls=Group)
def webhook() -> None:
    """Let workflows be started by requests from outside, where their drawing has a webhook."""


@webhook.command("get")
@click.argument("workflow")
@click.pass_obj
def get(session: Session, workflow: str) -> None:
    """Show the URL of a WORKFLOW. Who knows it can start runs."""
    _show(session, session.api.get(_path(session, workflow)))


@webhook.command("enable")
@click.argument("workflow")
@click.pass_obj
def enable(session: Session, workflow: str) -> None:
    """Let the webhook of a WORKFLOW listen."""
    _show(session, session.api.put(_path(session, workflow), {"enabled": True}))


@webhook.command("disable")
@click.argument("workflow")
@click.pass_obj
def disable(session: Session, workflow: str) -> None:
    """Refuse requests to the webhook of a WORKFLOW, and keep its URL."""
    _show(session, session.api.put(_path(session, workflow), {"enabled": False}))


@webhook.command("rotate")
@click.argument("workflow")
@click.pass_obj
def rotate(session: Session, workflow: str) -> None:
    """Give a WORKFLOW another URL; the old one is gone at once."""
    _show(session, session.api.post(f"{_path(session, workflow)}/rotate", {}))


def _path(session: Session, workflow: str) -> str:
    return f"/workflows/{find_workflow(session.api, workflow)['id']}/webhook"


def _show(session: Session, told: Mapping[str, Any]) -> None:
    listens = Text("on", "green") if told["enabled"] else Text("off", "yellow")
    rotated = local(told["rotated_at"]) if told["rotated_at"] else None
    session.screen.show(told, facts([("url", told["url"]), ("it is", listens), ("rotated", rotated)]))
