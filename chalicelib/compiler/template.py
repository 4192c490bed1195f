"""A config with expressions anywhere in it, compiled once and rendered with a run's values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.jsonata.errors import ExpressionError

from .expressions import Expression, compile_expression

OPEN, CLOSE = "{%", "%}"
MAX_CLOSES = 20
"""How many `%}` may stand inside one expression."""

Evaluate = Callable[[Expression], Any]
"""Gives the value of an expression. Raises ExpressionError."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text with expressions in it: their values are put between the literal parts."""

    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled config. `expressions` pairs each one with its path, such as `headers.X-Id`."""

    root: Any
    expressions: tuple[tuple[str, Expression], ...]

    def render(self, evaluate: Evaluate) -> Any:
        """The config with every expression replaced by its value. Raises ExpressionError naming the field."""
        return _render(self.root, "", evaluate)


class TemplateError(ExpressionError):
    """An expression in a config is broken; `path` names the field."""

    def __init__(self, path: str, error: ExpressionError) -> None:
        super().__init__(error.reason, error.source, error.position)
        self.path = path


def compile_template(value: Any, report: Callable[[TemplateError], None]) -> Template:
    """Compile every expression in a JSON value; each broken one is reported and left as its text."""
    found: list[tuple[str, Expression]] = []

    def walk(node: Any, path: str) -> Any:
        if isinstance(node, dict):
            return {key: walk(item, f"{path}.{key}" if path else key) for key, item in node.items()}
        if isinstance(node, list):
            return [walk(item, f"{path}[{index}]") for index, item in enumerate(node)]
        if not isinstance(node, str) or OPEN not in node:
            return node
        try:
            compiled = _compile_text(node)
        except ExpressionError as error:
            report(TemplateError(path, error))
            return node
        parts = compiled.parts if isinstance(compiled, Text) else (compiled,)
        found.extend((path, part) for part in parts if isinstance(part, Expression))
        return compiled

    return Template(walk(value, ""), tuple(found))


def _compile_text(text: str) -> Text | Expression:
    parts = tuple(part for part in _parts(text) if part != "")
    stripped = [part for part in parts if isinstance(part, Expression) or part.strip()]
    if len(stripped) == 1 and isinstance(stripped[0], Expression):
        return stripped[0]
    return Text(parts)


def _parts(text: str) -> Iterator[str | Expression]:
    position = 0
    while (start := text.find(OPEN, position)) >= 0:
        yield text[position:start]
        expression, position = _expression_at(text, start + len(OPEN))
        yield expression
    yield text[position:]


def _expression_at(text: str, start: int) -> tuple[Expression, int]:
    """The shortest text up to a `%}` that parses: JSONata itself may hold `%}` in a string."""
    first_error: ExpressionError | None = None
    end = text.find(CLOSE, start)
    for _ in range(MAX_CLOSES):
        if end < 0:
            break
        try:
            return compile_expression(text[start:end].strip()), end + len(CLOSE)
        except ExpressionError as error:
            first_error = first_error or error
        end = text.find(CLOSE, end + 1)
    raise first_error or ExpressionError(f"the expression opened by {OPEN} is not closed by {CLOSE}")


def _render(node: Any, path: str, evaluate: Evaluate) -> Any:
    if isinstance(node, dict):
        return {key: _render(item, f"{path}.{key}" if path else key, evaluate) for key, item in node.items()}
    if isinstance(node, list):
        return [_render(item, f"{path}[{index}]", evaluate) for index, item in enumerate(node)]
    if isinstance(node, Expression):
        return _value(node, path, evaluate)
    if isinstance(node, Text):
        parts = [part if isinstance(part, str) else as_text(_value(part, path, evaluate)) for part in node.parts]
        return "".join(parts)
    return node


def _value(expression: Expression, path: str, evaluate: Evaluate) -> Any:
    try:
        return evaluate(expression)
    except ExpressionError as error:
        raise TemplateError(path, error) from None


def as_text(value: Any) -> str:
    """A value inside a text, as JSONata's `$string` gives it; nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
