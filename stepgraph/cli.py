"""The command `stepgraph`: all commands in one, and what becomes of their errors."""

from __future__ import annotations

from typing import Any

import click

from .commands.approvals import approvals, approve, reject
from .commands.configure import configure
from .commands.files import export, validate
from .commands.imports import import_files
from .commands.logs import logs
from .commands.runs import cancel, retry, run, runs, watch
from .commands.schedules import schedule
from .commands.secrets import secrets
from .commands.timeline import timeline
from .commands.versions import diff, rollback, show, versions
from .commands.webhooks import webhook
from .commands.workflows import templates, workflows
from .errors import INTERRUPTED, CliError
from .options import Group, session_of


class Root(Group):
    """Tells errors in one place."""

    def invoke(self, ctx: click.Context) -> Any:
        """Call a command; an error ends it with its exit code."""
        try:
            return super().invoke(ctx)
        except CliError as error:
            session_of(ctx).screen.fail(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="stepgraph")
@click.pass_context
def main(context: click.Context) -> None:
    """Stepgraph at a terminal: workflows, their versions and files, runs as they go, schedules.

    Workflows are named by id, the beginning of one, or their name; runs by id or the beginning of one. Options of this
    page may stand before or behind a command. Exit codes: 0 it worked, 1 the run did not succeed, 2 used or set up
    wrongly, 3 not found, 4 not allowed, 5 conflict, 6 no API answers, 7 refused as invalid.
    """
    context.obj = session_of(context)


for command in (
    workflows, versions, diff, rollback, show, run, watch, timeline, runs, logs, cancel, retry, schedule, export,
    import_files, validate, templates, approvals, approve, reject, webhook, secrets, configure,
):  # fmt: skip
    main.add_command(command)
