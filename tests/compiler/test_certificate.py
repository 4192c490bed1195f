"""The certificate: what a run costs, which gates it needs and why; what could break a limit is refused."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.compiler.asl import emit
from chalicelib.compiler.certificate import certify
from chalicelib.compiler.parsing import parse
from chalicelib.compiler.plan import make_plan
from chalicelib.compiler.problems import InvalidGraphError
from chalicelib.nodes import node_types
from tests.client import edge, graph, node

URL = {"url": "https://api.example.com"}


def certified(drawn: dict[str, Any]) -> dict[str, Any]:
    plan = make_plan(parse(drawn, node_types(), max_nodes=10_000))
    return certify(plan, emit(plan, "run_unit"))


def ask(node_id: str, attempts: int = 1, **data: Any) -> dict[str, Any]:
    return node(node_id, "http_request", URL, retry={"max_attempts": attempts}, **data)


def both(least: float, most: float) -> dict[str, float]:
    return {"least": least, "most": most}


def test_nodes_that_wait_for_nothing_cost_one_transition() -> None:
    told = certified(graph([node("a"), node("b"), node("c")], edge("a", "b"), edge("b", "c")))
    assert told["transitions"] == told["calls"] == both(1, 1)
    assert told["events"] == both(2 + 5, 2 + 5)
    assert told["dollars"] == both(0.000025, 0.000025)
    assert (told["longest_path"], told["depth"], told["gates"], told["regions"]) == (["a", "b", "c"], 0, [], [])


def test_retries_count_to_the_most() -> None:
    told = certified(graph([ask("a", attempts=4)]))
    assert told["transitions"] == both(1, 4)
    assert told["events"] == both(2 + 5, 2 + 5 + 3 * 3)


def test_branches_that_exclude_one_another_are_a_choice() -> None:
    nodes = [ask("a"), node("c", "condition", {"expression": True}), ask("x"), ask("y"), ask("z")]
    links = [edge("a", "c"), edge("c", "x", "true"), edge("c", "y", "false"), edge("y", "z")]
    told = certified(graph(nodes, *links))
    assert told["transitions"] == both(3, 4)
    assert told["events"] == both(2 + 5 + 2 + 5, 2 + 5 + 2 + 5 + 5)


def test_a_parallel_costs_its_branches_and_itself() -> None:
    told = certified(graph([ask("a"), ask("b"), ask("c")]))
    assert (told["transitions"], told["events"], told["depth"]) == (both(4, 4), both(2 + 4 + 15, 2 + 4 + 15), 1)


def test_what_no_nesting_says_is_told_with_its_reason() -> None:
    letter_n = graph([ask(name) for name in "abcd"], edge("a", "c"), edge("b", "c"), edge("b", "d"))
    told = certified(letter_n)
    assert told["gates"] == [{"state": "Gate", "waits_for": ["a", "b"], "holds": ["c"]}]
    (region,) = told["regions"]
    assert (sorted(region["nodes"]), region["gates"]) == (["a", "b", "c", "d"], 1)
    assert region["why"] == '"c" comes after "a" and "b", but "d" after "b" and not after "a": no nesting says both'


def test_what_nests_too_deep_is_told_with_its_reason() -> None:
    spine = [f"s{level}" for level in range(20)]
    links = [*map(edge, spine, spine[1:]), *(edge(name, f"leaf{name}") for name in spine)]
    told = certified(graph([ask(name) for name in spine] + [ask(f"leaf{name}") for name in spine], *links))
    assert told["depth"] <= 7
    assert all(region["why"] == "nesting says it only deeper than 7 levels" for region in told["regions"])
    assert told["gates"]


def test_a_container_tells_what_an_item_costs_and_where_items_run() -> None:
    each = node("each", "for_each", {"items": [1]})
    heavy = certified(graph([each, ask("a") | {"parentId": "each"}, ask("b") | {"parentId": "each"}], edge("a", "b")))
    told = heavy["containers"]["each"]
    assert told["transitions_each"] == both(2, 2)
    assert (told["items_at_most"], told["items_a_call"]) == (10_000, 1)
    assert told["items_in_its_execution"] * (2 + 10) <= heavy["events"]["most"] <= 25_000
    assert heavy["transitions"]["least"] == 4
    assert heavy["transitions"]["most"] >= 20_000
    light = certified(graph([each, node("a") | {"parentId": "each"}]))
    assert light["transitions"] == both(3, 3 + 20)


@pytest.mark.parametrize("inside", [False, True])
def test_a_graph_that_could_pass_the_events_is_refused_where_it_does(inside: bool) -> None:
    """500 requests of 20 attempts: 62 events each, so the 403rd is one too many."""
    asks = [ask(f"n{number:03}", attempts=20) for number in range(500)]
    container = [node("each", "for_each", {"items": [1]})] if inside else []
    drawn = [item | {"parentId": "each"} if inside else item for item in asks]
    links = [edge(before["id"], after["id"]) for before, after in zip(asks, asks[1:], strict=False)]
    with pytest.raises(InvalidGraphError) as refused:
        certified(graph(container + drawn, *links))
    (problem,) = refused.value.problems
    assert problem.code == "too_many_events"
    assert problem.node_id == ("each" if inside else "n403")
    assert ("31,002" if not inside else "31,0") in problem.message


def test_a_definition_that_is_too_large_is_refused() -> None:
    with pytest.raises(InvalidGraphError) as refused:
        certified(graph([ask(f"n{number}") for number in range(3_000)]))
    (problem,) = refused.value.problems
    assert problem.code == "definition_too_large"
    assert "1,048,576" in problem.message
    assert problem.node_id in problem.message
