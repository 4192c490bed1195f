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
from hypothesis import given
from statelint.config import Config
from statelint.linter import Linter
from statelint.problem import ProblemType

from chalicelib.compiler import asl, states
from chalicelib.compiler.plan import make_plan
from chalicelib.execution import verdicts
from tests.real_graphs import real_graphs

from .strategies import (
    PROPERTY,
    any_definitions,
    drawn,
    graph_definitions,
    parsed,
    reachable,
    seeded,
    seeded_with_containers,
    with_bodies,
)

ROOT = Path(__file__).parents[2]
LAMBDA_SECONDS = 900
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:stepgraph-runner"


def compiled(definition: Any) -> asl.StateMachine:
    return emitted(definition).state_machine()


def emitted(definition: Any) -> asl.Emission:
    return asl.emit(make_plan(parsed(definition)), FUNCTION)


def lint(definition: dict[str, Any]) -> list[str]:
    """Step Functions takes a whole number for a float; the linter alone minds."""
    return list(Linter.validate(definition, Config({ProblemType.FLOAT})))


def scopes(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield definition
    for state in definition["States"].values():
        for inner in (*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())):
            yield from scopes(inner)


def check(definition: dict[str, Any]) -> None:
    """What a linter does not see, or sees only scope by scope."""
    names = [name for scope in scopes(definition) for name in scope["States"]]
    assert len(names) == len(set(names))
    assert all(0 < len(name) <= 80 for name in names)
    for scope in scopes(definition):
        check_scope(scope)
    for container, run in runs(definition):
        check_failures(run, container)


def check_scope(scope: dict[str, Any]) -> None:
    here = scope["States"]
    reached, pending = set(), [scope["StartAt"]]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            state = here[name]
            ways_on = [state[key] for key in ("Next", "Default") if key in state]
            assert len(ways_on) + ("End" in state) + (state["Type"] in ("Fail", "Succeed")) == 1, name
            pending += [*ways_on, *(rule["Next"] for rule in state.get("Choices", ()))]
            pending += [catcher["Next"] for catcher in state.get("Catch", ())]
    assert reached == set(here)
    assert any(state.get("End") or state["Type"] == "Succeed" for state in here.values())


def check_failures(scope: dict[str, Any], container: str | None) -> None:
    """Whatever fails in a run, or in an item of a container, leads to the call that settles it."""
    for name, state in scope["States"].items():
        payload = called(state)
        if state["Type"] == "Parallel" or "unit" in payload or "gate" in payload:
            (catcher,) = state["Catch"]
            assert called(scope["States"][catcher["Next"]])["for_each"] == container, name
            assert "failure.$" in called(scope["States"][catcher["Next"]])


def called(state: dict[str, Any]) -> dict[str, Any]:
    """What a Task tells the runner."""
    return dict(state.get("Parameters", {}).get("Payload", {}))


def runs(definition: dict[str, Any]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """The scopes in which failures are caught, with their containers: the run, and every item that has states."""
    yield None, definition
    for scope in scopes(definition):
        for state in scope["States"].values():
            for inner in state.get("ItemProcessor", {}).get("States", {}).values():
                if "failure.$" in called(inner):
                    yield called(inner)["for_each"], state["ItemProcessor"]


def units(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls of all Task states that run units."""
    payloads = [called(state) for scope in scopes(definition) for state in scope["States"].values()]
    return [payload["unit"] for payload in payloads if "unit" in payload]


def ran(emission: asl.Emission) -> list[str]:
    return sorted(node_id for nodes in emission.units.values() for node_id in nodes)


@PROPERTY
@given(any_definitions())
def test_definitions_pass_the_linter_and_run_every_node_once(definition: dict[str, Any]) -> None:
    emission = emitted(definition)
    machine = json.loads(emission.text)
    assert lint(machine) == []
    check(machine)
    assert ran(emission) == sorted(reachable(definition))


@PROPERTY
@given(any_definitions())
def test_an_emission_tells_what_its_units_and_gates_are(definition: dict[str, Any]) -> None:
    emission = emitted(definition)
    payloads = {name: called(state) for scope in scopes(emission.definition) for name, state in scope["States"].items()}
    assert {name: nodes for name, nodes in emission.units.items() if "batch" not in payloads[name]} == {
        name: tuple(payload["unit"].get("nodes", ())) for name, payload in payloads.items() if "unit" in payload
    }
    assert emission.gates == {
        payload["gate"]["id"]: tuple(payload["gate"]["nodes"]) for payload in payloads.values() if "gate" in payload
    }
    assert all(payloads[name]["gate"]["id"] == name for name in emission.gates)


@PROPERTY
@given(any_definitions())
def test_a_choice_asks_only_for_what_the_state_tells(definition: dict[str, Any]) -> None:
    """Every outcome is told by one unit, which has the node that decides it."""
    for _, run in runs(emitted(definition).definition):
        here = {name: state for scope in _without_items(run) for name, state in scope["States"].items()}
        told = {
            f"{state['ResultPath']}.{key}": outcome
            for state in here.values()
            for key, outcome in called(state).get("unit", {}).get("tells", {}).items()
        }
        asked = [rule["Variable"] for state in here.values() for rule in state.get("Choices", ())]
        asked = [variable for variable in asked if not variable.endswith(".elsewhere")]
        assert set(asked) == set(told)
        assert len({tuple(outcome) for outcome in told.values()}) == len(told)


def _without_items(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield definition
    for state in definition["States"].values():
        for branch in state.get("Branches", ()):
            yield from _without_items(branch)


@pytest.mark.skipif(not real_graphs(), reason="the collection of real graphs is not part of the project")
def test_definitions_of_real_graphs_pass_the_checks() -> None:
    for index, line in enumerate(real_graphs()):
        emission = emitted(line["graph_definition"])
        machine = json.loads(emission.text)
        check(machine)
        assert ran(emission) == sorted(node["id"] for node in line["graph_definition"]["nodes"])
        if index % 5 == 0:
            assert lint(machine) == []


@PROPERTY
@given(graph_definitions())
def test_only_units_with_nothing_behind_them_are_told_that_they_are_last(definition: dict[str, Any]) -> None:
    graph = parsed(definition)
    machine = emitted(definition).definition
    lasts = [unit for unit in units(machine) if unit.get("last")]
    marked = {node_id for unit in lasts for node_id in (*unit.get("nodes", ()), unit.get("concludes"))}
    ends = {node_id for node_id in graph.nodes if not graph.outgoing[node_id]}
    assert lasts
    assert marked & ends
    for scope in scopes(machine):
        for name, state in scope["States"].items():
            if called(state).get("unit", {}).get("last"):
                assert not any("unit" in called(after) for after in passing_by(scope, name)), name


def passing_by(scope: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """What follows a state where no Choice leads into what it holds."""
    state = scope["States"][name]
    while following := state.get("Next") or state.get("Default"):
        state = scope["States"][following]
        yield state


def test_an_empty_graph_runs_one_unit_that_settles_the_run() -> None:
    machine = json.loads(compiled({"nodes": [], "edges": []}).definition)
    check(machine)
    assert units(machine) == [{"last": True}]


@pytest.mark.parametrize(
    "ids",
    [
        ["a/b", "a:b", "a?b", "a_b", "a_b 2", "é", "è", "_"],
        ["x" * 200, "x" * 199 + "y", "x" * 68],
        ["Fail run", "Run failed", "Parallel", "empty", "a until", "Gate", "Choice", "Done", "Fail item of Gate"],
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


def fixed() -> Iterator[dict[str, Any]]:
    """Graphs of every kind of node, with containers, that any process makes again."""
    for seed in range(12):
        yield seeded(Random(seed), 25)
    for seed in range(6):
        yield seeded_with_containers(Random(seed))


def test_the_name_is_the_same_in_every_process() -> None:
    script = (
        "from random import Random\n"
        "from tests.compiler.test_asl import compiled, fixed\n"
        "print(*(compiled(definition).name for definition in fixed()))"
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
    here = " ".join(compiled(definition).name for definition in fixed())
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
    plan = make_plan(parsed(CHAIN))
    assert asl.emit(plan, "one").state_machine().name != asl.emit(plan, "two").state_machine().name


def test_the_role_is_part_of_the_name_but_not_of_the_definition() -> None:
    emission = emitted(CHAIN)
    one, two = emission.state_machine("one"), emission.state_machine("two")
    assert one.name != two.name
    assert one.definition == two.definition


def test_errors_are_named_as_the_classes_that_the_runner_raises() -> None:
    """Lambda tells Step Functions the name of the exception's class."""
    assert verdicts.NodeFailed.__name__ == states.NODE_FAILED
    assert verdicts.RetryNode.__name__ == states.RETRY_NODE
    assert verdicts.RunEnded.__name__ == states.RUN_ENDED


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


def test_nodes_that_only_compute_have_all_the_time_of_a_call() -> None:
    machine = json.loads(compiled(drawn(["pure"] * 40, [])).definition)
    (unit,) = (state for state in machine["States"].values() if "unit" in called(state))
    assert unit["TimeoutSeconds"] == LAMBDA_SECONDS


def test_a_failure_at_top_level_is_caught_and_fails_the_run() -> None:
    machine = json.loads(compiled(drawn(["io", "io", "wait"], [(0, 1, 0)])).definition)
    (failure,) = (name for name, state in machine["States"].items() if "failure.$" in called(state))
    for name, state in machine["States"].items():
        if state["Type"] in ("Task", "Parallel") and name != failure:
            assert state["Catch"][0]["Next"] == failure
    assert machine["States"][machine["States"][failure]["Next"]]["Type"] == "Fail"


def test_a_failure_in_an_item_ends_the_item_and_is_settled_for_its_container() -> None:
    machine = emitted(with_bodies(drawn(["each"], []), n0=(["io", "io"], []))).definition
    (item,) = (run for container, run in runs(machine) if container == "n0")
    check_failures(item, "n0")
    (failure,) = (state for state in item["States"].values() if "failure.$" in called(state))
    assert failure["End"]


def test_a_light_body_runs_in_batches() -> None:
    machine = emitted(with_bodies(drawn(["each"], []), n0=(["pure", "condition"], [(0, 1, 0)]))).definition
    (items,) = (state for state in machine["States"].values() if state["Type"] == "Map")
    (batch,) = items["ItemProcessor"]["States"].values()
    assert called(batch)["batch"] == {"for_each": "n0", "first.$": "$.first"}
    assert batch["End"]
    assert batch["TimeoutSeconds"] == LAMBDA_SECONDS


def test_a_containers_items_that_run_elsewhere_go_on_when_they_are_done() -> None:
    """An execution of their own: a Map over the indexes that it is told, and then the call for the next ones."""
    plan = make_plan(parsed(with_bodies(drawn(["io", "each"], [(0, 1, 0)]), n1=(["io", "wait", "io"], [(0, 1, 0)]))))
    machine = json.loads(asl.emit_items(plan, "n1", FUNCTION).text)
    assert lint(machine) == []
    first = machine["States"][machine["StartAt"]]
    assert (first["Type"], first["ItemsPath"]) == ("Map", "$.items")
    following = machine["States"][first["Next"]]
    assert called(following)["items"] == {"for_each": "n1"}
    assert following["End"]
    assert [catcher["Next"] for catcher in first["Catch"]] == [first["Next"]]
