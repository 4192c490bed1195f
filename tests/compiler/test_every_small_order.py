"""Every order of up to six vertices is nested exactly, with gates only where nesting can't say it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations
from random import Random

import pytest

from chalicelib.compiler.blocks import gates, tasks
from chalicelib.compiler.order import nest
from chalicelib.compiler.verify import verify

from .strategies import closure
from .test_order import structural

Order = list[frozenset[int]]
SAMPLE, SEED = 3_000, 6


def orders(size: int) -> Iterator[Order]:
    """All relations on vertices that are numbered topologically."""
    pairs = list(combinations(range(size), 2))
    for chosen in range(1 << len(pairs)):
        links = [pair for index, pair in enumerate(pairs) if chosen >> index & 1]
        yield [frozenset(low for low, high in links if high == vertex) for vertex in range(size)]


def is_series_parallel(order: Order) -> bool:
    """Whether no four vertices form the letter N, and nothing else, in the closure of the order."""
    pairs = closure(order)
    related = pairs | {(high, low) for low, high in pairs}
    letters = (
        {(a, c), (b, c), (b, d)} <= pairs and not {(a, b), (a, d), (c, d)} & related
        for a, b, c, d in permutations(range(len(order)), 4)
        if (b, c) in pairs
    )
    return not any(letters)


def check(order: Order) -> None:
    """A gate is there if and only if the order is not series-parallel."""
    block = nest(order)
    assert sorted(tasks(block)) == list(range(len(order)))
    assert structural(block) == closure(order)
    verify(block, order)
    assert is_series_parallel(order) == (not any(gates(block))), order


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_every_order_is_nested_exactly(size: int) -> None:
    for order in orders(size):
        check(order)


def test_orders_of_six_are_nested_exactly(pytestconfig: pytest.Config) -> None:
    found = list(orders(6))
    for order in found if pytestconfig.getoption("--all") else Random(SEED).sample(found, SAMPLE):
        check(order)
