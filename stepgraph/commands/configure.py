"""`stepgraph configure`: keep where the API is and who calls it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import click
from rich.text import Text

from stepgraph.api import Api
from stepgraph.configuration import Connection, checked_url, config_file, find_local, load, resolve, save
from stepgraph.errors import UsageError
from stepgraph.options import Command, Session
from stepgraph.screen import facts, is_interactive


@click.command(cls=Command)
@click.option("--show", is_flag=True, help="Only tell what is used now, and where it is from.")
@click.pass_obj
def configure(session: Session, show: bool) -> None:
    """Keep the URL, workspace and token to use.

    They are those that --url, --workspace and --token give, or are asked for. They are tried before
    they are kept, in a file that only you can read. With --local they are those of the stack that `make run` started.
    """
    if show:
        _show(session)
        return
    wanted = _wanted(session)
    Api(wanted).get("/workflows", limit=1)
    if wanted.url.startswith("http:") and not wanted.is_local:
        session.screen.note(f"{wanted.url} is not encrypted: whoever is in between can read the token")
    file = save(wanted)
    session.screen.show(
        _public(replace(wanted, source=str(file))), Text.assemble(("it works; ", "green"), f"kept in {file}")
    )


def _wanted(session: Session) -> Connection:
    if session.asked.get("local"):
        return resolve(session.asked_connection, local=True)
    asked = session.asked_connection
    known = load() or find_local(os.environ) or Connection()
    url = checked_url(asked.url or _ask("URL of the API", known.url))
    workspace = asked.workspace or _ask("Workspace", known.workspace if url == known.url else "")
    token = asked.token or _ask("Token", "", hidden=True).strip()
    return resolve(Connection(url, workspace, token), local=False)


def _ask(question: str, default: str, *, hidden: bool = False) -> str:
    if not is_interactive():
        raise UsageError(f"there is no one to ask for the {question}", "give --url, --workspace and --token @FILE")
    return str(click.prompt(question, default=default or None, hide_input=hidden, err=True))


def _show(session: Session) -> None:
    used = resolve(session.asked_connection, local=bool(session.asked.get("local")))
    told = _public(used)
    session.screen.show(told, facts([(name, str(value)) for name, value in told.items()]))


def _public(connection: Connection) -> dict[str, Any]:
    return {
        "url": connection.url,
        "workspace": connection.workspace,
        "token": "known, not shown",
        "from": connection.source,
        "file": str(config_file()),
    }
