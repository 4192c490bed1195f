"""Why an evaluation failed, in plain words and with its place; never with a value, which may be a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import ExpressionError
from .tracing import MARK, Mark, marked

Retrace = Callable[[str, Mapping[str, Any]], str | None]
"""What a text with marks fails with, given the functions that it calls besides ours."""

_TOLD = re.compile(r"^(?:.*?\b)?([A-Z]\d{4}): (.*)$", re.DOTALL)
_HOST = re.compile(r"host function raised \w+: (\$(\w+)[: ].*)$", re.DOTALL)
_ARGUMENT = re.compile(r"^Argument (\d+) must be (?:(an array of) )?(\w+)")

_TYPES = {
    "string": "a text",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "function": "a function",
    None: "nothing",
}
_LIMITS = {
    "D1011": "it calls itself too deep: at most 200 levels are allowed",
    "D1012": "it takes longer than a second",
    "D2014": "a list of more than 100,000 items was to be made",
    "D2015": "a list of more than 100,000 items was to be made",
    "U1001": "it calls itself too deep",
}
_REASONS = {
    "D1001": "a number is too large",
    "D1002": "only a number can be negated",
    "D1009": "two keys of an object are the same",
    "D3030": "it is no number",
    "D3110": "the time must be ISO 8601, such as 2030-01-31T08:00:00Z",
    "D3060": "the square root of a number below zero is no number",
    "D3061": "the power is no number that JSON can say",
    "D3138": "there is more than one match",
    "D3139": "there is no match",
    "T0411": "what it is applied to is of the wrong kind",
    "T1003": "a key of an object must be a text",
    "T1006": "what is called here is not a function",
    "T2003": "the left side of a range must be a whole number",
    "T2004": "the right side of a range must be a whole number",
    "T2006": "what ~> is given must be a function",
    "T2007": "what is sorted must be all numbers or all texts",
    "T2008": "only numbers and texts can be sorted",
}
_PICTURES = frozenset({"D3130", "D3131", "D3132", "D3133", "D3134", "D3135", "D3136"})
_SAID_BY_THE_AUTHOR = frozenset({"D3137", "D3141"})
"""$error and $assert."""
_SIDES = {"T2001": "left", "T2002": "right", "T2003": "left", "T2004": "right"}


def explained(source: str, told: str, retrace: Retrace) -> ExpressionError:
    """The failure that JSONata told, explained by evaluating once more with marks."""
    if found := _HOST.search(told):
        return _placed_at_call(source, found[1], _trace(source, told, retrace), found[2])
    matched = _TOLD.match(told)
    code, detail = (matched[1], matched[2]) if matched else ("", "")
    if code in _LIMITS:
        return ExpressionError(_LIMITS[code])
    events = _trace(source, told, retrace)
    if code in _SAID_BY_THE_AUTHOR:
        return _placed_at_call(source, detail, events, "")
    if code in _SIDES or code in ("T2009", "T2010"):
        return _of_operator(source, code, events)
    if code in ("T0410", "T0412") and (argument := _ARGUMENT.match(detail)):
        return _of_argument(source, argument, events)
    return _placed_at_call(source, _REASONS.get(code, _unknown(code)), events, "")


Events = list[tuple[Mark, str | None]]


def _trace(source: str, told: str, retrace: Retrace) -> Events:
    """The parts that were reached, in order; none where the marks change how it fails."""
    text, marks = marked(source)
    events: Events = []

    def mark(number: float, kind: str | None = None) -> None:
        events.append((marks[int(number)], kind))

    return events if marks and retrace(text, {MARK: mark}) == told else []


def _of_operator(source: str, code: str, events: Events) -> ExpressionError:
    sides = _last_sides(events)
    if not sides:
        return ExpressionError(_REASONS.get(code, "the sides of an operator are of the wrong kinds"))
    (left, left_type), (right, right_type) = sides
    if code not in _SIDES:
        both = f"{_TYPES.get(left_type, left_type)} and {_TYPES.get(right_type, right_type)}"
        reason = f'the sides of "{left.of}" must be two numbers or two texts, found {both}'
        return ExpressionError(reason, source, left.owner_start)
    mark, kind = (left, left_type) if _SIDES[code] == "left" else (right, right_type)
    expected = "a whole number" if mark.of == ".." else "a number"
    reason = f'expected {expected} on the {mark.part} of "{mark.of}", found {_TYPES.get(kind, kind)}'
    return ExpressionError(reason, source, mark.start)


def _last_sides(events: Events) -> tuple[tuple[Mark, str | None], tuple[Mark, str | None]] | None:
    if not events or events[-1][0].part != "right":
        return None
    owner = events[-1][0].owner
    left = next((event for event in reversed(events) if event[0].owner == owner and event[0].part == "left"), None)
    return (left, events[-1]) if left else None


def _of_argument(source: str, argument: re.Match[str], events: Events) -> ExpressionError:
    expected = _expected(argument[3], of_a_list=argument[2] is not None)
    last = events[-1][0] if events else None
    if last is None or not last.part.isdigit():
        return ExpressionError(f"argument {argument[1]} of a function must be {expected}")
    mine = (event for event in reversed(events) if event[0].owner == last.owner and event[0].part == argument[1])
    mark, kind = next(mine, (None, None))
    found = "" if mark is None else f", found {_TYPES.get(kind, kind)}"
    reason = f"argument {argument[1]} of ${last.of} must be {expected}{found}"
    return ExpressionError(reason, source, mark.start if mark else last.owner_start)


def _expected(kind: str, *, of_a_list: bool) -> str:
    if of_a_list:
        return {"String": "a list of texts", "Number": "a list of numbers"}.get(kind, "a list of another kind")
    word = {"Array": "array", "Function": "function"}.get(kind, kind.lower())
    return _TYPES.get(word, "of another kind")


def _placed_at_call(source: str, reason: str, events: Events, name: str) -> ExpressionError:
    """At the call that was reached last, if it is one of that function."""
    last = events[-1][0] if events else None
    if last is None or not last.part.isdigit() or (name and last.of != name):
        return ExpressionError(reason)
    what = reason if reason.startswith("$") or last.of in ("error", "assert") else f"${last.of}: {reason}"
    return ExpressionError(what, source, last.owner_start)


def _unknown(code: str) -> str:
    if "D3080" <= code <= "D3093" or code in _PICTURES:
        return "the picture is not one that it understands"
    return f"it can't be evaluated (JSONata's {code})" if code else "it can't be evaluated"
