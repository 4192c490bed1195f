"""The node types that do no input or output, and wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.compiler.terms import Kind
from chalicelib.node_contract import NodeFailure, Result, WaitUntil
from chalicelib.nodes import node_types

from .fakes import NOW, refused, run


def test_every_module_of_the_folder_is_a_type_known_by_its_name() -> None:
    types = node_types()
    assert set(types) >= {"trigger", "http_request", "transform", "condition", "switch", "wait", "fail"}
    assert all(name == node_type.name and node_type.label for name, node_type in types.items())


def test_kinds_say_which_nodes_wait() -> None:
    slow = {name: found.kind for name, found in node_types().items() if found.kind is not Kind.PURE}
    assert slow["http_request"] is Kind.IO
    assert slow["wait"] is Kind.WAIT
    assert not slow.keys() & {"trigger", "transform", "condition", "switch", "fail"}


def test_a_trigger_passes_on_the_input() -> None:
    for run_input in (None, {"a": 1}, [], "x"):
        assert run("trigger", {}, run_input=run_input) == Result(run_input)
    assert refused("trigger", {"x": 1}) == {"x"}


def test_a_transform_gives_its_value() -> None:
    for value in (None, {"a": [1]}, "", False):
        assert run("transform", {"value": value}) == Result(value)
    assert refused("transform", {}) == {"value"}
    assert refused("transform", {"value": 1, "valeu": 1}) == {"valeu"}


def test_a_condition_goes_one_way() -> None:
    assert run("condition", {"expression": True}) == Result({"result": True}, "true")
    assert run("condition", {"expression": False}) == Result({"result": False}, "false")


@pytest.mark.parametrize(
    ("value", "found"),
    [(None, "nothing"), (0, "a whole number"), (1, "a whole number"), (1.5, "a number"), ("true", "a text"),
     ("", "a text"), ([], "a list"), ({}, "an object")],
)  # fmt: skip
def test_a_condition_does_not_guess(value: Any, found: str) -> None:
    with pytest.raises(NodeFailure, match=f"it gave {found}") as caught:
        run("condition", {"expression": value})
    assert caught.value.code == "not_a_boolean"
    assert not caught.value.retryable


def test_a_condition_needs_an_expression() -> None:
    assert refused("condition", {}) == {"expression"}
    assert refused("condition", {"expression": "{% $input.x %}"}) == set()


@pytest.mark.parametrize(
    ("value", "branch"),
    [
        ("a", "case:a"),
        (1, "case:1"),
        (True, "case:true"),
        ([1], "case:[1]"),
        ("b", "default"),
        ("default", "default"),
        (None, "default"),
        ("A", "default"),
        ("", "default"),
    ],
)
def test_a_switch_goes_the_way_named_like_its_value(value: Any, branch: str) -> None:
    config = {"value": value, "cases": ["a", "1", "true", "[1]"]}
    assert run("switch", config) == Result({"value": value}, branch)


def test_every_type_with_several_handles_says_by_which_one_an_output_goes_on() -> None:
    assert {each.name for each in node_types().values() if len(each.handles) > 1 or each.case_handles} == {
        each.name for each in node_types().values() if each.branch_of
    }


def test_the_handles_of_a_switch_are_its_cases_and_default() -> None:
    assert node_types()["switch"].handles_of({"cases": ["a", "default", "😀"]}) == (
        "case:a",
        "case:default",
        "case:😀",
        "default",
    )
    assert node_types()["condition"].handles_of({}) == ("true", "false")
    assert node_types()["fail"].handles_of({}) == ()
    assert node_types()["wait"].handles_of({}) == ("out",)


@pytest.mark.parametrize("cases", [None, "a", ["a", "a"], [""], [1], [None], {"a": 1}, [str(n) for n in range(101)]])
def test_bad_cases_are_refused(cases: Any) -> None:
    assert refused("switch", {"value": 1, "cases": cases}) == {"cases"}


def test_a_switch_needs_a_value_and_cases() -> None:
    assert refused("switch", {}) == {"value", "cases"}
    assert refused("switch", {"value": None, "cases": []}) == set()


def test_a_fail_node_fails_with_its_message_for_good() -> None:
    with pytest.raises(NodeFailure, match=r"^no stock$") as caught:
        run("fail", {"message": "no stock"})
    assert caught.value.code == "failed_on_purpose"
    assert not caught.value.retryable
    with pytest.raises(NodeFailure, match="ended at a fail node"):
        run("fail", {})
    assert refused("fail", {"message": 1}) == {"message"}
    assert refused("fail", {"mesage": ""}) == {"mesage"}


@pytest.mark.parametrize(
    ("config", "until"),
    [
        ({"seconds": 90}, NOW + timedelta(seconds=90)),
        ({"seconds": 0}, NOW),
        ({"seconds": 0.5}, NOW + timedelta(seconds=0.5)),
        ({"seconds": 31_536_000}, NOW + timedelta(days=365)),
        ({"until": "2030-02-01T00:00:00Z"}, datetime(2030, 2, 1, tzinfo=UTC)),
        ({"until": "2030-02-01T02:00:00+02:00"}, datetime(2030, 2, 1, tzinfo=UTC)),
        ({"until": "2030-02-01T00:00:00"}, datetime(2030, 2, 1, tzinfo=UTC)),
        ({"until": "2030-02-01"}, datetime(2030, 2, 1, tzinfo=UTC)),
        ({"until": "2001-01-01T00:00:00Z"}, datetime(2001, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_wait_ends_after_seconds_or_at_a_time(config: Any, until: datetime) -> None:
    assert run("wait", config) == WaitUntil(until)


def test_a_wait_of_more_than_a_year_fails() -> None:
    run("wait", {"until": "2031-01-31T08:00:00Z"})
    with pytest.raises(NodeFailure) as caught:
        run("wait", {"until": "2031-01-31T08:00:01Z"})
    assert caught.value.code == "wait_too_long"


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        ({}, {""}),
        ({"seconds": None, "until": None}, {""}),
        ({"seconds": 1, "until": "2030-01-01"}, {""}),
        ({"seconds": "5"}, {"seconds"}),
        ({"seconds": True}, {"seconds"}),
        ({"seconds": -0.1}, {"seconds"}),
        ({"seconds": 31_536_001}, {"seconds"}),
        ({"seconds": float("nan")}, {"seconds"}),
        ({"seconds": 10**400}, {"seconds"}),
        ({"seconds": "in {% 1 %}"}, {"seconds"}),
        ({"until": 5}, {"until"}),
        ({"until": ""}, {"until"}),
        ({"until": "tomorrow"}, {"until"}),
        ({"until": "2030-02-30"}, {"until"}),
        ({"secnds": 1, "seconds": 1}, {"secnds"}),
    ],
)
def test_a_bad_wait_is_refused(config: Any, settings: set[str]) -> None:
    assert refused("wait", config) == settings


def test_a_wait_may_be_an_expression_until_it_is_evaluated() -> None:
    assert refused("wait", {"seconds": "{% $input.n %}"}) == set()
    assert refused("wait", {"until": "{% $input.day %}T08:00:00Z"}) == set()
    assert refused("wait", {"seconds": "{% 1 %}"}, evaluated=True) == {"seconds"}
