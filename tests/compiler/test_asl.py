"""Definitions: accepted by a linter and our own checks, and named by what they do."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from statelint.config import Config
from statelint.linter import Linter
from statelint.problem import ProblemType

from chalicelib import compiler, runner
from chalicelib.compiler import asl
from tests.real_graphs import real_graphs

from .strategies import PROPERTY, drawn, graph_definitions, parsed, seeded

ROOT = Path(__file__).parents[2]
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:stepgraph-runner"


def compiled(definition: Any) -> asl.StateMachine:
    return compiler.plan(parsed(definition)).state_machine(FUNCTION)


def lint(definition: dict[str, Any]) -> list[str]:
    """Step Functions takes a whole number for a float; the linter alone minds."""
    return list(Linter.validate(definition, Config({ProblemType.FLOAT})))


def scopes(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield definition
    for state in definition["States"].values():
        for branch in state.get("Branches", ()):
            yield from scopes(branch)


def check(definition: dict[str, Any]) -> None:
    """What a linter does not see, or sees only scope by scope."""
    names = [name for scope in scopes(definition) for name in scope["States"]]
    assert len(names) == len(set(names))
    assert all(0 < len(name) <= 80 for name in names)
    for scope in scopes(definition):
        check_scope(scope)


def check_scope(scope: dict[str, Any]) -> None:
    states = scope["States"]
    reached, pending = set(), [scope["StartAt"]]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            state = states[name]
            pending += [state["Next"]] if "Next" in state else []
            pending += [catcher["Next"] for catcher in state.get("Catch", ())]
            ways_on = ("Next" in state) + ("End" in state) + (state["Type"] == "Fail")
            assert ways_on == 1, name
    assert reached | failure_states(scope) == set(states)
    assert any(state.get("End") for state in states.values())


def failure_states(scope: dict[str, Any]) -> set[str]:
    return {asl.FAIL_RUN, asl.RUN_FAILED} & set(scope["States"])


def units(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls of all Task states that run units."""
    payloads = [
        state["Parameters"]["Payload"]
        for scope in scopes(definition)
        for state in scope["States"].values()
        if state["Type"] == "Task"
    ]
    return [payload["unit"] for payload in payloads if "unit" in payload]


@settings(PROPERTY, max_examples=60)
@given(graph_definitions())
def test_definitions_pass_the_linter_and_run_every_node_once(definition: dict[str, Any]) -> None:
    machine = json.loads(compiled(definition).definition)
    assert lint(machine) == []
    check(machine)
    ran = [node_id for unit in units(machine) for node_id in unit["nodes"]]
    assert sorted(ran) == sorted(node["id"] for node in definition["nodes"])


@pytest.mark.skipif(not real_graphs(), reason="the collection of real graphs is not part of the project")
def test_definitions_of_real_graphs_pass_the_checks() -> None:
    for index, line in enumerate(real_graphs()):
        machine = json.loads(compiled(line["graph_definition"]).definition)
        check(machine)
        if index % 5 == 0:
            assert lint(machine) == []


@PROPERTY
@given(graph_definitions())
def test_only_units_with_nothing_behind_them_are_told_that_they_are_last(definition: dict[str, Any]) -> None:
    graph = parsed(definition)
    plan = compiler.plan(graph)
    machine = json.loads(plan.state_machine(FUNCTION).definition)
    marked = {node_id for unit in units(machine) if unit["last"] for node_id in (*unit["nodes"], unit["concludes"])}
    ends = {node_id for node_id in graph.nodes if not graph.outgoing[node_id]}
    assert any(unit["last"] for unit in units(machine))
    assert marked & ends
    assert all(unit["waits"] is None for unit in units(machine) if unit["last"])


def test_an_empty_graph_runs_one_unit_that_settles_the_run() -> None:
    machine = json.loads(compiled({"nodes": [], "edges": []}).definition)
    check(machine)
    assert units(machine) == [{"nodes": [], "concludes": None, "waits": None, "last": True, "awaited": False}]


@pytest.mark.parametrize(
    "ids",
    [
        ["a/b", "a:b", "a?b", "a_b", "a_b 2", "é", "è", "_"],
        ["x" * 200, "x" * 199 + "y", "x" * 68],
        ["Fail run", "Run failed", "Parallel", "empty", "a until"],
        ["$", "..", "😀", "__proto__", "constructor", "{% 1 %}", 'a"b', "a`b", "a\nb", "𝒳" * 200],
    ],
)
def test_ids_of_any_characters_give_unique_state_names(ids: list[str]) -> None:
    graph = drawn(["io"] * len(ids), [])
    for node, node_id in zip(graph["nodes"], ids, strict=True):
        node["id"] = node_id
    machine = json.loads(compiled(graph).definition)
    assert lint(machine) == []
    check(machine)
    assert sorted(node_id for unit in units(machine) for node_id in unit["nodes"]) == sorted(ids)


def test_the_name_is_the_same_in_every_process() -> None:
    script = (
        "from random import Random\n"
        "from tests.compiler.test_asl import compiled, seeded\n"
        "print(*(compiled(seeded(Random(seed), 25)).name for seed in range(12)))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    here = " ".join(compiled(seeded(Random(seed), 25)).name for seed in range(12))
    assert {text.strip() for text in found} == {here}


CHAIN = drawn(["trigger", "io", "io"], [(0, 1, 0), (1, 2, 0)])


def changed(**data: Any) -> dict[str, Any]:
    graph = copy.deepcopy(CHAIN)
    graph["nodes"][1]["data"] |= data
    return graph


@pytest.mark.parametrize(
    "graph",
    [
        changed(config={"url": "https://other.example.com", "method": "POST", "body": [1]}),
        changed(label="Ask"),
        changed(on_error="continue"),
        changed(join="all"),
        changed(retry=None, timeout_seconds=None),
        CHAIN | {"viewport": {"x": 9, "y": 9, "zoom": 2}},
        CHAIN | {"nodes": [node | {"position": {"x": 7, "y": 7}, "selected": True} for node in CHAIN["nodes"]]},
        CHAIN | {"edges": [edge | {"id": f"other-{edge['id']}", "animated": True} for edge in CHAIN["edges"]]},
    ],
)
def test_what_is_not_structure_makes_no_new_state_machine(graph: dict[str, Any]) -> None:
    assert compiled(graph) == compiled(CHAIN)


@pytest.mark.parametrize(
    "graph",
    [
        changed(retry={"max_attempts": 5}),
        changed(retry={"max_attempts": 3, "interval_seconds": 9}),
        changed(retry={"max_attempts": 3, "backoff_rate": 3}),
        changed(retry={"max_attempts": 3, "max_delay_seconds": 9}),
        changed(timeout_seconds=31),
        changed(disabled=True),
        CHAIN | {"edges": CHAIN["edges"][:1]},
        drawn(["trigger", "io", "wait"], [(0, 1, 0), (1, 2, 0)]),
        drawn(["trigger", "io", "io", "io"], [(0, 1, 0), (1, 2, 0)]),
    ],
)
def test_structure_retries_and_time_limits_make_a_new_state_machine(graph: dict[str, Any]) -> None:
    assert compiled(graph).name != compiled(CHAIN).name


def test_the_function_is_part_of_the_name() -> None:
    plan = compiler.plan(parsed(CHAIN))
    assert plan.state_machine("one").name != plan.state_machine("two").name


def test_errors_are_named_as_the_classes_that_the_runner_raises() -> None:
    """Lambda tells Step Functions the name of the exception's class."""
    assert runner.NodeFailed.__name__ == asl.NODE_FAILED
    assert runner.RetryNode.__name__ == asl.RETRY_NODE
    assert runner.RunEnded.__name__ == asl.RUN_ENDED


def only_unit(**data: Any) -> dict[str, Any]:
    graph = drawn(["io"], [])
    graph["nodes"][0]["data"] = graph["nodes"][0]["data"] | data
    return dict(json.loads(compiled(graph).definition)["States"]["n0"])


def test_a_retry_becomes_step_functions_own_and_counts_the_first_attempt() -> None:
    retry = {"max_attempts": 4, "interval_seconds": 2, "backoff_rate": 1.5, "max_delay_seconds": 60, "jitter": True}
    assert only_unit(retry=retry)["Retry"][0] == {
        "ErrorEquals": ["RetryNode"],
        "IntervalSeconds": 2,
        "MaxAttempts": 3,
        "BackoffRate": 1.5,
        "MaxDelaySeconds": 60,
        "JitterStrategy": "FULL",
    }


def test_a_single_attempt_has_no_retrier_but_the_platforms() -> None:
    errors = [retrier["ErrorEquals"] for retrier in only_unit(retry={"max_attempts": 1})["Retry"]]
    assert errors == [["NodeFailed", "RunEnded"], ["States.ALL"]]


def test_a_failed_node_is_never_retried_by_the_platforms_retrier() -> None:
    retriers = only_unit()["Retry"]
    assert [retrier["ErrorEquals"] for retrier in retriers] == [
        ["RetryNode"],
        ["NodeFailed", "RunEnded"],
        ["States.ALL"],
    ]
    assert retriers[1]["MaxAttempts"] == 0


def test_a_call_outlasts_its_nodes_time_limit() -> None:
    assert only_unit(timeout_seconds=300)["TimeoutSeconds"] > 300


def test_a_failure_at_top_level_is_caught_and_fails_the_run() -> None:
    machine = json.loads(compiled(drawn(["io", "io", "wait"], [(0, 1, 0)])).definition)
    for name, state in machine["States"].items():
        if state["Type"] in ("Task", "Parallel") and name != asl.FAIL_RUN:
            assert state["Catch"][0]["Next"] == asl.FAIL_RUN
