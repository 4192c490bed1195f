"""The names that an expression uses, and the limits that every evaluation keeps."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.compiler.expressions import NodeReference, compile_expression
from chalicelib.jsonata.errors import ExpressionError
from chalicelib.jsonata.sandbox import Sandbox

BINDINGS = {
    "input": {"name": "Ada", "items": [1, 2], "big": 2**53 - 1},
    "nodes": {"a-b": {"output": {"x": 7}, "status": "succeeded", "error": None}},
    "run": {"id": "r1"},
}

SANDBOX = Sandbox()


def evaluate(source: str) -> Any:
    return SANDBOX.evaluate(compile_expression(source).source, BINDINGS)


@pytest.mark.parametrize(
    ("source", "references"),
    [
        ("$nodes.a.output", [("a", "output")]),
        ("$nodes.a.output.nodes.b", [("a", "output")]),
        ("$nodes . a . status", [("a", "status")]),
        ("$nodes./* why */a.error", [("a", "error")]),
        ("$nodes.`a-b`.output", [("a-b", "output")]),
        ('$nodes."a b".output', [("a b", "output")]),
        ("$nodes.'a b'.`output`", [("a b", "output")]),
        ("$nodes.é.output", [("é", "output")]),
        ("$nodes.__proto__.output", [("__proto__", "output")]),
        ("$nodes.and.output", [("and", "output")]),
        ("$nodes.a", [("a", None)]),
        ("$nodes.a.(output)", [("a", None)]),
        ("$nodes.a[0].output", [("a", None)]),
        ("$nodes.a.body", [("a", "body")]),
        ("$nodes.a.output[$nodes.b.status = 'x']", [("a", "output"), ("b", "status")]),
        ("$nodes.a.output / 2 / $nodes.b.output", [("a", "output"), ("b", "output")]),
        ("(1) / $nodes.a.output / 2", [("a", "output")]),
        ('$match("x", /"/).match & $nodes.a.output', [("a", "output")]),
        ("$match('x', /$nodes.a.output/)", []),
        ("[1, 2][/x'/] & $nodes.a.output", [("a", "output")]),
        ("'$nodes.a.output' & \"$nodes.b.output\"", []),
        ("/* $nodes.a.output */ 1", []),
        ("$input.nodes.a.output", []),
    ],
)
def test_references_are_found(source: str, references: list[tuple[str, str | None]]) -> None:
    names = compile_expression(source).names
    assert names.references == tuple(NodeReference(*found) for found in references)
    assert not names.all_nodes


@pytest.mark.parametrize(
    "source",
    ["$nodes", '$nodes["a"]', "$nodes.*.output", "$lookup($nodes, 'a')", "$nodes.(a)", "$nodes.**", "$keys($nodes)"],
)
def test_nodes_taken_whole_are_seen(source: str) -> None:
    names = compile_expression(source).names
    assert names.all_nodes
    assert names.references == ()


@pytest.mark.parametrize(
    ("source", "variables", "functions"),
    [
        ("$inptu", ["inptu"], []),
        ("$x + $y", ["x", "y"], []),
        ("$x()", [], ["x"]),
        ("'a' ~> $shout", ["shout"], []),
        ("$map([1], $eval)", ["eval"], []),
        ("($f := $eval; $f('1'))", ["eval"], []),
        ("$input ~> |$|{'b': $c}|", ["c"], []),
        ("$sum([1]) & $input.x & $run.id & $$.x & $.x", [], []),
        ("'a' ~> $uppercase", [], []),
        ("($x := 1; $x)", [], []),
        ("function($x, $y) { $x / $y }", [], []),
        ("λ($x) { $x }", [], []),
        ("items#$i.$i", [], []),
        ("items@$i.$i", [], []),
        ("($f := function($n) { $n <= 0 ? 0 : $f($n - 1) }; $f(3))", [], []),
        ("'$x' & \"$x\" & `$x` /* $x */", [], []),
    ],
)
def test_unknown_names_are_found(source: str, variables: list[str], functions: list[str]) -> None:
    names = compile_expression(source).names
    assert list(names.unknown_variables) == variables
    assert list(names.unknown_functions) == functions


@pytest.mark.parametrize("source", ["", " \n", "(", "1 +", '"open', "/* open", "$nodes.true", "a b", "(" * 100_000])
def test_what_does_not_parse_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError):
        compile_expression(source)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$input.name & '!'", "Ada!"),
        ("$sum($input.items)", 3),
        ("$nodes.`a-b`.output.x", 7),
        ("$run.id", "r1"),
        ("$input.none", None),
        ("$input.big", 2**53 - 1),
        ("[1..3]", [1, 2, 3]),
        ("{'a': $input.none}", {}),
    ],
)
def test_an_expression_gives_its_value_and_type(source: str, value: Any) -> None:
    assert evaluate(source) == value


@pytest.mark.parametrize(
    "source",
    [
        "($f := function($x) { $f($x) + 1 }; $f(1))",
        "($f := function($x) { $f($x) }; $f(1))",
        "[1..10000000]",
        "[1..1000000000000]",
        "($f := function($s) { $f($s & $s) }; $f('xxxxxxxx'))",
        "$map([1..99999], function($i) { [1..99999] })",
    ],
)
def test_an_evaluation_without_end_or_bound_is_ended(source: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(source)


@pytest.mark.parametrize("source", ["$error('no')", "$input.name + 1", "$toMillis('x')", "$power(10, 400)"])
def test_an_evaluation_that_fails_says_so(source: str) -> None:
    with pytest.raises(ExpressionError, match=r"^at character \d+: "):
        evaluate(source)


def test_deep_but_bounded_recursion_is_allowed() -> None:
    assert evaluate("($f := function($n) { $n <= 0 ? 0 : $f($n - 1) + 1 }; $f(40))") == 40


@pytest.mark.parametrize(
    ("source", "item"),
    [
        ("$item.x", True),
        ("$index + 1", True),
        ("$input.item", False),
        ("($item := 1; $item)", False),
        ("'$item'", False),
    ],
)
def test_taking_the_item_of_a_container_is_seen(source: str, item: bool) -> None:
    names = compile_expression(source).names
    assert names.free_item is item
    assert names.unknown_variables == ()
