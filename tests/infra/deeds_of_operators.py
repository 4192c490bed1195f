"""What the Lambdas do that look after things: runs whose executions end badly, the queue, what is left over; and the
one that is called on deployment."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import EndpointConnectionError
from psycopg.conninfo import conninfo_to_dict

from chalicelib import maintenance
from chalicelib.bootstrap import Services, services
from tests.client import graph, node
from tests.e2e.scheduling import aws
from tests.tls import Authority, speaking_tls

from .deeds_of_users import starts_another
from .installation import Installation, asks_someone, fresh, id_of, secret_of_account
from .policies import MASTER_SECRET

ONE_AT_A_TIME = {"settings": {"max_concurrent_runs": 1, "overlap": "queue"}}


# Behind the events of Step Functions


def the_next_of_the_queue_is_started(it: Installation) -> None:
    """It is of a newer version, which never ran."""
    path = it.start(graph([asks_someone()]) | ONE_AT_A_TIME, waiting=1)
    workflow_id = path.split("/")[1]
    it.api.put(workflow_id, graph_definition=graph([node(fresh())]) | ONE_AT_A_TIME)
    following = it.execute(workflow_id)
    it.decide(path, "ok")
    it.end(following)


def who_waits_for_a_run_that_was_stopped_by_hand_is_told(it: Installation) -> None:
    path = it.start(starts_another(it), waiting=1)
    it.stop_by_hand(it.child(path))
    it.end(path, "failed")


# By the clock, where no event came


def a_run_that_could_not_be_started_is(it: Installation) -> None:
    def away(operation: str, _parameters: Any) -> None:
        if operation == "StartExecution":
            raise EndpointConnectionError(endpoint_url="https://states.example.com")

    workflow_id = it.api.create(graph([node(fresh())]))["id"]
    with aws(away):
        path = it.execute(workflow_id)
    it.change(
        "UPDATE workflow_runs SET admitted_at = admitted_at - INTERVAL '1 hour' WHERE id = %(id)s", id=id_of(path)
    )
    it.call("reconcile")
    it.end(path)


def without_an_event_who_waits_is_told_too(it: Installation) -> None:
    path = it.start(starts_another(it), waiting=1)
    child = it.child(path)
    with it.without_events():
        it.stop_by_hand(child)
        _look(it, child)
    it.end(path, "failed")


def a_run_over_its_time_is_stopped(it: Installation) -> None:
    path = it.start(graph([asks_someone()]), waiting=1)
    it.change("UPDATE workflow_runs SET deadline_at = NOW() - INTERVAL '1 hour' WHERE id = %(id)s", id=id_of(path))
    it.call("reconcile")
    it.end(path, "timed_out")


def a_run_goes_on_whose_execution_is_gone(it: Installation) -> None:
    path = it.start(graph([asks_someone()]), waiting=1)
    gone = "arn:aws:states:us-east-1:123456789012:execution:stepgraph-gone:gone"
    with it.without_events():
        it.stop_by_hand(path)
        it.change("UPDATE workflow_runs SET execution_arn = %(arn)s WHERE id = %(id)s", arn=gone, id=id_of(path))
        _look(it, path)
    assert "resumed" in [entry["event"] for entry in it.api.get(path)["history"]]
    it.cancel(path)


def _look(it: Installation, path: str) -> None:
    """The reconciler, at a run that no one has looked at for long."""
    it.change("UPDATE workflow_runs SET checked_at = checked_at - INTERVAL '1 hour' WHERE id = %(id)s", id=id_of(path))
    it.call("reconcile")


# What is left over, and deployments


def the_secrets_of_a_workspace_that_is_gone_are_deleted(it: Installation) -> None:
    other = it.of_another_workspace()
    other.store("key", "value")
    it.change("DELETE FROM workspaces WHERE id = %(id)s", id=UUID(other.api.workspace_id))
    assert it.call("delete_orphaned_secrets")["deleted"] >= 1


def migrations_are_applied_by_the_master_of_the_database(it: Installation) -> None:
    """In a container of its own, which logs in by a secret, over TLS."""
    server = conninfo_to_dict(it.stack.database_url)
    login = json.dumps({"username": server["user"], "password": "none is asked for"})
    with ExitStack() as stack:
        authority = Authority(Path(stack.enter_context(TemporaryDirectory())) / "authority")
        unix_socket = f"{server['host']}/.s.PGSQL.5432"
        told = {
            "database_url": "",
            "database_host": "localhost",
            "database_port": stack.enter_context(speaking_tls(authority.server("localhost"), unix_socket)),
            "database_name": server["dbname"],
            "database_ca_file": authority.file,
            "database_secret_arn": stack.enter_context(secret_of_account(MASTER_SECRET, login)),
        }
        container = Services(replace(services().settings, **told))
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(maintenance, "services", lambda: container)
        assert it.call("migrate", {}) == {"applied": []}


DEEDS: tuple[Callable[[Installation], None], ...] = (
    the_next_of_the_queue_is_started,
    who_waits_for_a_run_that_was_stopped_by_hand_is_told,
    a_run_that_could_not_be_started_is,
    without_an_event_who_waits_is_told_too,
    a_run_over_its_time_is_stopped,
    a_run_goes_on_whose_execution_is_gone,
    the_secrets_of_a_workspace_that_is_gone_are_deleted,
    migrations_are_applied_by_the_master_of_the_database,
)
