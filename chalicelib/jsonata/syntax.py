"""Whether a JSONata text parses, and if not, where and why: jsonatapy tells no place."""

from __future__ import annotations

import re

import jsonatapy

from .errors import ExpressionError
from .tokens import Token, depth_change, tokens

MAX_CHARACTERS = 20_000
SHOWN_CHARACTERS = 30
_CODE = re.compile(r"\b([SU]\d{4})\b")


def check_syntax(source: str) -> None:
    """Raises ExpressionError where JSONata can't parse it."""
    if not source.strip():
        raise ExpressionError("the expression is empty")
    if len(source) > MAX_CHARACTERS:
        raise ExpressionError(f"the expression has {len(source):,} characters; at most {MAX_CHARACTERS:,} are allowed")
    told = _parse_error(source)
    if told is not None:
        raise _explained(source, told)
    for token in tokens(source):
        if token.kind == "slash" and len(token.text) > 1:
            _check_regex(source, token)


def _parse_error(source: str) -> str | None:
    try:
        jsonatapy.compile(source)
    except ValueError as error:
        return str(error)
    return None


def _check_regex(source: str, token: Token) -> None:
    try:
        jsonatapy.compile(f'$contains("", {token.text})').evaluate(None, timeout=1_000)
    except ValueError:
        raise ExpressionError("this is no regular expression that can be used", source, token.start) from None


def _explained(source: str, told: str) -> ExpressionError:
    code = found[1] if (found := _CODE.search(told)) else ""
    every = list(tokens(source))
    if code == "U1002":
        return ExpressionError("the expression is nested too deep, or has too many parts in a row")
    if code == "S0101":
        opening = next((token for token in every if token.kind == "other" and token.text in "\"'"), None)
        return ExpressionError("the text that begins here is not closed", source, opening and opening.start)
    if "Unclosed comment" in told:
        return ExpressionError("the comment that begins here is not closed", source, source.find("/*"))
    if code in ("S0203", "S0207"):
        return _ends_early(source, every)
    return _misfit(source, every, told, code)


def _ends_early(source: str, every: list[Token]) -> ExpressionError:
    opened: list[Token] = []
    for token in every:
        change = depth_change(token)
        if change > 0:
            opened.append(token)
        elif change < 0 and opened:
            opened.pop()
    if opened:
        return ExpressionError(f'the "{opened[-1].text}" that stands here is not closed', source, opened[-1].start)
    return ExpressionError("the expression ends where a value was expected", source, len(source))


def _misfit(source: str, every: list[Token], told: str, code: str) -> ExpressionError:
    """The parser stops at the first token that does not fit, so every text that reaches it fails alike."""
    low, high = 0, len(every) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _parse_error(source[: every[middle].end]) == told else (middle + 1, high)
    token = every[low]
    return ExpressionError(_REASONS.get(code, _DOES_NOT_FIT).format(_shown(token)), source, token.start)


_DOES_NOT_FIT = '"{}" does not fit here'
_REASONS = {
    "S0102": "this number is too large",
    "S0211": 'a value was expected, found "{}"',
    "S0212": 'only a variable can stand before ":="',
    "S0213": '"{}" can\'t be a step of a path',
}


def _shown(token: Token) -> str:
    cut = token.text[:SHOWN_CHARACTERS]
    return cut + "…" * (cut != token.text)
