"""Expressions that would take a process down: some ran for minutes, some took gigabytes, some aborted it."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

TEXT = "x" * 200_000
ORDINARY = {"s": TEXT, "list": list(range(300)), "deep": {"a": {"b": [1]}}}


def _times(of: str, what: str, times: int) -> str:
    return f"($f := function($x, $n) {{ $n = 0 ? $x : $f({of}, $n - 1) }}; {what}$f('xxxxxxxx', {times}))"


def _nested(function: str, times: int) -> str:
    return f"${function}(" * times + "$input.s" + ")" * times


HOSTILE = {
    # recursion
    "endless": "($f := function($x) { $f($x) }; $f(1))",
    "endless and growing": "($f := function($s) { $f($s & $s) }; $f('xxxxxxxx'))",
    "not a tail call": "($f := function($x) { 1 + $f($x) }; $f(1))",
    "mutual": "($g := function($x) { $f($x) }; $f := function($x) { $g($x) }; $f(1))",
    "mutual, not a tail call": "($g := function($x) { 1 + $f($x) }; $f := function($x) { 1 + $g($x) }; $f(1))",
    # texts
    "doubling": _times("$x & $x", "", 40),
    "doubling by assignments": "($a := $input.s;" + "$a := $a & $a;" * 40 + "$a)",
    "doubling by a chain": "($d := function($s) { $s & $s };" + "$d := $d ~> $d;" * 8 + "$d('x'))",
    "joining": "$join([1..50000].$input.s)",
    "a long separator": "$join($split($input.s, ''), $input.s)",
    "replacing": "$replace($input.s, 'x', $input.s)",
    "padding": "$pad('', 1e12)",
    "padding a little less": "$pad('', 3e8)",
    "splitting": "$map([1..1000], function($i) { $split($input.s, '') })",
    "encoding": _nested("base64encode", 60),
    "escaping": "($a := [$input.s];" + "$a := $string([$a, $a]);" * 30 + "$a)",
    "reducing to a text": "$reduce([1..99999], function($a, $b) { $a & $input.s }, '')",
    # lists and objects
    "a range": "[1..10000000]",
    "a range beyond numbers": "[1..1000000000000000]",
    "a cross product": "[1..1000].[1..1000]",
    "a map in a map": "$map([1..99999], function($i) { $map([1..99999], function($j) { $i }) })",
    "the input for each": "[1..99999].$input",
    "a large object for each": "[1..99999].{'a': $input.s}",
    "doubling lists": _times("[[$x], [$x]]", "", 30),
    "doubling objects": _times("{'a': $x, 'b': $x}", "", 30),
    "the text of doubled lists": "$length($string(" + _times("[[$x], [$x]]", "", 30) + "))",
    "comparing doubled lists": "(" + _times("[[$x], [$x]]", "", 28) + " = " + _times("[[$x], [$x]]", "", 28) + ")",
    "appending": "$reduce([1..20000], function($a, $b) { $append($a, [$a, $b]) }, [])",
    "merging": "$reduce([1..40], function($a, $b) { $merge([$a, {$string($b): $a}]) }, {'a': 1})",
    "spreading": "$spread([1..99999].{'a': 1, 'b': $input})",
    "grouping": "[1..99999]{$string($): [1..99999]}",
    "joining lists": "$input.list@$a.$input.list@$b.$input.list@$c.{'a': $a, 'b': $b, 'c': $c}",
    "paths": "$input.list.$input.list.$input.list.$input.list",
    "doubling by steps": "[1]" + ".[$, $]" * 40,
    "everything below everything": "$input.**.**.**.**.**.**",
    "distinct": "$distinct([1..99999])",
    "sorting without an order": "$sort([1..99999], function($a, $b) { $random() > 0.5 })",
    "the first item as often as it is named": "$input.list" + "[[0,0,0,0,0,0,0,0]]" * 10,
    "the whole input as often as it is named": "[$input]" + "[[0,0,0,0,0,0,0,0]]" * 5,
    "a result that is nested too deep": _times("{'a': $x}", "", 20_000),
    "filtering by a list": "[1..99999][$count([1..99999]) > 0]",
    # numbers and pictures
    "a power": "$power(10, 10000)",
    "a picture": f"$formatNumber(1, '{'0' * 19_000}')",
    "a picture of a date": f"$fromMillis(0, '{'[Y0001,*-90000]' * 1_000}')",
    "a roman number": "$formatInteger(1e15, 'I')",
    "a large number in words": "$formatInteger(1e300, 'w')",
    # regular expressions
    "backtracking": "$match($input.s, /(x+x+)+y/)",
    "a large regular expression": "$match($input.s, /((x{100}){100}){100}/)",
    "alternatives": f"$replace($input.s, /{'(x*)*' * 2_000}y/, 'y')",
    # the text itself
    "parentheses": "(" * 9_000 + "1" + ")" * 9_000,
    "brackets": "[" * 9_000 + "]" * 9_000,
    "objects": "{'a':" * 3_000 + "1" + "}" * 3_000,
    "signs": "-" * 19_000 + "1",
    "functions": "function($x){" * 1_300 + "1" + "}" * 1_300,
    "a sum": "1" + "+1" * 9_000,
    "a path": "a" + ".a" * 9_000,
    "filters": "a" + "[0]" * 6_000,
    "conditions": "1?" * 6_000 + "1",
    "a long chain": "1" + "~>$f" * 4_000,
    "a long number": "1" * 19_000,
    "a long text": f"'{'x' * 19_900}'",
}

LARGE: dict[str, tuple[str, Callable[[], Any]]] = {
    "many empty lists, eight times": (f"[{', '.join(['$input'] * 8)}]", lambda: [[] for _ in range(400_000)]),
    "many empty objects for each": ("$input.$count($input)", lambda: [{} for _ in range(400_000)]),
    "deep lists, as a text with indents": (
        "$string($input, true)",
        lambda: [reduce(lambda inside, _: [inside], range(90), 1) for _ in range(10_000)],
    ),
    "signs that are escaped again and again": (
        "$string([$string([$string([$string([$string([$input])])])])])",
        lambda: "\\" * 4_000_000,
    ),
    "signs that are encoded again and again": (
        _nested("encodeUrlComponent", 9),
        lambda: {"s": "\U0001f600" * 400_000},
    ),
    "distinct numbers": ("$distinct($input)", lambda: list(range(90_000))),
    "splitting a long text": ("$split($input, '')", lambda: "x" * 6_000_000),
}
"""Expressions that are harmless on little; their input is made when it is asked for."""

NAMES = (*HOSTILE, *LARGE)


def case(name: str) -> tuple[str, Any]:
    """An expression and its input."""
    if name in HOSTILE:
        return HOSTILE[name], ORDINARY
    source, given = LARGE[name]
    return source, given()
