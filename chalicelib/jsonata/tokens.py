"""The tokens of a JSONata text, each with its place: jsonatapy shows no syntax tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/)
      | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<quoted>`[^`]*`)
      | (?P<variable>\$\$|\$\w*)
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)
      | (?P<word>\w+)
      | (?P<assign>:=)
      | (?P<slash>/(?!\*))
      | (?P<space>\s+)
      | (?P<other>/\*|\.\.|<=|>=|!=|~>|\?\?|\?:|\*\*|.)""",
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/(?:\\.|[^/\\\n])+/[im]*")
_OPENERS, _CLOSERS = "([{", ")]}"


class Token(NamedTuple):
    """A part of a text that means something: comments and spaces are none."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where the next character stands."""
        return self.start + len(self.text)


NOTHING = Token("end", "", 0)


def tokens(source: str) -> Iterator[Token]:
    """All tokens, in order."""
    position, previous = 0, Token("other", "(", 0)
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:  # pragma: no cover - `other` matches anything
            return
        kind, text = str(match.lastgroup), match.group()
        if kind == "slash" and not ends_operand(previous):
            regex = _REGEX.match(source, position)
            text = regex.group() if regex else text
        if kind not in ("comment", "space"):
            previous = Token(kind, text, position)
            yield previous
        position += len(text)


def ends_operand(token: Token) -> bool:
    """After an operand a `/` divides and a `-` subtracts; anywhere else they begin one."""
    if token.kind == "slash":
        return len(token.text) > 1
    operand = token.kind in ("text", "quoted", "variable", "number", "word")
    return (operand and token.text not in ("and", "or", "in")) or (token.text != "" and token.text in _CLOSERS)


def at(found: Sequence[Token], index: int) -> Token:
    """The token at an index; one of kind `end` beyond the last."""
    return found[index] if 0 <= index < len(found) else NOTHING


def is_call(found: Sequence[Token], index: int) -> bool:
    """Whether `$name(` stands there."""
    return found[index].kind == "variable" and at(found, index + 1).text == "("


def depth_change(token: Token) -> int:
    """1 for an opening bracket, -1 for a closing one."""
    if token.kind != "other":
        return 0
    return (token.text in _OPENERS) - (token.text in _CLOSERS)


def arguments(found: Sequence[Token], index: int) -> list[tuple[int, int]]:
    """The arguments of the call at an index, each from its first token to the one after its last."""
    first = position = index + 2
    depth, parts = 1, list[tuple[int, int]]()
    while position < len(found):
        depth += depth_change(found[position])
        if depth == 0 or (depth == 1 and found[position].text == "," and found[position].kind == "other"):
            parts.append((first, position))
            first = position + 1
        if depth == 0:
            break
        position += 1
    return [] if parts == [(index + 2, index + 2)] else parts


def given(found: Sequence[Token], index: int) -> int:
    """How many arguments the call at an index gets, with what `~>` passes on."""
    return len(arguments(found, index)) + (at(found, index - 1).text == "~>")


def place(source: str, position: int) -> str:
    """Where a character stands, as people count: `character 12`, or with its line where there are several."""
    line = source.count("\n", 0, position) + 1
    column = position - (source.rfind("\n", 0, position) + 1) + 1
    return f"line {line}, character {column}" if "\n" in source else f"character {column}"
