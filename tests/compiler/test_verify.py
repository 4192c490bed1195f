"""Verification: whatever is not exactly the order that was drawn is refused before it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given

from chalicelib.compiler.blocks import Block, Choice, Gate, Par, Seq, Task, gates, par, seq, tasks
from chalicelib.compiler.order import nest
from chalicelib.compiler.verify import PlanError, verify

from .strategies import PROPERTY, dags
from .test_order import LETTER_N

Order = list[frozenset[int]]
DIAMOND: Order = [frozenset(), frozenset({0}), frozenset({0}), frozenset({1, 2})]


def refused(block: Block, order: Order) -> str:
    with pytest.raises(PlanError) as caught:
        verify(block, order)
    return str(caught.value)


@PROPERTY
@given(dags())
def test_what_nesting_gives_is_accepted(order: Order) -> None:
    verify(nest(order), order)


@PROPERTY
@given(dags(12))
def test_every_damage_is_refused(order: Order) -> None:
    """Wherever a task is left out or doubled, branches put one after another, or parts of a sequence side by side."""
    for damaged in damages(nest(order)):
        refused(damaged, order)


def damages(block: Block) -> Iterator[Block]:
    for unit in tasks(block):
        yield from everywhere(block, lambda part, unit=unit: without(part, Task(unit)))  # type: ignore[misc]
        yield par(block, Task(unit))
    for gate in set(gates(block)):
        yield from everywhere(block, lambda part, gate=gate: without(part, gate))  # type: ignore[misc]
    yield from everywhere(block, unordered)
    yield from everywhere(block, ordered)


def everywhere(block: Block, change: Callable[[Block], Block | None]) -> Iterator[Block]:
    """The block with each of the changes that are possible inside it, one at a time."""
    changed = change(block)
    if changed is not None:
        yield changed
    if isinstance(block, Seq | Par):
        parts = block.blocks if isinstance(block, Seq) else block.branches
        for index, part in enumerate(parts):
            for inside in everywhere(part, change):
                yield type(block)((*parts[:index], inside, *parts[index + 1 :]))


def without(block: Block, gone: Block) -> Block | None:
    if not isinstance(block, Seq | Par):
        return None
    parts = block.blocks if isinstance(block, Seq) else block.branches
    if gone not in parts:
        return None
    left = tuple(part for part in parts if part != gone)
    return type(block)(left)


def unordered(block: Block) -> Block | None:
    """Parts of a sequence side by side; those behind a gate wait for it still."""
    if not isinstance(block, Seq) or isinstance(block.blocks[0], Gate):
        return None
    return Par(block.blocks)


def ordered(block: Block) -> Block | None:
    """Two branches one after the other."""
    if not isinstance(block, Par):
        return None
    first, second, *more = block.branches
    return par(seq(first, second), *more)


def test_a_task_that_is_dropped_is_refused() -> None:
    assert refused(Seq((Task(0), Par((Task(1), Task(2))))), DIAMOND) == "unit 3 is nowhere"


def test_a_task_that_is_doubled_is_refused() -> None:
    block = Seq((Task(0), Par((Task(1), Task(2), Task(1))), Task(3)))
    assert refused(block, DIAMOND) == "unit 1 is there twice"


def test_a_task_of_another_graph_is_refused() -> None:
    with pytest.raises((PlanError, IndexError)):
        verify(Seq((Task(0), Par((Task(1), Task(2))), Task(3), Task(4))), DIAMOND)


def test_branches_in_a_row_are_refused() -> None:
    assert "unit 2 comes after" in refused(Seq((Task(0), Task(1), Task(2), Task(3))), DIAMOND)


def test_a_task_swapped_with_the_one_before_it_is_refused() -> None:
    refused(Seq((Par((Task(1), Task(2))), Task(0), Task(3))), DIAMOND)


def test_a_gate_that_is_missing_is_refused() -> None:
    right = Par((Seq((Par((Task(0), Task(1))), Task(2))), Seq((Gate((1,)), Task(3)))))
    verify(right, LETTER_N)
    refused(Par((Seq((Par((Task(0), Task(1))), Task(2))), Task(3))), LETTER_N)


def test_a_gate_that_waits_for_too_much_is_refused() -> None:
    refused(Par((Seq((Par((Task(0), Task(1))), Task(2))), Seq((Gate((0, 1)), Task(3))))), LETTER_N)


def test_a_gate_that_waits_for_what_is_behind_it_is_refused() -> None:
    """Where branches run one at a time, no one would open it."""
    message = refused(Par((Seq((Gate((1,)), Task(3))), Seq((Par((Task(0), Task(1))), Task(2))))), LETTER_N)
    assert message == "a gate waits for unit 1, which comes only behind it"


def test_a_gate_that_waits_for_what_follows_it_is_refused() -> None:
    refused(Seq((Gate((0,)), Task(0))), [frozenset()])


def test_gates_that_wait_for_each_other_are_refused() -> None:
    refused(Par((Seq((Gate((1,)), Task(0))), Seq((Gate((0,)), Task(1))))), [frozenset(), frozenset({0})])


def test_what_a_choice_holds_is_checked_like_any_other_part() -> None:
    order: Order = [frozenset(), frozenset({0}), frozenset({0}), frozenset({1, 2})]
    verify(Seq((Task(0), Choice(((0, Task(1)), (1, Task(2)))), Task(3))), order)
    refused(Seq((Task(0), Choice(((0, Task(1)), (1, Task(1)))), Task(3))), order)
    refused(Seq((Task(0), Choice(((0, Task(1)), (1, Seq((Task(2), Task(3)))))))), order)
