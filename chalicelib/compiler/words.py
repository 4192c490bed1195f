"""What pydantic found, in the words of who drew the graph or sent the request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Place = tuple[int | str, ...]
"""The keys and indexes that lead into a JSON value."""

NOT_AN_EXPRESSION = "this is not an expression"
"""What the branch "or an expression" of a union says when it is not taken."""

NO_SUCH_KEY = "there is no such key"

KEY = "^[!-~]{1,255}$"
ITEM_PATH = "^([0-9]{1,9}/){0,10}$"
_PATTERNS = {
    KEY: "must be 1 to 255 printable ASCII characters without spaces",
    ITEM_PATH: "must be the indexes of items, each with a slash behind it, such as 3/0/",
}
_KINDS: dict[type, str] = {
    bool: "true or false", dict: "an object", float: "a number", int: "a whole number", list: "a list", str: "a text",
}  # fmt: skip

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
    "int_parsing_size": "must be a whole number of fewer digits",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "none_required": "may be null",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
    "extra_forbidden": NO_SUCH_KEY,
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
}


def in_words(detail: ErrorDetails) -> str:
    """The rule that was broken."""
    context = detail.get("ctx", {})
    rule = _RULES.get(detail["type"]) or _PATTERNS.get(context.get("pattern", ""))
    if rule is not None:
        return rule.format(**{name: _written(value) for name, value in context.items()})
    message = detail["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def kind(value: Any) -> str:
    """What a JSON value is."""
    return _KINDS.get(type(value), "null")


def _written(value: Any) -> Any:
    """A number with all its digits: `2,147,483,647`."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,}" if isinstance(value, int | float) else value


def by_field(error: ValidationError, value: Any) -> dict[Place, str]:
    """For every place in the value that is wrong, the rules of all branches of its union: "must be … or …"."""
    return {place: either(found) for place, found in details_by_field(error, value).items()}


def details_by_field(error: ValidationError, value: Any) -> dict[Place, list[ErrorDetails]]:
    """For every place in the value that is wrong, what all branches of its union found."""
    found: dict[Place, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False)[:MAX_TOLD]:
        if NOT_AN_EXPRESSION not in detail["msg"]:
            found.setdefault(tuple(_place(detail["loc"], value)), []).append(detail)
    # A branch of another type says nothing where a branch of the right type found what is wrong inside it.
    above = {place[:length] for place in found for length in range(len(place))}
    return {place: details for place, details in found.items() if place not in above}


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


def keys_at(place: Place, model: type[BaseModel]) -> Iterable[str]:
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


def either(details: Iterable[ErrorDetails]) -> str:
    """The rules of the branches of a union, in one."""
    first, *others = dict.fromkeys(map(in_words, details))
    return " or ".join([first, *(other.removeprefix("must be ") for other in others)])


def listed(names: Iterable[str]) -> str:
    """Names in quotes, cut where there are many or long ones."""
    every = list(names)
    shown = [f'"{name[:LISTED_CHARACTERS]}{"…" * (len(name) > LISTED_CHARACTERS)}"' for name in every[:LISTED_NAMES]]
    more = len(every) - len(shown)
    return (", ".join(shown) + (f" and {more} more" if more else "")) or "none"
