"""What pydantic found, in the words of who drew the graph or sent the request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

NOT_AN_EXPRESSION = "this is not an expression"
"""What the branch "or an expression" of a union says when it is not taken."""

NO_SUCH_KEY = "there is no such key"

MAX_TOLD = 500
LISTED_NAMES, LISTED_CHARACTERS = 20, 60

_RULES = {
    "missing": "is required",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "none_required": "may be null",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
    "extra_forbidden": NO_SUCH_KEY,
}


def in_words(detail: ErrorDetails) -> str:
    """The rule that was broken."""
    rule = _RULES.get(detail["type"])
    if rule is not None:
        return rule.format(**detail.get("ctx", {}))
    message = detail["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def by_field(error: ValidationError, value: Any) -> dict[tuple[int | str, ...], str]:
    """For every place in the value that is wrong, the rules of all branches of its union: "must be … or …"."""
    rules: dict[tuple[int | str, ...], list[str]] = {}
    for detail in error.errors(include_url=False)[:MAX_TOLD]:
        if NOT_AN_EXPRESSION not in detail["msg"]:
            rules.setdefault(tuple(_place(detail["loc"], value)), []).append(in_words(detail))
    # A branch of another type says nothing where a branch of the right type found what is wrong inside it.
    above = {place[:length] for place in rules for length in range(len(place))}
    return {place: _either(found) for place, found in rules.items() if place not in above}


def _place(location: Iterable[int | str], value: Any) -> Iterator[int | str]:
    """The parts of pydantic's location that are keys of the value, or a last one that it lacks: all others name
    branches of unions."""
    for part in location:
        if isinstance(value, list) and isinstance(part, int) and part < len(value):
            yield part
            value = value[part]
        elif isinstance(value, Mapping) and isinstance(part, str) and _is_key(part, value):
            yield part
            value = value.get(part)


def _is_key(part: str, value: Mapping[str, Any]) -> bool:
    return part in value or (part.isidentifier() and part not in _BRANCHES)


_BRANCHES = frozenset({"str", "int", "float", "bool", "none", "nullable", "constrained"})
"""How pydantic names branches that could be taken for keys."""


def keys_at(place: tuple[int | str, ...], model: type[BaseModel]) -> Iterable[str]:
    """The keys that an object has in which this place is, in a value of a model."""
    for part in place[:-1]:
        field = model.model_fields.get(str(part))
        model = next(_models(field.annotation), model) if field else model
    return model.model_fields


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _either(rules: list[str]) -> str:
    first, *others = dict.fromkeys(rules)
    return " or ".join([first, *(other.removeprefix("must be ") for other in others)])


def listed(names: Iterable[str]) -> str:
    """Names in quotes, cut where there are many or long ones."""
    every = list(names)
    shown = [f'"{name[:LISTED_CHARACTERS]}{"…" * (len(name) > LISTED_CHARACTERS)}"' for name in every[:LISTED_NAMES]]
    more = len(every) - len(shown)
    return (", ".join(shown) + (f" and {more} more" if more else "")) or "none"
