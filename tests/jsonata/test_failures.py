"""What a failing expression says: where, what was expected, what kind of value was found, and never the value."""

from __future__ import annotations

from traceback import walk_tb
from typing import Any

import pytest

from chalicelib.compiler.expressions import compile_expression
from chalicelib.jsonata.errors import ExpressionError
from chalicelib.jsonata.evaluation import evaluate

SECRET = "hunter2"
SIDES = 'the sides of "{}" must be two numbers or two texts'
BINDINGS: dict[str, Any] = {
    "input": {"secret": SECRET, "n": 5, "items": [{"a": 1}, {"a": SECRET}], "list": [1, 2]},
    "nodes": {},
    "run": {},
}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("$input.secret + 1", 'at character 1: the left side of "+" must be a number, found a text'),
        ("1 + $input.secret * 2", 'at character 5: the left side of "*" must be a number, found a text'),
        ("1 + ($input.n * $input.secret) - 2", 'at character 17: the right side of "*" must be a number, found a text'),
        ("$input.n - -$input.n + $input.list", 'at character 24: the right side of "+" must be a number, found a list'),
        ("1 +\n  $input.secret", 'at line 2, character 3: the right side of "+" must be a number, found a text'),
        ("$input.items.(a + 1)", 'at character 15: the left side of "+" must be a number, found a text'),
        (
            "$map($input.items, function($i) { $i.a + 1 })",
            'at character 35: the left side of "+" must be a number, found a text',
        ),
        ("$input.items[a > 0]", f'at character 16: {SIDES.format(">")}, found a text and a number'),
        ("true < 1", f'at character 6: {SIDES.format("<")}, found true or false and a number'),
        ("[1..$input.secret]", 'at character 5: the right side of ".." must be a whole number, found a text'),
        ("[1.5..3]", 'at character 2: the left side of ".." must be a whole number, found a number'),
        ("$uppercase($trim($input.n))", "at character 18: argument 1 of $trim must be a text, found a number"),
        (
            "$substring($input.secret, $input.secret)",
            "at character 27: argument 2 of $substring must be a number, found a text",
        ),
        ("$sum($input.items.a)", "at character 6: argument 1 of $sum must be a list of numbers, found a list"),
        ("$input.n ~> $uppercase", "at character 1: argument 1 of $uppercase must be a text, found a number"),
        ("$input.list.($uppercase())", "at character 14: the context of $uppercase must be a text"),
        (
            "($count([1]); 'a' ~> $sum())",
            "at character 15: argument 1 of $sum must be a list of numbers, found a text",
        ),
        ("($count([1]); {$input.n: 1})", "a key of an object must be a text"),
        ("- -$input.secret", 'at character 4: the operand of "-" must be a number, found a text'),
        ("$map([1], 2)", "at character 11: argument 2 of $map must be a function, found a number"),
        ("($f := $input.n; $f(1))", "at character 18: $f: what is called here is not a function"),
        (
            "1 + $dateAdd($input.secret, 1, 'days')",
            "at character 5: $dateAdd: the time must be ISO 8601, such as 2030-01-31T08:00:00Z",
        ),
        ("$power(10, 400)", "at character 1: $power: the power is no number that JSON can say"),
        ("$error('no stock')", "at character 1: no stock"),
        ("$assert(1 = 2, 'no stock')", "at character 1: no stock"),
        ("-$input.secret", 'at character 2: the operand of "-" must be a number, found a text'),
        ("1 / 0", "a number in the result is infinite; was something divided by zero?"),
        ("($f := function($n) { 1 + $f($n) }; $f(1))", "it calls itself too deep: at most 200 levels are allowed"),
        ("{$input.n: 1}", "a key of an object must be a text"),
    ],
)  # fmt: skip
def test_a_failure_says_where_and_what_was_found(source: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(compile_expression(source).source, BINDINGS)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "source",
    [
        "{$input.secret: 1, $input.secret: 2}",
        "$toMillis($input.secret)",
        "$number($input.secret)",
        "$formatNumber(1, $input.secret)",
        "$lookup($input.secret, $input.secret)",
        "$parseInteger('x', $input.secret)",
        "$fromMillis(0, $input.secret & '[')",
        "$formatBase(1, 99)",
        "$base64decode($input.secret)",
        "$decodeUrl('%' & $input.secret)",
        "$input.secret()",
        "$input.secret ~> $input.secret",
        "$sort([1, $input.secret])",
        "$input.items^(a)",
        "[$input.secret] ~> $sum()",
        "$max([$input.secret])",
        "$single([$input.secret, $input.secret])",
        "$input ~> |items|$input.secret|",
    ],
)
def test_no_value_reaches_a_message(source: str) -> None:
    assert SECRET not in told(source)


def told(source: str) -> str:
    try:
        return str(evaluate(source, BINDINGS) and "")
    except ExpressionError as error:
        return str(error)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "the expression is empty"),
        ("(", 'at character 1: the "(" that begins here is not closed'),
        ("[1, {'a': 2}", 'at character 1: the "[" that begins here is not closed'),
        ("1 +", "at character 4: the expression ends where a value was expected"),
        ("a b", 'at character 3: "b" does not fit here'),
        ("\n\n$foo(]", 'at line 3, character 6: a value was expected, found "]"'),
        ("$nodes.true", 'at character 8: "true" can\'t be a step of a path'),
        ('1 & "open', "at character 5: the text that begins here is not closed"),
        ("1 & '/*' /* open", "at character 10: the comment that begins here is not closed"),
        ("{'a' 1}", 'at character 6: "1" does not fit here'),
        ("1 + " + "9" * 400, "at character 5: this number is too large"),
        ("$match('a', /(/)", "at character 13: this is no regular expression that can be used"),
        ("(" * 2_000, "the expression is nested too deep, or has too many parts in a row"),
    ],
)
def test_a_text_that_does_not_parse_says_where(source: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(source)
    assert str(caught.value) == message


@pytest.mark.parametrize("source", ["$input.n + $input.secret", "$contains('', /(/)", "$hash($input.n)"])
def test_a_failure_keeps_nothing_of_its_evaluation_that_another_thread_would_drop(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(compile_expression(source).source, BINDINGS)
    chain: BaseException | None = caught.value
    while chain:
        frames = [frame for frame, _ in walk_tb(chain.__traceback__)]
        assert not any("jsonatapy" in frame.f_code.co_filename for frame in frames)
        chain = chain.__context__
