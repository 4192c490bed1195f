"""Whether a JSONata text parses, and if not, where and why: jsonatapy tells no place."""

from __future__ import annotations

import re

import jsonatapy

from .errors import ExpressionError
from .tokens import Token, depth_change, tokens

MAX_CHARACTERS = 20_000
SHOWN_CHARACTERS = 30
_CODE = re.compile(r"\b([SU]\d{4})\b|Unclosed comment")
_UNCLOSED = ("S0101", "S0203", "S0207", "Unclosed comment")
_OPENERS = {"'": "text", '"': "text", "`": "name", "/*": "comment"}
_REASONS = {
    "S0102": "this number is too large",
    "S0211": 'a value was expected, found "{}"',
    "S0212": 'only a variable can stand before ":="',
    "S0213": '"{}" can\'t be a step of a path',
}


def check_syntax(source: str) -> None:
    """Raises ExpressionError where JSONata can't parse it."""
    if not source.strip():
        raise ExpressionError("the expression is empty")
    if len(source) > MAX_CHARACTERS:
        raise ExpressionError(f"the expression has {len(source):,} characters; at most {MAX_CHARACTERS:,} are allowed")
    if told := _told(source):
        raise _explained(source, told)
    for token in tokens(source):
        if token.kind == "slash" and len(token.text) > 1 and not _is_regex(token.text):
            raise ExpressionError("this is no regular expression that can be used", source, token.start)


def _told(source: str) -> str | None:
    """What JSONata's parser says of a text that it can't parse."""
    try:
        jsonatapy.compile(source)
    except ValueError as error:
        return str(error)
    return None


def _is_regex(text: str) -> bool:
    try:
        jsonatapy.compile(f'$contains("", {text})').evaluate(None, timeout=1_000)
    except ValueError:
        return False
    return True


def _explained(source: str, told: str) -> ExpressionError:
    code = found[0] if (found := _CODE.search(told)) else ""
    every = list(tokens(source))
    if code == "U1002":
        return ExpressionError("the expression is nested too deep, or has too many parts in a row")
    if code not in _UNCLOSED:
        token = _misfit(source, every, told)
        reason = _REASONS.get(code, '"{}" does not fit here')
        return ExpressionError(reason.format(token.text[:SHOWN_CHARACTERS]), source, token.start)
    if opening := _unclosed(every):
        what = _OPENERS.get(opening.text, f'"{opening.text}"')
        return ExpressionError(f"the {what} that begins here is not closed", source, opening.start)
    return ExpressionError("the expression ends where a value was expected", source, len(source))


def _misfit(source: str, every: list[Token], told: str) -> Token:
    """The parser stops at the first token that does not fit, so every text that reaches it fails alike."""
    low, high = 0, len(every) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _told(source[: every[middle].end]) == told else (middle + 1, high)
    return every[low]


def _unclosed(every: list[Token]) -> Token | None:
    """The quote or comment that has no end, else the innermost bracket."""
    opened: list[Token] = []
    for token in every:
        if token.text in _OPENERS:
            return token
        if depth_change(token) > 0:
            opened.append(token)
        elif depth_change(token) < 0 and opened:
            opened.pop()
    return opened[-1] if opened else None
