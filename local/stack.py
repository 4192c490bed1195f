"""Everything that one machine needs: Postgres, moto as AWS, the API, tokens for a first workspace."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast
from uuid import UUID

import jsonatapy  # noqa: F401 - here: the thread that loads its allocator must outlive all others
import psycopg
from chalice import Chalice
from moto import mock_aws

from chalicelib.auth import Role
from chalicelib.aws.step_functions import StepFunctions
from chalicelib.bootstrap import services
from chalicelib.compiler.asl import Emission
from chalicelib.migrations import migrate
from chalicelib.observability import logger
from chalicelib.paging import Page
from chalicelib.workflows.gallery import gallery
from chalicelib.workflows.schemas import CloneTemplate

from . import account, clock, moto_corrections, workspaces
from .account import ACCOUNT, REGION
from .data import jwt_secret, open_database

POOL_SIZE = 24
FIRST_TEMPLATE = "Hello"
WARM_UP = "warm-up"
EVERYTHING = json.dumps({"*": ["*"]})
"""What nodes may reach in moto's account, where there is nothing but what its user makes."""
EXECUTION_STATUS = "Step Functions Execution Status Change"
LOCK = 7_203_114_021
"""A number of our own for pg_try_advisory_lock."""
LOCK_ATTEMPTS, LOCK_PAUSE_SECONDS = 20, 0.1
RESUME_SECONDS = 10.0
"""How long a stack that is stopped waits for the runs that it is just resuming."""


class StackError(Exception):
    """The stack can't be started, in words for who tried."""


@dataclass(slots=True)
class Stack:
    """A running stack. Close it to stop what it started."""

    app: Chalice
    database_url: str
    jwt_secret: str
    _opened: ExitStack

    def close(self) -> None:
        """Stop it, last started first."""
        self._opened.close()

    @contextmanager
    def resuming(self) -> Iterator[None]:
        """Meanwhile, go on with the runs that a stack before this one left behind."""
        thread = threading.Thread(target=_resume, name="resume", daemon=True)
        thread.start()
        try:
            yield
        finally:
            thread.join(RESUME_SECONDS)

    def workspace(self, name: str) -> tuple[UUID, str, str]:
        """A workspace by its name, made if need be: its id, an owner's and a member's token."""
        url = self.database_url
        workspace_id = workspaces.find_workspace(url, name) or workspaces.create_workspace(url, name)
        owner = workspaces.add_member(url, workspace_id, f"owner@{name}.example", Role.OWNER)
        member = workspaces.add_member(url, workspace_id, f"member@{name}.example", Role.MEMBER)
        return (
            workspace_id,
            workspaces.token(self.jwt_secret, owner),
            workspaces.token(self.jwt_secret, member),
        )

    def add_first_workflow(self, workspace_id: UUID, owner_token: str) -> None:
        """Something to run at once: the gallery's simplest template, where the workspace has no workflow yet."""
        workflows = services().workflows
        if workflows.list_workflows(workspace_id, Page(limit=1, before=None), is_template=None)["items"]:
            return
        owner = services().authenticator.user({"authorization": f"Bearer {owner_token}"})
        hello = next(template for template in gallery().values() if template["name"] == FIRST_TEMPLATE)
        workflows.clone_template(workspace_id, owner, hello["id"], CloneTemplate())


def _resume() -> None:
    try:
        services().reconciler.run(everything=True)
    except Exception:  # noqa: BLE001 - in a thread of its own, it must not go unseen
        logger.exception("what was running could not be resumed")


def start(data_dir: Path) -> Stack:
    """Start Postgres, migrate it, start moto and import the app on top of both; all of it, or nothing stays open.

    Raises StackError where another stack runs on the same database, psycopg.Error, OSError, MigrationError,
    SettingsError.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        opened.enter_context(_log_to(data_dir / "log"))
        url = opened.enter_context(open_database(data_dir))
        opened.enter_context(_lock(url))
        migrate(url)
        secret = jwt_secret(data_dir)
        os.environ.update(
            DATABASE_URL=url,
            JWT_SECRET=secret,
            JWT_SECRET_ARN="",
            JWT_ISSUER="",
            JWT_AUDIENCE="",
            JWT_JWKS_URL="",
            AWS_REGION=REGION,
            AWS_ACCOUNT_ID=ACCOUNT,
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 - moto takes any
            RUN_UNIT_FUNCTION="run_unit",
            SCHEDULE_TRIGGER_FUNCTION=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:schedule_trigger",
            SCHEDULER_ROLE_ARN=f"arn:aws:iam::{ACCOUNT}:role/stepgraph-scheduler",
            STATE_MACHINE_ROLE_ARN=f"arn:aws:iam::{ACCOUNT}:role/stepgraph-states",
            DATABASE_POOL_SIZE=str(POOL_SIZE),
            ALLOW_PRIVATE_HTTP=os.environ.get("ALLOW_PRIVATE_HTTP", "true"),
            ALLOWED_TARGETS=os.environ.get("ALLOWED_TARGETS", EVERYTHING),
        )
        app: Chalice = importlib.import_module("app").app
        opened.callback(services().database.close)
        opened.enter_context(_aws(app, data_dir / "secrets.json"))
        _warm_up()
        return Stack(app, url, secret, opened.pop_all())


@contextmanager
def _log_to(file: Path) -> Iterator[None]:
    """Write the log to a file: whoever reads only the first lines of our output must not make us stand still."""
    handler = cast("logging.StreamHandler[TextIO]", logger.registered_handler)
    with file.open("a") as stream:
        before = handler.setStream(stream)
        try:
            yield
        finally:
            handler.setStream(before or sys.stdout)


@contextmanager
def _lock(url: str) -> Iterator[None]:
    """One stack a database: executions live in this process, so two stacks would run every node twice.

    The lock goes with its connection, also when the process is killed, a moment later.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(LOCK_ATTEMPTS):
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
            if row and row[0]:
                break
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            raise StackError(
                "another stack runs on this database; stop it first, or name another folder with DATA_DIR=…"
            )
        yield


@contextmanager
def _aws(app: Chalice, secrets_file: Path) -> Iterator[None]:
    """moto in this process, with its Step Functions interpreter and our own Lambdas behind it."""
    moto_corrections.apply()

    def invoke(function_name: str, event: dict[str, Any]) -> Any:
        if function_name == WARM_UP:
            return None
        if function_name not in app.handler_map:
            raise LookupError(f"one machine has no function {function_name}; an account may")
        return app.handler_map[function_name](json.loads(json.dumps(event)), None)

    def tell(detail: dict[str, Any]) -> None:
        if detail["name"] != WARM_UP:
            app.handler_map["execution_status"](clock.event("aws.states", EXECUTION_STATUS, detail), None)

    moto_corrections.run_lambdas_with(invoke)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}):
        account.set_up()
        stop_keeping = moto_corrections.keep_secrets_in(secrets_file)
        stop_telling = moto_corrections.on_execution_status_change(tell)
        with clock.ticking(app):
            try:
                yield
            finally:
                stop_telling()  # what is stopped now was not cancelled by anyone
                stop_keeping()
        moto_corrections.stop_all_executions()


def _warm_up() -> None:
    """Start an execution of one Task: it loads what half a second of the first run would go to."""
    call = {"FunctionName": WARM_UP, "Payload": {}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": call, "End": True}
    emission = Emission({"StartAt": WARM_UP, "States": {WARM_UP: task}})
    StepFunctions(services().settings).start(emission, WARM_UP, {})
