"""Why an evaluation failed, in plain words and with its place; never with a value, which may be a secret."""

from __future__ import annotations

import re

from .errors import ExpressionError
from .tracing import Reached, Told, reached

_TOLD = re.compile(
    r"(?:host function raised \w+: (?P<ours>\$.*)|.*?\b(?P<code>[A-Z]\d{4}): (?P<detail>.*))$", re.DOTALL
)
_ARGUMENT = re.compile(r"Argument (\d+) must be (an array of )?(\w+)")

_KINDS = {
    "string": "a text", "number": "a number", "boolean": "true or false", "array": "a list", "object": "an object",
    "null": "null", "function": "a function",
}  # fmt: skip
_LISTS = {"string": "a list of texts", "number": "a list of numbers"}
_LIMITS = {
    "D1011": "it calls itself too deep: at most 200 levels are allowed",
    "D1012": "it takes longer than a second",
    "D2014": "a list of more than 100,000 items was to be made",
    "D2015": "a list of more than 100,000 items was to be made",
    "U1001": "it calls itself too deep",
}
_MISFITS = {
    "T2001": ("the left side", "a number"),
    "T2002": ("the right side", "a number"),
    "T2003": ("the left side", "a whole number"),
    "T2004": ("the right side", "a whole number"),
    "D1002": ("the operand", "a number"),
}
_REASONS = {
    "D1001": "a number is too large",
    "D1009": "two keys of an object are the same",
    "D3030": "it is no number",
    "D3060": "the square root of a number below zero is no number",
    "D3061": "the power is no number that JSON can say",
    "D3110": "the time must be ISO 8601, such as 2030-01-31T08:00:00Z",
    "D3138": "there is more than one match",
    "D3139": "there is no match",
    "T0411": "what it is applied to is of the wrong kind",
    "T1003": "a key of an object must be a text",
    "T1006": "what is called here is not a function",
    "T2006": "what ~> is given must be a function",
    "T2007": "what is sorted must be all numbers or all texts",
    "T2008": "only numbers and texts can be sorted",
    "T2009": "the sides of a comparison must be two numbers or two texts",
    "T2010": "the sides of a comparison must be two numbers or two texts",
}
_SAID_BY_THE_AUTHOR = ("D3137", "D3141")
"""$error and $assert."""
_OF_PICTURES = re.compile(r"D308\d|D309[0-3]|D313[0-6]")


def explained(source: str, told: str, told_with_marks: Told) -> ExpressionError:
    """The failure that JSONata told. It is evaluated again, to see where it fails and what it finds there."""
    matched = _TOLD.match(told)
    ours, code, detail = matched.group("ours", "code", "detail") if matched else (None, "", "")
    if code in _LIMITS:
        return ExpressionError(_LIMITS[code])
    last = reached(source, told, told_with_marks)
    if ours or code in _SAID_BY_THE_AUTHOR:
        return ExpressionError(ours or detail, source, last and last.start)
    if argument := _ARGUMENT.match(detail):
        kinds = _LISTS if argument[2] else _KINDS
        return _misfit(source, f"argument {argument[1]}", kinds.get(argument[3].lower(), "of another kind"), last)
    if code in _MISFITS:
        return _misfit(source, *_MISFITS[code], last)
    if code in ("T2009", "T2010") and last and last.parts.keys() == {"the left side", "the right side"}:
        both = " and ".join(_found(last, side) for side in ("the left side", "the right side"))
        return ExpressionError(
            f"the sides of {last.name} must be two numbers or two texts, found {both}", source, last.start
        )
    reason = _REASONS.get(code) or _unknown(code)
    if last and last.name.startswith("$") and (code.startswith("D3") or code in ("T0411", "T1006")):
        return ExpressionError(f"{last.name}: {reason}", source, last.start)
    return ExpressionError(reason)


def _misfit(source: str, part: str, expected: str, last: Reached | None) -> ExpressionError:
    """A part that is of the wrong kind."""
    if last and part in last.parts:
        reason = f"{part} of {last.name} must be {expected}, found {_found(last, part)}"
        return ExpressionError(reason, source, last.parts[part][0])
    if last and "" in last.parts:
        return ExpressionError(f"the context of {last.name} must be {expected}", source, last.start)
    return ExpressionError(f"{part} of {'a function' if part[-1].isdigit() else 'an operator'} must be {expected}")


def _found(last: Reached, part: str) -> str:
    return _KINDS.get(last.parts[part][1] or "", "nothing")


def _unknown(code: str) -> str:
    if _OF_PICTURES.match(code):
        return "the picture is not one that it understands"
    return f"it can't be evaluated (JSONata's {code})" if code else "it can't be evaluated"
