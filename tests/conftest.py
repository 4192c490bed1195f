"""The real parts that tests run on: an embedded Postgres, moto's interpreter, the API over HTTP."""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import psycopg
import pytest

from chalicelib.bootstrap import services
from local import stack as local_stack
from local.data import open_database
from local.serve import listening
from tests.aws_calls import noted, refused
from tests.client import Api
from tests.infra.policies import Policies
from tests.upstream import Upstream

DATA_DIR = Path(__file__).parent.parent / ".local" / "tests"
EXAMPLES = {"sample": 50, "all": 300}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run what the default run only samples in full")


def pytest_configure(config: pytest.Config) -> None:
    """How many examples a property is tried on that does not say so itself; a busy machine may take long for one."""
    for profile, count in EXAMPLES.items():
        hypothesis.settings.register_profile(profile, max_examples=count, deadline=None)
    hypothesis.settings.load_profile("all" if config.getoption("--all") else "sample")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """What tests import stays to the end, and is not looked through for garbage, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """The URL of a server on which tests make databases of their own."""
    with open_database(DATA_DIR) as url:
        yield url


@pytest.fixture
def empty_database(database_server: str) -> Iterator[str]:
    yield from _database(database_server)


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stack has its log and its secrets."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def stack(database_server: str, stack_folder: Path) -> Iterator[local_stack.Stack]:
    """At its end, all that its Lambdas called of AWS must be allowed by their roles in the template."""
    for url in _database(database_server):
        before = dict(os.environ)
        os.environ["DATABASE_URL"] = url
        running = local_stack.start(stack_folder)
        policies = Policies.of_stack(services().settings)
        with noted(running.app) as calls:
            yield running
        running.close()
        os.environ.clear()
        os.environ.update(before)
    not_allowed = refused(calls, policies)
    assert not not_allowed, "roles do not allow what tests made their Lambdas call:\n" + "\n".join(not_allowed)


@pytest.fixture(scope="session")
def base_url(stack: local_stack.Stack) -> Iterator[str]:
    with listening(stack.app, 0) as url:
        yield url


@pytest.fixture
def owner(stack: local_stack.Stack, base_url: str) -> Api:
    """An owner of a workspace that no other test uses."""
    workspace_id, token, _ = stack.workspace(uuid.uuid4().hex)
    return Api(base_url, str(workspace_id), token)


@pytest.fixture
def member(stack: local_stack.Stack, owner: Api) -> Api:
    """A member, not an owner, of the owner's workspace."""
    from chalicelib.auth import Role  # noqa: PLC0415
    from local import workspaces  # noqa: PLC0415

    user_id = workspaces.add_member(
        stack.database_url, uuid.UUID(owner.workspace_id), f"{uuid.uuid4().hex}@example.com", Role.MEMBER
    )
    return replace(owner, token=workspaces.token(stack.jwt_secret, user_id))


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """An HTTP API that workflows call."""
    with Upstream() as running:
        yield running


def _database(server_url: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    yield psycopg.conninfo.make_conninfo(server_url, dbname=name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
