"""What the sandbox evaluates and where, and that it survives what it kills."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from chalicelib.compiler.expressions import compile_expression
from chalicelib.jsonata.errors import ExpressionError
from chalicelib.jsonata.growth import is_small
from chalicelib.jsonata.sandbox import WORKERS, Sandbox

from .hostile import HOSTILE

BINDINGS: dict[str, Any] = {"input": {"n": 2, "list": [1, "é", None, {"a": 0.5}], "big": 2**53 - 1}, "nodes": {}}
SANDBOX = Sandbox()


@pytest.mark.parametrize(
    "source",
    [
        "$input.n",
        "$nodes.a.output.body.name & ' ' & $nodes.a.output.body.surname",
        "$input.items[price > 5].name",
        "$input.total > 100 and $input.vip = true ? 'large' : 'small'",
        "$count($input.items) * 2 - 1",
        "{'a': $input.a, 'b': [$input.b, $input.c]}",
        "$uppercase($input.name)",
        "$nodes.`1`.output.*.id",
        "$input.items^(>price)[0]",
        "$input.n % 2 = 0",
        "$nodes.function.output",
        "$dateAdd($now(), 3, 'days')",
        "'Basic ' & $base64encode($input.user & ':' & $input.password)",
    ],
)
def test_common_expressions_stay_in_the_process(source: str) -> None:
    compile_expression(source)
    assert is_small(source)


@pytest.mark.parametrize(
    "source",
    [
        "$input.list.$input.list",
        "$input.list.{'a': $input}",
        "$input.list.[$, $]",
        "$input.list.(a)",
        "$input.list{a: $input}",
        "[1..$input.n]",
        "$join($input.list, $input.s)",
        "$input ~> |a|{'b': 1}|",
        "'a' ~> $f",
        "($a := $input; [$a, $a])",
        "function($x) { $x }",
        "λ($x) { $x }",
        "$input.**",
        "$input.a.b.%",
        "$input.list@$i.$i",
        "$map($input.list, $string)",
        "[$input, $input, $input, $input, $input, $input, $input, $input, $input]",
        "$base64encode($base64encode($base64encode($base64encode($input.s))))",
    ],
)
def test_what_may_multiply_is_evaluated_apart(source: str) -> None:
    compile_expression(source)
    assert not is_small(source)


@pytest.mark.parametrize(
    "source",
    [
        "$input",
        "$input.none",
        "[1..3]",
        "$input.list",
        "'😀'",
        "{}",
        "[]",
        "$map($input.list, $string)",
        "1/3",
    ],
)
def test_a_worker_gives_what_the_process_itself_gives(source: str) -> None:
    from chalicelib.jsonata.evaluation import evaluate  # noqa: PLC0415

    assert SANDBOX.evaluate_apart(source, BINDINGS) == evaluate(source, BINDINGS)


def test_a_failure_in_a_worker_has_its_place() -> None:
    with pytest.raises(ExpressionError, match=r"^at character 5: expected a whole number") as caught:
        SANDBOX.evaluate("[1..'a']", BINDINGS)
    assert caught.value.position == 4


@pytest.mark.parametrize("name", ["doubling", "comparing doubled lists", "a large object for each"])
def test_after_one_that_was_killed_the_next_is_evaluated(name: str) -> None:
    with pytest.raises(ExpressionError):
        SANDBOX.evaluate(HOSTILE[name], {"input": {"s": "x" * 200_000}})
    assert SANDBOX.evaluate_apart("$input.n + 1", BINDINGS) == 3


def test_more_threads_than_workers_are_all_served() -> None:
    given: list[Any] = []

    def ask(number: int) -> None:
        given.append(SANDBOX.evaluate_apart("$input + 1", {"input": number}))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(WORKERS * 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == list(range(1, WORKERS * 5 + 1))


def test_a_worker_knows_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.jsonata import sandbox  # noqa: PLC0415

    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    assert "secret" not in str(sandbox._environment())  # noqa: SLF001


def test_a_large_input_goes_through_the_pipe() -> None:
    rows = [{"id": number, "name": f"n{number}"} for number in range(50_000)]
    assert SANDBOX.evaluate_apart("$count($input.rows[id > 10])", {"input": {"rows": rows}}) == 49_989
