"""`stepgraph secrets`: values that runs may use, and no one reads again."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from stepgraph.api import segment
from stepgraph.errors import UsageError
from stepgraph.options import Group, Session, read_text
from stepgraph.screen import Column, facts, is_interactive
from stepgraph.words import line, local, short

from .workflows import at_most, limit


@click.group(cls=Group, default="list")
def secrets() -> None:
    """Keep the secrets of the workspace, which expressions use as $secrets.NAME."""


@secrets.command("list")
@limit
@click.pass_obj
def list_secrets(session: Session, limit: int) -> None:
    """List secrets, without their values."""
    found = at_most(session, session.api.items("/secrets"), limit)

    def row(each: dict[str, Any]) -> list[str | Text]:
        return [each["name"], session.screen.when(each["updated_at"]) if each["updated_at"] else "never stored"]

    session.screen.show_list(found, (Column("name"), Column("stored")), row, empty="there is no secret")


@secrets.command("get")
@click.argument("name")
@click.pass_obj
def get(session: Session, name: str) -> None:
    """Show who uses a secret; its value never comes back."""
    found = session.api.get(f"/secrets/{segment(name)}")
    users = ", ".join(f"{line(each['name'])} ({short(each['id'])})" for each in found["used_by"])
    told = [("name", found["name"]), ("stored", local(found["updated_at"])), ("used by", users or None)]
    session.screen.show(found, facts(told))


@secrets.command("set")
@click.argument("name")
@click.option(
    "--value", metavar="@FILE|-", help="A file with the value, or - for standard input. Asked for without it."
)
@click.pass_obj
def set_secret(session: Session, name: str, value: str | None) -> None:
    """Store the value of a secret.

    It is not taken from the command itself, which other users of the machine can see.
    """
    stored = session.api.put(f"/secrets/{segment(name)}", {"value": _value(name, value)})
    session.screen.show(stored, Text.assemble(("stored ", "green"), name))


@secrets.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(session: Session, name: str, yes: bool) -> None:
    """Delete a secret; runs that come to it fail from then on."""
    if not yes:
        if not is_interactive():
            raise UsageError(f"{name} is not deleted: there is no one to ask", "--yes deletes it without asking")
        click.confirm(f"Delete the secret {name}?", abort=True, err=True)
    session.api.delete(f"/secrets/{segment(name)}")
    session.screen.show({"name": name, "deleted": True}, Text(f"deleted {name}"))


def _value(name: str, given: str | None) -> str:
    """Without the end of its last line, which editors and echo add."""
    if given is None:
        if not is_interactive():
            raise UsageError("there is no value", "give --value @FILE, or --value - for standard input")
        return str(click.prompt(f"Value of {name}", hide_input=True, err=True))
    if given != "-" and not given.startswith("@"):
        raise UsageError("a value is not taken from the command itself", "give --value @FILE, or --value -")
    return read_text(given).removesuffix("\n").removesuffix("\r")
