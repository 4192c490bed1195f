"""How much a text may be given, so that for sure it makes little of it.

Each name in a text gives at most all that the text is given, once. A loop does so for each of its items, so every loop
is a power. That bounds all but ranges, functions and variables of a text's own and the like, which may make anything.
"""

from __future__ import annotations

import math
from collections import Counter
from enum import Enum, auto
from functools import lru_cache

from .functions import FUNCTIONS
from .tokens import Token, at, ends_operand, is_call, tokens

MOST_BYTES = 4_000_000
"""Of what is made, as `marshal` writes it. An empty object is two bytes there and 64 in memory; nothing grows more."""

_LINEAR = frozenset(
    """abs append assert average base64decode base64urlDecode boolean ceil contains count dateAdd dateDiff dateFormat
    dateParse dateTruncate decodeUrl decodeUrlComponent error exists floor hash hmac keys length lookup lowercase max
    merge millis min not now number power random reverse round sqrt substring substringAfter substringBefore sum
    toMillis trim type uppercase uuid""".split()
)
_LOOPS = frozenset(
    """base64encode base64urlEncode distinct encodeUrl encodeUrlComponent join match parseJson replace sort split
    spread string toJson zip""".split()
)


class _Growth(Enum):
    UNBOUNDED = auto()
    LOOP = auto()
    NAME = auto()


@lru_cache(maxsize=4096)
def most_given(source: str) -> float:
    """How many bytes a text that parses may be given, itself among them, to make no more than MOST_BYTES; 0 where
    that is not known."""
    found = list(tokens(source))
    times = Counter(_growth(found, index) for index in range(len(found)))
    if times[_Growth.UNBOUNDED]:
        return 0
    return math.pow(MOST_BYTES, 1 / (times[_Growth.LOOP] + 1)) / max(times[_Growth.NAME], 1)


def _growth(found: list[Token], index: int) -> _Growth | None:
    token, is_step = found[index], at(found, index - 1).text == "."
    if token.kind == "other":
        return _of_symbol(found, index)
    if token.kind == "variable":
        return _Growth.UNBOUNDED if is_step else _of_variable(found, index)
    if token.kind in ("word", "quoted") and not is_step:
        is_function = token.text in ("function", "λ") and at(found, index + 1).text == "("
        return _Growth.UNBOUNDED if is_function else _Growth.NAME
    return _Growth.UNBOUNDED if token.kind == "assign" else None


def _of_variable(found: list[Token], index: int) -> _Growth | None:
    name = found[index].text[1:]
    if not is_call(found, index):
        return _Growth.UNBOUNDED if name in FUNCTIONS else _Growth.NAME
    if name in _LOOPS:
        return _Growth.LOOP
    return None if name in _LINEAR else _Growth.UNBOUNDED


def _of_symbol(found: list[Token], index: int) -> _Growth | None:
    symbol, before = found[index].text, at(found, index - 1)
    if symbol in ("..", "@", "#", "|", "**") or (symbol == "%" and not ends_operand(before)):
        return _Growth.UNBOUNDED
    if symbol == "~>":
        return None if is_call(found, index + 1) else _Growth.UNBOUNDED
    if before.text == ".":
        return _Growth.LOOP if symbol in ("(", "[", "{") else None
    if not ends_operand(before):
        return _Growth.NAME if symbol == "*" else None
    if symbol == "(" and before.kind != "variable":
        return _Growth.UNBOUNDED
    is_index = at(found, index + 1).kind == "number" and at(found, index + 2).text == "]"
    return _Growth.LOOP if symbol == "{" or (symbol == "[" and not is_index) else None
