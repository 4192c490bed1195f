"""`python -m local …`: run the stack, and what a newcomer needs around it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from contextlib import ExitStack, suppress
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from uuid import UUID

from chalicelib.auth import Role

from .data import TOKEN_DAYS, jwt_secret, open_database

MAX_PORT = 65_535
PAUSE_SECONDS = 0.5


def main() -> int:
    """Run the command named on the command line; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command can end in order: what it needs takes a second
    options = _parser().parse_args()
    import_module(options.needs, __package__)
    for number in (signal.SIGINT, signal.SIGTERM):  # both end a command in order, also one started with `&`
        signal.signal(number, signal.default_int_handler)
    try:
        return int(options.command(options) or 0)
    except KeyboardInterrupt:
        print(f"{os.linesep}stopped", file=sys.stderr)
    except _failures() as error:
        print(f"that did not work: {error}", file=sys.stderr)
    return 1


def _failures() -> tuple[type[Exception], ...]:
    """What may keep a command from working and says why, loaded when one does not."""
    import psycopg

    from chalicelib.migrations import MigrationError
    from chalicelib.settings import SettingsError

    from .caller import CallError
    from .stack import StackError

    return (OSError, psycopg.Error, StackError, SettingsError, MigrationError, CallError)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("DATA_DIR", ".local")),
        help="where everything is kept (DATA_DIR, .local)",
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    run = commands.add_parser("run", help="start the API and everything it needs")
    run.add_argument("--port", type=_port, default=os.environ.get("PORT", "8000"), help="0 takes a free one")
    run.set_defaults(command=_run, needs=".serve")

    demo = commands.add_parser("demo", help="run a workflow and show what it does")
    demo.set_defaults(command=_demo, needs=".demo")

    call = commands.add_parser("api", help="call the API of the running stack as the workspace's owner")
    call.add_argument("method")
    call.add_argument("path", help="below …/workflows, such as / or /<id>/execute")
    call.add_argument("body", nargs="?", help="JSON, or @ and the name of a file with it")
    call.set_defaults(command=_api, needs=".caller")

    compile_ = commands.add_parser("compile", help="show what graphs compile to and what a run of them costs")
    compile_.add_argument("file", help="a graph as JSON, or one a line; - reads standard input")
    compile_.set_defaults(command=_compile, needs=".compiling")

    docs = commands.add_parser("docs", help="write the pages of the node types")
    docs.set_defaults(command=_docs, needs=".docs")

    migrate = commands.add_parser("migrate", help="apply the migrations")
    migrate.set_defaults(command=_migrate, needs="chalicelib.migrations")

    workspace = commands.add_parser("workspace", help="make a workspace and print its id")
    workspace.add_argument("name")
    workspace.set_defaults(command=_workspace, needs=".workspaces")

    member = commands.add_parser("member", help="make a user a member and print the user's id")
    member.add_argument("workspace_id", type=UUID)
    member.add_argument("email")
    member.add_argument("--role", choices=[role.value for role in Role], default=Role.MEMBER.value)
    member.set_defaults(command=_member, needs=".workspaces")

    token = commands.add_parser("token", help="print a bearer token for a user")
    token.add_argument("user_id", type=UUID)
    token.add_argument("--days", type=int, default=TOKEN_DAYS)
    token.set_defaults(command=_token, needs=".workspaces")
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no port, which is a number from 0 to {MAX_PORT}")
    return int(text)


def _run(options: argparse.Namespace) -> None:
    from . import address
    from .serve import serving

    with serving(options.data_dir, options.port) as (running, here), ExitStack() as at_the_end:
        at_the_end.callback(address.publish(options.data_dir, here))
        with suppress(KeyboardInterrupt):
            tokens = f"owner_token={here.owner_token} member_token={here.member_token}"
            print(f"ready {here.url} workspace={here.workspace_id} {tokens}", flush=True)
            with running.resuming():
                while True:
                    time.sleep(PAUSE_SECONDS)


def _demo(options: argparse.Namespace) -> int:
    from . import demo

    return demo.main(options.data_dir)


def _api(options: argparse.Namespace) -> int:
    from . import address
    from .caller import Caller, CallError

    here = address.find(options.data_dir)
    if here is None:
        raise CallError(f"no stack runs on {options.data_dir}; start one with `make run`")
    body = options.body
    content = Path(body[1:]).read_bytes() if body and body.startswith("@") else body and body.encode()
    status, answer = Caller(here).send(options.method.upper(), options.path, content)
    print(f"{status} {HTTPStatus(status).phrase}", file=sys.stderr)
    if answer is not None:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    return int(status >= HTTPStatus.BAD_REQUEST)


def _compile(options: argparse.Namespace) -> int:
    from . import compiling

    return compiling.main(options.file)


def _docs(_options: argparse.Namespace) -> int:
    from . import docs

    return docs.main()


def _migrate(options: argparse.Namespace) -> None:
    from chalicelib.migrations import migrate

    with open_database(options.data_dir) as url:
        for name in migrate(url):
            print(f"applied {name}")


def _workspace(options: argparse.Namespace) -> None:
    from . import workspaces

    with open_database(options.data_dir) as url:
        print(workspaces.create_workspace(url, options.name))


def _member(options: argparse.Namespace) -> None:
    from . import workspaces

    with open_database(options.data_dir) as url:
        print(workspaces.add_member(url, options.workspace_id, options.email, Role(options.role)))


def _token(options: argparse.Namespace) -> None:
    from . import workspaces

    print(workspaces.token(jwt_secret(options.data_dir), options.user_id, options.days))


if __name__ == "__main__":
    sys.exit(main())
