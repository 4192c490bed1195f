"""A database that is away for a moment: requests are told to come again, and no run is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from chalicelib.bootstrap import services
from local.stack import Stack
from tests.client import Api, edge, graph, node, poll, statuses
from tests.e2e.test_run import ask

AWAY_SECONDS = 2.0
END = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = %s AND application_name = 'stepgraph'
"""


@contextmanager
def away(server_url: str, stack: Stack) -> Iterator[None]:
    """End all connections to the stack's database, and take no new ones meanwhile."""
    name = conninfo_to_dict(stack.database_url)["dbname"]
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        try:
            connection.execute(END, (name,))
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())


def test_requests_are_told_to_come_again_and_then_are_served(
    owner: Api, database_server: str, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services().database.pool, "wait_seconds", 0.1)
    with away(database_server, stack):
        answer = owner.send("GET", "")
    assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json")
    assert int(answer.headers["retry-after"]) > 0
    assert owner.get()["items"] == []


def test_requests_do_not_notice_connections_that_ended_between_them(
    owner: Api, database_server: str, stack: Stack
) -> None:
    for _ in range(3):
        assert owner.get()["items"] == []
        with away(database_server, stack):
            pass


def test_a_run_goes_on_and_calls_nothing_twice(
    owner: Api, given: dict[str, Any], calls: list[dict[str, Any]], database_server: str, stack: Stack
) -> None:
    drawn = graph([ask("a", "a?sleep=0.3"), ask("b", "b"), ask("c", "c")], edge("a", "b"), edge("b", "c"))
    workflow_id = owner.create(drawn)["id"]
    run_id = owner.execute(workflow_id, given)["id"]
    poll(lambda: calls)
    with away(database_server, stack):
        time.sleep(AWAY_SECONDS)
    run = owner.ended(workflow_id, run_id, 60)
    assert set(statuses(run).values()) == {"succeeded"}
    assert len(calls) == 3


def test_a_run_that_was_accepted_just_before_is_started_after(owner: Api, database_server: str, stack: Stack) -> None:
    workflow_id = owner.create(graph([node("a")]))["id"]
    runs = []
    for _ in range(5):
        runs.append(owner.execute(workflow_id)["id"])
        with away(database_server, stack):
            pass
    assert {owner.ended(workflow_id, run_id, 60)["status"] for run_id in runs} == {"succeeded"}
