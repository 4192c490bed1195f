"""Nesting keeps every order, and loses no concurrency where nesting can say the order exactly."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.compiler.blocks import Block, Gate, Par, Seq, Task, gates, inner, tasks
from chalicelib.compiler.order import MAX_DEPTH, nest
from chalicelib.compiler.units import fuse

from .strategies import PROPERTY, closure, dags, graph_definitions, parsed

LETTER_N = [frozenset[int](), frozenset[int](), frozenset({0, 1}), frozenset({1})]


def structural(block: Block) -> set[tuple[int, int]]:
    """The pairs that the blocks put one after the other: a sequence's parts, and what a gate holds back."""
    direct: set[tuple[int, int]] = set()

    def walk(part: Block) -> None:
        if isinstance(part, Task | Gate):
            return
        parts = inner(part)
        for index, one in enumerate(parts):
            walk(one)
            if isinstance(part, Seq):
                before = one.waits if isinstance(one, Gate) else tuple(tasks(one))
                direct.update((a, b) for a in before for other in parts[index + 1 :] for b in tasks(other))

    walk(block)
    walked = list(tasks(block))
    number = {unit: index for index, unit in enumerate(walked)}
    assert all(number[a] < number[b] for a, b in direct), "a walk must be a linear extension"
    above = [frozenset(number[a] for a, b in direct if b == unit) for unit in walked]
    return {(walked[a], walked[b]) for a, b in closure(above)}


@st.composite
def series_parallel(draw: st.DrawFn) -> list[frozenset[int]]:
    """An order made of series and parallels alone, its vertices in any topological numbering."""

    def pairs(vertices: list[int]) -> set[tuple[int, int]]:
        if len(vertices) == 1:
            return set()
        cut = draw(st.integers(1, len(vertices) - 1))
        left, right = vertices[:cut], vertices[cut:]
        inner = pairs(left) | pairs(right)
        return inner | {(a, b) for a in left for b in right} if draw(st.booleans()) else inner

    size = draw(st.integers(1, 30))
    relation = pairs(list(range(size)))
    priority = draw(st.permutations(range(size)))
    left, numbering = set(range(size)), []
    while left:
        ready = [v for v in left if not any(a in left and b == v for a, b in relation)]
        numbering.append(min(ready, key=priority.index))
        left.remove(numbering[-1])
    number = {vertex: index for index, vertex in enumerate(numbering)}
    return [frozenset(number[a] for a, b in relation if b == vertex) for vertex in numbering]


@PROPERTY
@given(dags())
@example(LETTER_N)
def test_nesting_holds_every_vertex_once_in_a_linear_extension(order: list[frozenset[int]]) -> None:
    walk = list(tasks(nest(order)))
    assert sorted(walk) == list(range(len(order)))
    position = {vertex: index for index, vertex in enumerate(walk)}
    assert all(position[before] < position[vertex] for before, vertex in closure(order))


@PROPERTY
@given(dags())
@example(LETTER_N)
def test_every_order_is_said_exactly(order: list[frozenset[int]]) -> None:
    assert closure(order) == structural(nest(order))


@PROPERTY
@given(graph_definitions())
def test_every_order_of_the_units_is_said_exactly(definition: dict[str, Any]) -> None:
    predecessors = list(fuse(parsed(definition)).predecessors)
    assert closure(predecessors) == structural(nest(predecessors))


@PROPERTY
@given(series_parallel())
def test_a_series_parallel_order_is_said_exactly(order: list[frozenset[int]]) -> None:
    assert structural(nest(order)) == closure(order)
    if nest(order).depth < MAX_DEPTH:
        assert not list(gates(nest(order)))


def test_what_nests_too_deep_is_said_exactly_and_bounded() -> None:
    order = [frozenset[int]()]
    for spine in range(0, 400, 2):
        order += [frozenset({spine}), frozenset({spine})]
    block = nest(order)
    assert structural(block) == closure(order)
    assert block.depth == MAX_DEPTH


@PROPERTY
@given(dags())
def test_blocks_are_flat(order: list[frozenset[int]]) -> None:
    """A sequence holds no sequence and a parallel no parallel: each would be a state for nothing."""

    def check(block: Block) -> None:
        if not isinstance(block, Task | Gate):
            parts = inner(block)
            assert len(parts) > 1
            assert not any(isinstance(part, type(block)) for part in parts)
            for part in parts:
                check(part)

    check(nest(order))


def test_complete_bipartite_orders_nest() -> None:
    """Two of two: the shortcut by edges refuses them, though they are series-parallel by vertices."""
    order = [frozenset[int](), frozenset[int](), frozenset({0, 1}), frozenset({0, 1})]
    assert nest(order) == Seq((Par((Task(0), Task(1))), Par((Task(2), Task(3)))))


def test_implied_edges_change_nothing() -> None:
    assert nest([frozenset(), frozenset({0}), frozenset({0, 1})]) == Seq((Task(0), Task(1), Task(2)))


def test_what_is_beside_an_order_that_can_not_be_nested_stays_beside_it() -> None:
    order = [*LETTER_N, frozenset[int]()]
    assert not any(4 in pair for pair in structural(nest(order)))


def test_a_series_cut_is_found_behind_what_can_not_be_nested() -> None:
    """Vertex 4 is beside the letter N, and 5 behind all of them."""
    order = [*LETTER_N, frozenset[int](), frozenset({2, 3, 4})]
    assert {pair for pair in structural(nest(order)) if 4 in pair} == {(4, 5)}
