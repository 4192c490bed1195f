"""A JSONata text with marks in it: what is marked last before a failure is what failed.

Every operand of arithmetic and comparison and every argument of a call is wrapped into a block that tells the type of
its value. Values stay inside: a mark carries a type only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .tokens import Token, arguments, depth_change, ends_operand, is_call, tokens

MARK = "__at"
MAX_MARKS = 500

_POWERS = {
    ".": 75, "@": 80, "#": 80, "^": 40, "*": 60, "/": 60, "%": 60, "+": 50, "-": 50, "&": 50, "=": 40, "!=": 40,
    "<": 40, ">": 40, "<=": 40, ">=": 40, "in": 40, "~>": 40, "and": 30, "or": 25, "?": 20, "?:": 40, "??": 40,
    ":=": 10, "..": 20,
}  # fmt: skip
_MARKED = frozenset({"+", "-", "*", "/", "%", "<", ">", "<=", ">=", ".."})
_SEPARATORS = frozenset({",", ";", ":", "|", "?"})


class Mark(NamedTuple):
    """A part of a text: `part` is `left` or `right` of the operator `of`, or the number of an argument of `$of`."""

    of: str
    part: str
    owner: int
    """The token of the operator or the function."""
    owner_start: int
    start: int
    end: int


def marked(source: str) -> tuple[str, list[Mark]]:
    """The text with marks in it, and what each means; no marks where there would be too many."""
    found = list(tokens(source))
    marks = [mark for index in range(len(found)) for mark in _marks_at(found, index)]
    if len(marks) > MAX_MARKS:
        return source, []
    inserts = [insert for number, mark in enumerate(marks) for insert in _inserts(number, mark)]
    text, position = "", 0
    for offset, _, _, inserted in sorted(inserts):
        text += source[position:offset] + inserted
        position = offset
    return text + source[position:], marks


def _inserts(number: int, mark: Mark) -> Iterator[tuple[int, int, int, str]]:
    """What ends at a place goes before what begins there; outer parts begin first and end last."""
    length = mark.end - mark.start
    yield mark.start, 1, -length, "($__v:="
    yield mark.end, 0, length, f";${MARK}({number},$type($__v));$__v)"


def _marks_at(found: list[Token], index: int) -> Iterator[Mark]:
    token = found[index]
    if is_call(found, index):
        for number, (first, after) in enumerate(arguments(found, index), 1):
            if after > first and found[first].text != "?":
                span = found[first].start, found[after - 1].end
                yield Mark(token.text[1:], str(number), index, token.start, *span)
    elif token.text in _MARKED and _power(found, index) and 0 < index < len(found) - 1:
        first, after = _left(found, index), _right(found, index)
        if first < index and after > index + 1:
            yield Mark(token.text, "left", index, token.start, found[first].start, found[index - 1].end)
            yield Mark(token.text, "right", index, token.start, found[index + 1].start, found[after - 1].end)


def _power(found: list[Token], index: int) -> int:
    """How strongly the operator at an index binds; 0 for what is none, such as the `-` of a negative number."""
    token = found[index]
    if token.kind not in ("other", "slash", "assign", "word") or index == 0 or not ends_operand(found[index - 1]):
        return 0
    return _POWERS.get(token.text, 0)


def _right(found: list[Token], index: int) -> int:
    """The token after the right operand."""
    power, depth = _power(found, index), 0
    for position in range(index + 1, len(found)):
        token = found[position]
        depth += depth_change(token)
        if depth < 0 or (depth == 0 and _ends(found, position, power)):
            return position
    return len(found)


def _left(found: list[Token], index: int) -> int:
    """The first token of the left operand."""
    power, depth = _power(found, index), 0
    for position in range(index - 1, -1, -1):
        token = found[position]
        depth -= depth_change(token)
        if depth < 0 or (depth == 0 and _ends(found, position, power - 1)):
            return position + 1
    return 0


def _ends(found: list[Token], position: int, power: int) -> bool:
    token = found[position]
    if token.kind == "other" and token.text in _SEPARATORS:
        return True
    return 0 < _power(found, position) <= power
