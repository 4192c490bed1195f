"""281 real-world workflows: each node ends as the rules say, is called once, and never before its predecessors."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from tests.client import Api, statuses
from tests.real_graphs import real_graphs
from tests.upstream import Upstream

SAMPLE, SEED = 60, 20


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "line" in metafunc.fixturenames:
        lines = real_graphs()
        if not metafunc.config.getoption("--all"):
            lines = random.Random(SEED).sample(lines, min(SAMPLE, len(lines)))
        metafunc.parametrize("line", lines, ids=[line["name"] for line in lines])


def test_it_runs_as_drawn(owner: Api, upstream: Upstream, line: dict[str, Any]) -> None:
    key = f"{line['name']}-{owner.workspace_id}"
    upstream.failing |= {f"/{key}/call/{node_id}" for node_id in line["fails"]}
    run = owner.run(
        line["graph_definition"],
        {"base": f"{upstream.base}/{key}", "decisions": line["decisions"], "fails": line["fails"]},
        limit=60,
    )
    assert statuses(run) == line["expect"], run["error_message"]
    assert run["status"] == "succeeded"
    calls = upstream.calls[key]
    assert Counter(call["path"].rpartition("/")[2] for call in calls) == Counter(_called(line))
    _assert_order(line, run, calls)


def _called(line: dict[str, Any]) -> list[str]:
    return [
        node["id"]
        for node in line["graph_definition"]["nodes"]
        if node["type"] == "http_request" and line["expect"][node["id"]] != "skipped"
    ]


def _assert_order(line: dict[str, Any], run: dict[str, Any], calls: list[dict[str, Any]]) -> None:
    """By the server's clock between calls, and by the recorded times between all nodes that ran."""
    called = {call["path"].rpartition("/")[2]: call for call in calls}
    results = run["node_results"]
    for edge in line["graph_definition"]["edges"]:
        source, target = edge["source"], edge["target"]
        if source in called and target in called:
            assert called[source]["ended"] <= called[target]["began"]
        if results[source]["status"] != "skipped" and results[target]["status"] != "skipped":
            assert results[source]["completed_at"] <= results[target]["started_at"]
