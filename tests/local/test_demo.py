"""What `make demo` shows, on a real stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import demo
from local.address import Address, publish
from tests.client import Api


@pytest.fixture
def address(owner: Api) -> Address:
    return Address(owner.base, owner.workspace_id, owner.token or "", "")


def test_the_demo_uses_the_stack_that_runs_and_shows_its_run(
    tmp_path: Path, owner: Api, address: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(tmp_path, address)
    assert demo.main(tmp_path) == 0
    shown = capsys.readouterr().out
    for part in (
        "using the stack at",
        "case:gold",
        "✗ failed",
        "– skipped",
        "2 succeeded, 1 failed",
        "no courier today",
        "succeeded in",
    ):
        assert part in shown
    assert "\033[" not in shown
    assert all(len(line) <= 100 for line in shown.partition("When each node ran")[2].splitlines())
    (workflow,) = owner.get()["items"]
    (run,) = owner.get(f"/{workflow['id']}/runs")["items"]
    results = owner.get(f"/{workflow['id']}/runs/{run['id']}")["node_results"]
    assert results["reserve"]["attempts"] == 4
    assert "\nFor each line   " in shown
    assert "\n  Reserve stock " in shown
    assert results["order"]["started_at"] < results["customer"]["completed_at"]
    assert results["customer"]["started_at"] < results["order"]["completed_at"]


def test_a_second_demo_saves_nothing_twice(owner: Api, address: Address) -> None:
    drawn = {"name": "again", "graph_definition": {"nodes": [], "edges": []}}
    api = demo.api_at(address)
    assert demo.saved(api, drawn)["id"] == demo.saved(api, drawn)["id"]
    (workflow,) = owner.get()["items"]
    assert workflow["current_version"] == 1
