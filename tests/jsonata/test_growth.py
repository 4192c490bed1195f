"""How much a text may be given for it to be evaluated without a worker."""

from __future__ import annotations

import marshal
from typing import Any

import pytest

from chalicelib.compiler.expressions import compile_expression
from chalicelib.jsonata.errors import ExpressionError
from chalicelib.jsonata.evaluation import evaluate
from chalicelib.jsonata.growth import MOST_BYTES, most_given

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    ("source", "least"),
    [
        ("$input.n", 3 * MEGABYTE),
        ("$nodes.`1`.output.*.id", 3 * MEGABYTE),
        ("$nodes.a.output.body.name & ' ' & $nodes.b.output.body.surname", MEGABYTE),
        ("$input.total > 100 and $input.vip = true ? 'large' : 'small'", MEGABYTE / 2),
        ("$count($input.items) * 2 - 1", 3 * MEGABYTE),
        ("{'a': $input.a, 'b': [$input.b, $input.c]}", MEGABYTE),
        ("$input.items[0].function", 3 * MEGABYTE),
        ("$input.items^(>price)[0]", MEGABYTE),
        ("$input.n % 2 = 0", 3 * MEGABYTE),
        ("$dateAdd($now(), 3, 'days')", 3 * MEGABYTE),
        ("$input.name ~> $trim() ~> $uppercase()", 3 * MEGABYTE),
        ("$input.items[price > 5].name", 1_000),
        ("$sum($input.lines.(price * quantity))", 600),
        ("$input.lines.{'sku': sku}", 600),
        ("$join($input.lines.name, ', ')", 600),
        ("'Basic ' & $base64encode($input.user & ':' & $input.password)", 600),
        ("$input.lines{sku: $sum(quantity)}", 200),
    ],
)
def test_common_expressions_need_no_worker_for_a_common_input(source: str, least: float) -> None:
    compile_expression(source)
    assert most_given(source) >= least


@pytest.mark.parametrize(
    "source",
    [
        "[1..$input.n]",
        "$input ~> |a|{'b': 1}|",
        "$input ~> $string",
        "($a := $input; [$a, $a])",
        "function($x) { $x }",
        "λ($x) { $x }",
        "$map($input, $string)",
        "$input.**",
        "$input.a.b.%",
        "$input.list@$i.$i",
        "$input.list.$input",
        "$input.f(1)",
        "$pad($input, 9)",
        "$eval($input)",
        "$formatNumber(1, $input)",
        "$reduce($input, $append)",
    ],
)
def test_what_may_make_anything_always_has_a_worker(source: str) -> None:
    assert most_given(source) == 0


@pytest.mark.parametrize(
    ("source", "given"),
    [
        ("[$input, $input, $input, $input, $input, $input, $input, $input]", ["x" * 20_000] * 20),
        ("[$nodes]", {"nodes": [["x" * 20_000] * 20] * 8}),
        ("$input.[$, $]", list(range(200))),
        ("$input[[0, 0, 0, 0]]", ["x" * 1_000]),
        ("$replace($input, 'x', $input)", "x" * 900),
        ("$input.{'a': %}", [1, 2]),
        ("$string([$string([$string([$input])])])", "\\" * 60),
        ("$encodeUrlComponent($encodeUrlComponent($input))", "\U0001f600" * 30),
        ("$split($input, '')", "x" * 1_500),
    ],
)
def test_what_needs_no_worker_makes_no_more_than_is_said(source: str, given: Any) -> None:
    bindings = {"input": given}
    size = len(marshal.dumps((source, bindings), 2))
    if size <= most_given(source):
        assert len(marshal.dumps(_value(source, bindings), 2)) <= MOST_BYTES


def _value(source: str, bindings: Any) -> Any:
    try:
        return evaluate(source, bindings)
    except ExpressionError:
        return None


def test_each_loop_is_a_power_and_each_name_a_factor() -> None:
    assert most_given("$input.(1)") == pytest.approx(MOST_BYTES ** (1 / 2))
    assert most_given("$input.(1).(1)") == pytest.approx(MOST_BYTES ** (1 / 3))
    assert most_given("[$input, $input, $input]") == pytest.approx(MOST_BYTES / 3)
