"""Traps that drawn graphs hold for a compiler, from odd names to bottomless nesting."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.compiler.expressions import compile_expression
from chalicelib.compiler.problems import InvalidGraphError
from chalicelib.jsonata.errors import ExpressionError
from chalicelib.jsonata.evaluation import evaluate as evaluated
from chalicelib.jsonata.functions import FUNCTIONS
from chalicelib.node_contract import HttpResponse, NodeFailure, Result
from tests.nodes.fakes import FakeHttp, refused, run

from .strategies import drawn, parsed
from .test_asl import compiled
from .test_units import held_back, paused
from .test_validate import graph, node, problem, problems, value


def test_a_long_row_of_branches_compiles() -> None:
    """250 requests in a row, each with a request beside the next: nested so deep that writing the JSON fails."""
    links = [(n, n + 1, 0) for n in range(0, 499, 2)] + [(n, n + 2, 0) for n in range(0, 498, 2)]
    assert json.loads(compiled(drawn(["io"] * 500, links)).definition)


def test_problems_of_a_small_graph_are_small() -> None:
    """One long list of cases is told again for each of its edges: a graph of 1 MiB becomes gigabytes."""
    cases = [f"{'x' * 2_000}{number}" for number in range(100)]
    edges = [f"a:{number}>b" for number in range(200)]
    definition = graph(node("a", "switch", {"value": 1, "cases": cases}), node("b"), edges=edges)
    told = sum(len(found.message) for found in problems(definition))
    assert told < 10 * len(json.dumps(definition))


def test_every_function_that_is_accepted_exists() -> None:
    missing = []
    for name in sorted(FUNCTIONS):
        try:
            evaluate(f"${name}()")
        except ExpressionError as error:
            missing += [name] if "not a function" in str(error) else []
    assert missing == []


def test_a_division_by_zero_is_an_error_as_in_jsonata() -> None:
    with pytest.raises(ExpressionError):
        evaluate("1 / 0")


def test_a_field_named_function_hides_no_unknown_name() -> None:
    assert problem(graph(value("{% ($input.function & $inptu) %}"))).code == "unknown_variable"


def test_a_node_named_function_hides_no_other_reference() -> None:
    """The runner gives `$nodes` what the names say, so `a` would silently be nothing."""
    names = compile_expression("($nodes.function.output & $nodes.a.output)").names
    assert [reference.node_id for reference in names.references] == ["function", "a"]


def test_a_local_name_is_local() -> None:
    expression = "{% ($f := function($nodes) { $nodes }; $f(1)) & $nodes.gone.output %}"
    assert problem(graph(value(expression))).code == "bad_reference"


def test_an_escaped_node_id_is_the_id_that_it_means() -> None:
    definition = graph(node('a"b'), value('{% $nodes."a\\"b".output %}'))
    definition["edges"] = [{"id": "e", "source": 'a"b', "target": "b"}]
    assert parsed(definition)


@pytest.mark.parametrize("expression", ["$input.x", "true", "x {% true %}", 1, None, []])
def test_a_condition_that_can_never_be_true_or_false_is_refused_on_save(expression: Any) -> None:
    assert refused("condition", {"expression": expression}) == {"expression"}


def test_a_case_that_is_an_expression_is_refused() -> None:
    """Its handle is drawn by the text, and chosen by the value: the edge would never be live."""
    assert refused("switch", {"value": 1, "cases": ['{% "a" %}']}) == {"cases"}


@pytest.mark.parametrize("codes", [[], ["299-200"]])
def test_success_codes_that_nothing_matches_are_refused(codes: list[str]) -> None:
    assert refused("http_request", {"url": "https://example.com", "success_codes": codes}) == {"success_codes"}


@pytest.mark.parametrize("url", ["https://[::1", "https://example.com:99999/", "https://a b/"])
def test_a_url_that_can_not_be_read_is_refused(url: str) -> None:
    assert refused("http_request", {"url": url}) == {"url"}


def test_an_evaluated_url_that_can_not_be_read_is_refused() -> None:
    """A ValueError in a node would be a dead worker to Step Functions: six more calls, and the platform blamed."""
    with pytest.raises(NodeFailure) as caught:
        run("http_request", {"url": "https://[::1", "query": {"a": 1}})
    assert caught.value.code == "bad_url"


def test_an_evaluated_time_that_looks_like_an_expression_is_refused() -> None:
    """The input decides what it becomes; unrefused, it is a ValueError in the runner."""
    assert refused("wait", {"until": "{% later"}, evaluated=True) == {"until"}
    with pytest.raises(NodeFailure, match="must be a URL"):
        run("http_request", {"url": "{%"})
    assert refused("http_request", {"url": "https://x.y", "method": "{%"}, evaluated=True) == {"method"}


def test_a_time_before_the_first_year_in_utc_is_refused() -> None:
    """`astimezone` overflows when the runner writes it for Step Functions."""
    assert refused("wait", {"until": "0001-01-01T00:00:00+14:00"}) == {"until"}


def body_of(body: bytes, content_type: str) -> Any:
    answer = HttpResponse(200, {"content-type": content_type}, body)
    result = run("http_request", {"url": "https://example.com"}, FakeHttp(answer))
    assert isinstance(result, Result)
    return result.output["body"]


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b'{"a": 1}', "Application/JSON", {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', "application/json", {"a": 1}),
        (b"\xe9", "text/plain; charset=iso-8859-1", "é"),
    ],
)
def test_an_answer_is_read_as_its_content_type_says(body: bytes, content_type: str, expected: Any) -> None:
    assert body_of(body, content_type) == expected


@pytest.mark.parametrize("key", ["max_attempts", "interval_seconds", "backoff_rate", "jitter"])
def test_a_retry_setting_that_is_null_is_the_default(key: str) -> None:
    assert parsed(graph(node("a", retry={key: None})))


def test_parts_of_a_graph_that_are_null_are_absent() -> None:
    definition = graph({"id": "a", "type": "trigger", "data": None})
    assert parsed(definition | {"viewport": None, "settings": None})


def test_a_typo_in_a_retry_gets_a_guess() -> None:
    assert 'did you mean "max_attempts"?' in problem(graph(node("a", retry={"max_atempts": 2}))).message


@pytest.mark.parametrize("jitter", [1, "yes", "off"])
def test_jitter_is_true_or_false(jitter: Any) -> None:
    assert problem(graph(node("a", retry={"jitter": jitter}))).code == "bad_retry"


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        ({"url": "https://x.y", "success_codes": [99]}, "100"),
        ({"url": "https://x.y", "success_codes": ["9xx"]}, "2xx"),
        ({"url": "https://x.y", "headers": {"a": {}}}, "headers.a"),
        ([], "object"),
    ],
)
def test_a_bad_config_is_told_in_the_users_words(config: Any, setting: str) -> None:
    message = problem(graph(node("a", "http_request", config))).message
    assert setting in message
    assert "dictionary" not in message
    assert "pattern" not in message
    assert "boolean" not in message


def test_one_problem_is_not_several() -> None:
    with pytest.raises(InvalidGraphError, match=r"^1 problem[^s]"):
        parsed(graph(node("a", "nope")))


def test_a_node_beside_a_request_does_not_wait_for_it() -> None:
    """A fail node drawn beside a request runs after it: in its unit, what is not below the anchor can go first."""
    found = parsed(drawn(["wait", "io", "fail"], [(0, 1, 0), (0, 2, 0)]))
    slow = paused(found) | {item.id for item in found.nodes.values() if item.is_anchor}
    assert held_back(found, slow)["n2"] == {"n0"}


def evaluate(source: str) -> Any:
    return evaluated(source, {})


@pytest.mark.parametrize("source", ["[1 / 0]", "{'a': 1 / 0}"])
def test_a_division_by_zero_inside_a_value_is_an_error_too(source: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(source)


@pytest.mark.parametrize("source", ["$pad(1, 2)", "$pad('x', 'a')", "$pad('x')"])
def test_a_wrong_pad_is_told_in_jsonatas_words(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(source)
    assert not any(word in str(caught.value) for word in ("host function", "TypeError", "ValueError", "_pad"))


def test_padding_nothing_gives_nothing_as_in_jsonata() -> None:
    assert evaluate("$pad(none, 3)") is None


def test_an_id_escaped_as_two_surrogates_is_the_character_they_mean() -> None:
    definition = graph(node("😀"), node("b", config={"value": '{% $nodes."\\ud83d\\ude00".output %}'}))
    definition["edges"] = [{"id": "e", "source": "😀", "target": "b"}]
    assert parsed(definition)
