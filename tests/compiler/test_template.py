"""Configs with expressions in them: where they are found, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.compiler.template import Template, TemplateError, as_text, compile_template
from chalicelib.jsonata.evaluation import evaluate

BINDINGS = {"input": {"n": 2, "s": "x", "list": [1, "a"], "yes": True, "half": 0.5}, "nodes": {}, "run": {}}


def compiled(value: Any) -> Template:
    broken: list[TemplateError] = []
    template = compile_template(value, broken.append)
    assert broken == []
    return template


def rendered(value: Any) -> Any:
    return compiled(value).render(lambda expression: evaluate(expression.source, BINDINGS))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{% $input.n %}", 2),
        ("  {% $input.n %}\n", 2),
        ("{%$input.list%}", [1, "a"]),
        ("{% $input.none %}", None),
        ("{% $input.yes %}", True),
        ("n={% $input.n %}", "n=2"),
        ("{% $input.n %}{% $input.s %}", "2x"),
        ("{% $input.n %} {% $input.s %}", "2 x"),
        ("<{% $input.none %}>", "<>"),
        ("<{% $input.list %}>", '<[1,"a"]>'),
        ("<{% $input.yes %}>", "<true>"),
        ("<{% $input.half %}>", "<0.5>"),
        ("<{% 4 / 2 %}>", "<2>"),
        ('{% "100 %}" %}', "100 %}"),
        ('{% "%}%}" & "%}" %}', "%}%}%}"),
        ('{% "a" %} %} {% "b %}" %}', "a %} b %}"),
        ("50 % of {it} %}", "50 % of {it} %}"),
        ("", ""),
    ],
)
def test_an_expression_alone_keeps_its_type_and_in_a_text_becomes_text(text: str, value: Any) -> None:
    assert rendered(text) == value
    assert type(rendered(text)) is type(value)


def test_expressions_are_found_at_any_depth_with_their_paths() -> None:
    config = {"a": ["{% 1 %}", {"b c": "x{% 2 %}y{% 3 %}"}], "d": 4, "{% key %}": None}
    assert [path for path, _ in compiled(config).expressions] == ["a[0]", "a[1].b c", "a[1].b c"]
    assert rendered(config) == {"a": [1, {"b c": "x2y3"}], "d": 4, "{% key %}": None}


def test_each_broken_expression_is_reported_with_its_field() -> None:
    broken: list[TemplateError] = []
    template = compile_template({"a": "{% ( %}", "b": ["{% 1", "{% 2 %}"]}, broken.append)
    assert [error.path for error in broken] == ["a", "b[0]"]
    assert [path for path, _ in template.expressions] == ["b[1]"]


def test_a_failure_while_rendering_names_the_field() -> None:
    with pytest.raises(TemplateError, match=r"^at character 1: no$") as caught:
        rendered({"a": [{"b": "{% $error('no') %}"}]})
    assert caught.value.path == "a[0].b"


def test_a_value_that_looks_like_an_expression_is_not_evaluated_again() -> None:
    template = compiled("{% $input %}")
    assert template.render(lambda expression: evaluate(expression.source, {"input": "{% 1 %}"})) == "{% 1 %}"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), ("a", "a"), (1, "1"), (True, "true"), ([], "[]"), ({"é": [1, None]}, '{"é":[1,null]}')],
)
def test_values_become_text_as_json(value: Any, text: str) -> None:
    assert as_text(value) == text
