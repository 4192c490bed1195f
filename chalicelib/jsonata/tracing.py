"""What an evaluation had reached when it failed, by evaluating the text once more with marks in it.

Every operand of arithmetic and comparison and every argument of a call is wrapped into a block that tells the type of
its value. Values stay inside: a mark carries a type only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from .tokens import Token, arguments, at, depth_change, ends_operand, is_call, tokens

MARK = "__at"
MAX_MARKS = 500
UNARY_MINUS = 70
_POWERS = {
    ".": 75, "@": 80, "#": 80, "^": 40, "*": 60, "/": 60, "%": 60, "+": 50, "-": 50, "&": 50, "=": 40, "!=": 40,
    "<": 40, ">": 40, "<=": 40, ">=": 40, "in": 40, "~>": 40, "and": 30, "or": 25, "?": 20, "?:": 40, "??": 40,
    ":=": 10, "..": 20,
}  # fmt: skip
_MARKED = frozenset({"+", "-", "*", "/", "%", "<", ">", "<=", ">=", ".."})
_SEPARATORS = frozenset({",", ";", ":", "|", "?"})

Told = Callable[[str, Callable[..., None]], str | None]
"""What a text with marks fails with, given the function behind the marks."""


class Reached(NamedTuple):
    """The operator or the call whose parts were evaluated last."""

    name: str
    """An operator in quotes, or a function with its `$`."""
    start: int
    parts: Mapping[str, tuple[int, str | None]]
    """`the left side`, `the right side`, `the operand`, `argument 1`: its place, and JSONata's type of its value."""


class _Mark(NamedTuple):
    name: str
    owner: int
    part: str
    start: int
    end: int


def reached(source: str, told: str, told_with_marks: Told) -> Reached | None:
    """None where there would be too many marks, or where they change how it fails."""
    text, marks = _marked(source)
    events: list[tuple[_Mark, str | None]] = []

    def mark(number: float, kind: str | None = None) -> None:
        events.append((marks[int(number)], kind))

    if not marks or told_with_marks(text, mark) != told or not events:
        return None
    last = events[-1][0]
    parts = {mark.part: (mark.start, kind) for mark, kind in events if mark.owner == last.owner}
    return Reached(last.name, last.owner, parts)


def _marked(source: str) -> tuple[str, list[_Mark]]:
    found = list(tokens(source))
    marks = [mark for index in range(len(found)) for mark in _marks_at(found, index)]
    if len(marks) > MAX_MARKS:
        return source, []
    text, position = "", 0
    for offset, _, _, inserted in sorted(
        insert for number, mark in enumerate(marks) for insert in _inserts(number, mark)
    ):
        text += source[position:offset] + inserted
        position = offset
    return text + source[position:], marks


def _inserts(number: int, mark: _Mark) -> Iterator[tuple[int, int, int, str]]:
    """What ends at a place goes before what begins there; outer parts begin first and end last."""
    length = mark.end - mark.start
    yield mark.start, 1, -length, "($__v:=" if mark.part else f"(${MARK}({number});"
    yield mark.end, 0, length, f";${MARK}({number},$type($__v));$__v)" if mark.part else ")"


def _marks_at(found: list[Token], index: int) -> Iterator[_Mark]:
    token, before = found[index], at(found, index - 1)
    if token.kind == "variable" and (is_call(found, index) or before.text == "~>"):
        yield from _marks_of_call(found, index)
    elif token.text in _MARKED and (power := _power(found, index)):
        yield _between(found, index, "the left side", _reach(found, index, -1, power - 1) + 1, index)
        yield _between(found, index, "the right side", index + 1, _reach(found, index, 1, power))
    elif token.text == "-" and not ends_operand(before):
        yield _between(found, index, "the operand", index + 1, _reach(found, index, 1, UNARY_MINUS))


def _marks_of_call(found: list[Token], index: int) -> Iterator[_Mark]:
    """An argument each; a call without any is marked itself."""
    parts = arguments(found, index) if is_call(found, index) else []
    if at(found, index - 1).text == "~>":
        parts.insert(0, (_reach(found, index - 1, -1, _POWERS["~>"] - 1) + 1, index - 1))
    for number, (first, after) in enumerate(parts, 1):
        if found[first].text != "?":
            yield _between(found, index, f"argument {number}", first, after)
    if not parts:
        yield _between(found, index, "", index, index + 3)


def _between(found: list[Token], owner: int, part: str, first: int, after: int) -> _Mark:
    token = found[owner]
    name = token.text if token.kind == "variable" else f'"{token.text}"'
    return _Mark(name, token.start, part, found[first].start, found[after - 1].end)


def _power(found: list[Token], index: int) -> int:
    """How strongly the operator at an index binds; 0 for what is none, such as the `-` of a negative number."""
    token = found[index]
    if token.kind not in ("other", "slash", "assign", "word") or index == 0 or not ends_operand(found[index - 1]):
        return 0
    return _POWERS.get(token.text, 0)


def _reach(found: list[Token], index: int, step: int, power: int) -> int:
    """The first token beyond the operand that begins next to an index, `step` to the right (1) or to the left (-1)."""
    depth, position = 0, index + step
    while 0 <= position < len(found):
        depth += step * depth_change(found[position])
        if depth < 0 or (depth == 0 and _ends(found, position, power)):
            break
        position += step
    return position


def _ends(found: list[Token], position: int, power: int) -> bool:
    token = found[position]
    return (token.kind == "other" and token.text in _SEPARATORS) or 0 < _power(found, position) <= power
