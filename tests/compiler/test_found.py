"""What is wrong today: each test says what should be true."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.compiler.expressions import ExpressionError, compile_expression
from chalicelib.compiler.order import nest

from .strategies import closure
from .test_order import structural
from .test_validate import graph, node, parse


def test_a_series_parallel_order_of_any_depth_is_said_exactly() -> None:
    """Past eight levels what could run at the same time waits, and nobody is told when the user saves."""
    order = [frozenset[int]()]
    for spine in range(0, 40, 2):
        order += [frozenset({spine}), frozenset({spine})]
    assert structural(nest(order)) == closure(order)


def evaluate(source: str) -> Any:
    return compile_expression(source).evaluate({})


def test_replacing_is_bounded_like_padding() -> None:
    """Two texts of 10,000 characters make one of 100 million; ten times as long, the process is aborted."""
    with pytest.raises(ExpressionError):
        evaluate('$length($replace($pad("", 9999, "a"), "a", $pad("", 9999, "b")))')


def test_joining_is_bounded_like_padding() -> None:
    with pytest.raises(ExpressionError):
        evaluate('$length($join($split($pad("", 9999, "a"), ""), $pad("", 9999, "b")))')


@pytest.mark.parametrize("source", ["[1 / 0]", "{'a': 1 / 0}"])
def test_a_division_by_zero_inside_a_value_is_an_error_too(source: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(source)


@pytest.mark.parametrize("source", ["$pad(1, 2)", "$pad('x', 'a')", "$pad('x')", "$pad('x', 1e9)"])
def test_a_wrong_pad_is_told_in_jsonatas_words(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(source)
    assert not any(word in str(caught.value) for word in ("host function", "TypeError", "ValueError", "_pad"))


def test_padding_nothing_gives_nothing_as_in_jsonata() -> None:
    assert evaluate("$pad(none, 3)") is None


def test_an_id_escaped_as_two_surrogates_is_the_character_they_mean() -> None:
    definition = graph(node("😀"), node("b", config={"value": '{% $nodes."\\ud83d\\ude00".output %}'}))
    definition["edges"] = [{"id": "e", "source": "😀", "target": "b"}]
    assert parse(definition)
