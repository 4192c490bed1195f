"""Our functions: what they give, at the edges too, and what they say of what they can't take."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from chalicelib.compiler.expressions import compile_expression
from chalicelib.jsonata.errors import ExpressionError
from chalicelib.jsonata.evaluation import evaluate
from chalicelib.jsonata.functions import FUNCTIONS, OWN

PAGE = (Path(__file__).parents[2] / "docs/expressions.md").read_text()
EXAMPLE = re.compile(r"^\| `(\$\w+\(.*?)` \| `(.+?)` \|", re.MULTILINE)


def value(source: str) -> Any:
    return evaluate(compile_expression(source).source, {})


@pytest.mark.parametrize(("source", "written"), EXAMPLE.findall(PAGE))
def test_each_example_of_the_page_gives_what_it_says(source: str, written: str) -> None:
    assert value(source) == json.loads(written)
    assert compile_expression(source).names.wrong_calls == ()


def test_the_page_has_an_example_of_each_function_with_one_answer() -> None:
    shown = {name for source, _ in EXAMPLE.findall(PAGE) for name in re.findall(r"\$(\w+)\(", source)}
    assert shown >= OWN.keys() - {"uuid", "random"}
    assert all(f"`${name}(" in PAGE for name in OWN)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$dateAdd('2030-03-30T12:00:00+01:00', 1, 'days', 'Europe/Berlin')", "2030-03-31T12:00:00.000+02:00"),
        ("$dateAdd('2030-03-30T12:00:00+01:00', 24, 'hours', 'Europe/Berlin')", "2030-03-31T13:00:00.000+02:00"),
        ("$dateAdd('2030-03-30T02:30:00', 1, 'days', 'Europe/Berlin')", "2030-03-31T03:30:00.000+02:00"),
        ("$dateAdd('2028-02-29', 1, 'years')", "2029-02-28T00:00:00.000Z"),
        ("$dateAdd('2030-01-15', -13, 'months')", "2028-12-15T00:00:00.000Z"),
        ("$dateAdd(0, 0.5, 'hours')", "1970-01-01T00:30:00.000Z"),
        ("$dateAdd(none, 1, 'days')", None),
        ("$dateDiff('2030-01-31', '2030-02-28', 'months')", 1),
        ("$dateDiff('2030-02-28', '2030-01-31', 'months')", -1),
        ("$dateDiff('2030-01-31', '2030-02-27', 'months')", 0),
        ("$dateDiff('2030-01-31', '2031-01-31', 'years')", 1),
        ("$dateDiff('2030-03-30T12:00', '2030-03-31T12:00', 'days', 'Europe/Berlin')", 1),
        ("$dateDiff('2030-03-30T12:00', '2030-03-31T12:00', 'hours', 'Europe/Berlin')", 23),
        ("$dateDiff('2030-01-02', '2030-01-01T12:30', 'hours')", -11),
        ("$dateTruncate('2030-10-27T02:30:00+01:00', 'hours', 'Europe/Berlin')", "2030-10-27T02:00:00.000+01:00"),
        ("$dateTruncate('2030-10-27T02:30:00+01:00', 'days', 'Europe/Berlin')", "2030-10-27T00:00:00.000+02:00"),
        ("$dateTruncate('2030-01-31T08:00:01.5', 'milliseconds')", "2030-01-31T08:00:01.500Z"),
        ("$dateTruncate('2030-01-01', 'weeks')", "2029-12-31T00:00:00.000Z"),
        ("$dateFormat('2030-01-05T00:05:09.07Z', \"EEE d.M.yyyy 'h' h m s SSS a\")", "Sat 5.1.2030 h 12 5 9 070 AM"),
        ("$dateParse('5 January 2030, 3 PM', 'd MMMM yyyy, h a')", "2030-01-05T15:00:00.000Z"),
        ("$dateParse('31.01.2030 08:00 +0100', 'dd.MM.yyyy HH:mm ZZ')", "2030-01-31T07:00:00.000Z"),
        ("$dateParse('2030-01-31', 'yyyy-MM-dd', 'Asia/Kolkata')", "2030-01-31T00:00:00.000+05:30"),
        ("$hash('')", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("$parseJson($toJson({'a': [1, null, 'é\"']}))", {"a": [1, None, 'é"']}),
        ("$base64urlDecode($base64urlEncode('ä?>~'))", "ä?>~"),
        ("$base64urlDecode('YQ==')", "a"),
        ("$map(['2030-01-31', '2030-02-01'], function($day) { $dateFormat($day, 'd.M.') })", ["31.1.", "1.2."]),
        ("'x' ~> $hash('md5')", "9dd4e461268c8034f5c8564e155c67a6"),
    ],
)  # fmt: skip
def test_functions_give_their_value(source: str, expected: Any) -> None:
    assert value(source) == expected


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("$dateAdd('secret', 1, 'days')", "the time must be ISO 8601"),
        ("$dateAdd(true, 1, 'days')", "the time must be an ISO 8601 text or milliseconds"),
        ("$dateAdd('2030-01-31', 1, 'secret')", "the unit must be one of milliseconds, seconds"),
        ("$dateAdd('2030-01-31', 1, 'days', 'secret')", "the zone must be an IANA name"),
        ("$dateAdd('2030-01-31', 1, 'days', '../../etc/passwd')", "the zone must be an IANA name"),
        ("$dateAdd('2030-01-31', 1.5, 'months')", "the number of months must be a whole one"),
        ("$dateAdd('2030-01-31', 1e9, 'years')", "outside the years 1 to 9999"),
        ("$dateAdd('2030-01-31', 1e300, 'seconds')", "outside the years 1 to 9999"),
        ("$dateAdd(1e300, 1, 'days')", "outside the years 1 to 9999"),
        ("$dateFormat('2030-01-31', 'secret')", "a letter that means nothing"),
        ("$dateFormat('2030-01-31', 5)", "the form of a date must be a text"),
        ("$dateParse('secret', 'yyyy')", "the text has not the form"),
        ("$dateParse('2030 2030', 'yyyy yyyy')", "the text has not the form"),
        ("$hash('x', 'secret')", "the algorithm must be one of md5, sha1"),
        ("$hash(5)", "it takes a text"),
        ("$hmac('x', none)", "it takes a text"),
        ("$hmac('x', 'secret', 'sha256', 'secret')", "the encoding must be one of hex"),
        ("$parseJson('secret')", "the text is not JSON"),
        ("$parseJson('[NaN]')", "the text is not JSON"),
        ("$toJson(1/0)", "a number in the value is infinite; was something divided by zero?"),
        ("$toJson({'secret': [-1/0]})", "a number in the value is infinite"),
        ("$base64urlDecode('!secret')", "the text is not base64url"),
        ("$map([1], $dateAdd)", "an argument is of the wrong kind|the unit must be"),
    ],
)
def test_what_a_function_can_not_take_is_told_without_the_value(source: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        value(source)
    assert re.search(reason, str(caught.value))
    assert "secret" not in str(caught.value)


def test_ids_and_random_numbers_differ_each_time() -> None:
    assert len(set(value("[$uuid(), $uuid(), $uuid()]"))) == 3
    assert uuid.UUID(value("$uuid()")).version == 4
    numbers = value("[$random(), $random(), $random()]")
    assert len(set(numbers)) == 3
    assert all(0 <= number < 1 for number in numbers)


def test_no_function_of_ours_hides_one_that_can_not_be_replaced() -> None:
    assert {name for name, function in OWN.items() if function.overrides} == {"random"}
    assert "eval" not in FUNCTIONS
