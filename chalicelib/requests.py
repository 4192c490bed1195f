"""Reading what callers send: JSON bodies that Postgres can keep, query parameters, headers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from .compiler.shape import json_path
from .compiler.words import NO_SUCH_KEY, Place, details_by_field, either, keys_at, kind, listed
from .errors import InvalidError, MalformedError, StepgraphError, TooLargeError
from .jsontext import escaped, flaw, from_text

MAX_DEPTH = 100
MAX_BODY_BYTES = 6 * 1024 * 1024
"""Lambda's limit for a request (AWS Lambda quotas)."""

_SHAPE_ERRORS = ("missing", "extra_forbidden", "none_required")

Model = TypeVar("Model", bound=BaseModel)

Flag = Annotated[bool, Field(strict=True), BeforeValidator(lambda text: {"true": True, "false": False}.get(text, text))]
"""A query parameter that is true or false."""


def parse_body(raw: bytes, model: type[Model], limit: int = MAX_BODY_BYTES) -> Model:
    """Read a JSON object. Raises MalformedError, InvalidError for values out of bounds, TooLargeError."""
    if len(raw) > limit:
        raise TooLargeError(f"the request has {len(raw):,} bytes; at most {limit:,} are allowed")
    value = parse_json(raw) if raw.strip() else {}
    if not isinstance(value, dict):
        raise MalformedError(f"the body must be a JSON object; it is {kind(value)}")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _rejection(error, model, value) from None


def parse_json(raw: bytes) -> Any:
    """Strict JSON: no NaN, no number beyond a double, no NUL, no lone surrogate, no bottomless nesting."""
    try:
        value = from_text(raw.decode(), beyond_doubles=float)
    except UnicodeDecodeError as error:
        raise MalformedError(f"the body is not UTF-8: byte {error.start} can't be read") from None
    except RecursionError:
        raise MalformedError(f"the JSON is nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise MalformedError(
            f"the body is not JSON: {error.msg.removesuffix(' at')} at line {error.lineno} column {error.colno}"
        ) from None
    except ValueError as error:
        raise MalformedError(f"the body is not JSON: {error}") from None
    check_storable(value)
    return value


def check_storable(value: Any) -> None:
    """Raises MalformedError, with the place, for what Postgres can't keep as text or we can't walk."""
    stack: list[tuple[Any, Place]] = [(value, ())]
    while stack:
        item, path = stack.pop()
        if len(path) > MAX_DEPTH:
            raise MalformedError(f"the JSON is nested deeper than {MAX_DEPTH} levels")
        if isinstance(item, str):
            _check_text(item, path)
        elif isinstance(item, float) and math.isinf(item):
            raise _unstorable("number_too_large", "a number is too large: it must be one that a double can say", path)
        elif isinstance(item, dict):
            for key, inner in item.items():
                _check_text(key, path)
                stack.append((inner, (*path, key)))
        elif isinstance(item, list):
            stack.extend((inner, (*path, index)) for index, inner in enumerate(item))


def _check_text(text: str, path: Place) -> None:
    if found := flaw(text):
        raise _unstorable(*found, path)


def _unstorable(code: str, message: str, path: Place) -> MalformedError:
    where = escaped(json_path(path))
    return MalformedError(f"{message}; at {where}", [{"code": code, "message": message, "path": where}])


def _rejection(error: ValidationError, model: type[BaseModel], value: Any) -> StepgraphError:
    wrong = details_by_field(error, value)
    found = [
        {"code": details[0]["type"], "message": _message(place, details, model), "path": json_path(place)}
        for place, details in wrong.items()
    ]
    text = "; ".join(f"{item['path']}: {item['message']}" if item["path"] else item["message"] for item in found)
    if any(_is_shape(detail["type"]) for details in wrong.values() for detail in details):
        return MalformedError(text, found)
    return InvalidError(text, found)


def _message(place: Place, details: list[ErrorDetails], model: type[BaseModel]) -> str:
    message = either(details)
    return f"{message}; the keys are {', '.join(keys_at(place, model))}" if message == NO_SUCH_KEY else message


def _is_shape(code: str) -> bool:
    return code in _SHAPE_ERRORS or code.endswith(("_type", "_parsing"))


def parse_query(query: Mapping[str, str], model: type[Model]) -> Model:
    """The parameters of a query, all of which the model has. Raises MalformedError."""
    if unknown := [name for name in query if name not in _names(model)]:
        message = f"there is no parameter {listed(unknown)}; the parameters are {', '.join(_names(model))}"
        raise MalformedError(escaped(message), [{"code": "unknown_parameter", "message": escaped(message), "path": ""}])
    return _parse_texts(query, model)


def parse_headers(headers: Mapping[str, str], model: type[Model]) -> Model:
    """The headers that the model has; given are theirs by their names in lower case. Raises MalformedError."""
    given = {name: headers[name.lower()] for name in _names(model) if name.lower() in headers}
    return _parse_texts(given, model)


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _parse_texts(given: Mapping[str, str], model: type[Model]) -> Model:
    texts = dict(given)  # of a query it is Chalice's own kind of mapping
    check_storable(texts)
    try:
        return model.model_validate(texts)
    except ValidationError as error:
        rejection = _rejection(error, model, texts)
        raise MalformedError(rejection.detail, rejection.errors) from None
