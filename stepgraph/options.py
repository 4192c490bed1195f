"""The options that every command takes, before or behind its name, and what commands are given in return."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from .api import Api
from .configuration import Connection, resolve
from .errors import UsageError
from .screen import Screen

_META = "stepgraph.asked"


class Session:
    """One call of the command: its screen, and the API when it is first asked for."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked

    @cached_property
    def screen(self) -> Screen:
        """Where it prints."""
        return Screen(as_json=bool(self.asked.get("json")))

    @cached_property
    def api(self) -> Api:
        """The API of the workspace. Raises UsageError where it is not known which."""
        return Api(resolve(self.asked_connection, local=bool(self.asked.get("local"))))

    @property
    def asked_connection(self) -> Connection:
        """What the options say of it."""
        token = read_text(self.asked["token"]).strip() if self.asked.get("token") else ""
        return Connection(self.asked.get("url") or "", self.asked.get("workspace") or "", token)


def read_text(given: str) -> str:
    """The text itself, that of a file behind an @, or standard input for `-`. Raises UsageError."""
    try:
        if given == "-":
            return sys.stdin.read()
        return Path(given[1:]).read_text() if given.startswith("@") else given
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{given} can't be read: {error}") from None


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value:
        context.meta.setdefault(_META, {})[option.name] = value


def _options(*, hidden: bool) -> list[click.Parameter]:
    """For the command itself; hidden for those below it, whose help would otherwise repeat them."""

    def option(*names: str, hide: bool = hidden, **more: Any) -> click.Option:
        return click.Option(names, callback=_remember, expose_value=False, hidden=hide, **more)

    return [
        option("--url", metavar="URL", help="The API, such as https://api.example.com (STEPGRAPH_URL)."),
        option("--workspace", metavar="ID", help="The id of the workspace (STEPGRAPH_WORKSPACE)."),
        option(
            "--token", metavar="TOKEN|@FILE|-", help="The bearer token, a file with it, or - for standard input "
            "(STEPGRAPH_TOKEN). Other users of a machine can see options: prefer a file."
        ),
        option("--local", is_flag=True, help="Use the stack that `make run` started on DATA_DIR (.local)."),
        option("--json", hide=False, is_flag=True, help="Print JSON."),
    ]  # fmt: skip


class Command(click.Command):
    """A command that takes the options of all."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own, then those of all."""
        return [*super().get_params(ctx), *_options(hidden=True)]


class Group(click.Group):
    """Commands under one name; without one of them, `default` is called."""

    command_class = Command

    def __init__(self, *args: Any, default: str | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self.default = default

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own, then those of all."""
        return [*super().get_params(ctx), *_options(hidden=ctx.parent is not None)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Call the default where no command is named."""
        is_named = "--help" in args or any(each in self.commands for each in args)
        is_other = bool(args) and not args[0].startswith("-")
        return super().parse_args(ctx, [self.default, *args] if self.default and not (is_named or is_other) else args)


Group.group_class = Group


def session_of(context: click.Context) -> Session:
    """The session of a call; options are in it when the command itself is reached."""
    return Session(context.meta.setdefault(_META, {}))
