"""The OpenAPI document of the API (https://spec.openapis.org/oas/v3.1.1), made from the routes themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from inspect import cleandoc
from typing import Any, get_args, get_origin

from chalicelib.api import JSON, Response
from chalicelib.auth import Role
from chalicelib.endpoint import Endpoint
from chalicelib.errors import (
    ForbiddenError,
    InvalidError,
    MalformedError,
    NotFoundError,
    StepgraphError,
    TooLargeError,
    TooManyError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedMediaError,
)
from chalicelib.problem_details import PROBLEM, STATUS, Problem

from .json_schemas import JsonSchemas, parameters

ABOUT = """\
Workflows that are drawn on a canvas, saved as versions, run on AWS Step Functions, and tell what every node did.

Everything belongs to a workspace. A token names a user, who is a member or an owner of it; an owner may do all that a
member may. Lists are `{items, next_cursor}`: send `next_cursor` as `cursor` for the next page. Errors are
`application/problem+json`, and `errors` has every single thing to mend.
"""

ID = {"type": "string", "format": "uuid"}
PATH_PARAMETERS: Mapping[str, dict[str, Any]] = {
    "node_id": {"type": "string", "minLength": 1, "maxLength": 200},
    "name": {"type": "string", "minLength": 1, "maxLength": 64},
    "token": {"type": "string", "minLength": 1},
    "version": {"type": "integer", "minimum": 1, "maximum": 2_147_483_647},
}
"""What is in a path besides ids that are UUIDs."""

_ERROR_HEADERS: Mapping[type[StepgraphError], dict[str, Any]] = {
    UnauthenticatedError: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    TooManyError: {"Retry-After": {"schema": {"type": "integer"}, "description": "In seconds."}},
    UnavailableError: {"Retry-After": {"schema": {"type": "integer"}, "description": "In seconds."}},
}

Routes = Mapping[str, Mapping[str, Any]]
"""By path and method, as Chalice keeps them."""


class UndescribedError(Exception):
    """A route does not say what its description needs."""


def describe(routes: Routes) -> dict[str, Any]:
    """The document of these routes. Raises UndescribedError."""
    operations = [
        Operation(path, method, _endpoint(path, method, entry))
        for path, entries in routes.items()
        for method, entry in entries.items()
    ]
    schemas = JsonSchemas([Problem, *(kind for operation in operations for kind in operation.types())])
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = operation.describe(schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Stepgraph", "version": "1", "description": ABOUT},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {_name(error): _problem(error, schemas) for error in STATUS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _endpoint(path: str, method: str, entry: Any) -> Endpoint:
    endpoint = getattr(entry.view_function, "endpoint", None)
    if not isinstance(endpoint, Endpoint):
        raise UndescribedError(f"{method} {path}: register it by Routes.route or Routes.open of chalicelib/api.py")
    return endpoint


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path."""

    path: str
    method: str
    endpoint: Endpoint

    def types(self) -> Iterator[Any]:
        """What bodies are made of. Raises UndescribedError."""
        if "body" in self.endpoint.takes:
            yield self.endpoint.takes["body"]
        if self._gives is not None:
            yield self._gives

    def describe(self, schemas: JsonSchemas) -> dict[str, Any]:
        """The operation object. Raises UndescribedError."""
        view = self.endpoint.view
        summary, _, description = cleandoc(view.__doc__ or "").partition("\n\n")
        if not summary:
            raise self._undescribed("its view must say in its docstring what it is for")
        told = {
            "operationId": self._id,
            "tags": [view.__module__.split(".")[-2]],
            "summary": summary.removesuffix("."),
            "description": "\n\n".join(filter(None, [description, self._who])),
            "parameters": [*self._path_parameters(), *self._parameters()],
            "responses": self._responses(schemas),
        }
        if body := self.endpoint.takes.get("body"):
            is_required = any(field.is_required() for field in body.model_fields.values())
            told["requestBody"] = {"required": is_required, "content": {JSON: {"schema": schemas.of(body)}}}
        if self.endpoint.takes_anything and self.method not in ("GET", "DELETE"):
            told["requestBody"] = {"required": False, "content": {"*/*": {}}}
        if not self.endpoint.needs_token:
            told["security"] = []
        return told

    @property
    def _id(self) -> str:
        name = self.endpoint.view.__name__
        return f"{name}_by_{self.method.lower()}" if self.endpoint.takes_anything else name

    @property
    def _who(self) -> str:
        if not self.endpoint.needs_token:
            return "For anyone."
        return f"For {self.endpoint.role.value}s." if self.endpoint.role else "For any user."

    @property
    def _gives(self) -> Any:
        try:
            gives = self.endpoint.gives
        except KeyError:
            raise self._undescribed("its view must say by an annotation what it returns") from None
        gives = get_args(gives)[0] if get_origin(gives) is Response else gives
        if gives is Response:
            raise self._undescribed("its view must say what is in the body: Response[…], or the type of the body alone")
        return None if gives is type(None) else gives

    def _path_parameters(self) -> Iterator[dict[str, Any]]:
        for name in re.findall(r"{(\w+)}", self.path):
            schema = PATH_PARAMETERS.get(name, ID if name.endswith("_id") else None)
            if schema is None:
                raise self._undescribed(f"say in PATH_PARAMETERS of {__name__} what {name} is")
            yield {"name": name, "in": "path", "required": True, "schema": schema}

    def _parameters(self) -> Iterator[dict[str, Any]]:
        for part, place in (("query", "query"), ("headers", "header")):
            if part in self.endpoint.takes:
                yield from parameters(self.endpoint.takes[part], place)

    def _responses(self, schemas: JsonSchemas) -> dict[str, Any]:
        endpoint = self.endpoint
        good: dict[str, Any] = {"description": endpoint.status.phrase}
        if self._gives is not None:
            good["content"] = {endpoint.media_type: {"schema": schemas.of(self._gives)}}
        bad = {str(STATUS[error].value): {"$ref": f"#/components/responses/{_name(error)}"} for error in self._errors()}
        return {**self._good(good), **dict(sorted(bad.items()))}

    def _good(self, good: dict[str, Any]) -> dict[str, Any]:
        status, other = self.endpoint.status, self.endpoint.or_status
        found = {str(status.value): good}
        if other is HTTPStatus.NOT_MODIFIED:
            return found | {str(other.value): {"description": other.phrase}}
        return found | ({str(other.value): {**good, "description": other.phrase}} if other else {})

    def _errors(self) -> Iterator[type[StepgraphError]]:
        """What the edge refuses, and what the route says."""
        if self.endpoint.takes:
            yield MalformedError
        if "body" in self.endpoint.takes:
            yield from (TooLargeError, UnsupportedMediaError, InvalidError)
        if self.endpoint.needs_token:
            yield from (UnauthenticatedError, UnavailableError)
        if self.endpoint.role is Role.OWNER:
            yield ForbiddenError
        if "{" in self.path:
            yield NotFoundError
        yield from self.endpoint.raises

    def _undescribed(self, what: str) -> UndescribedError:
        return UndescribedError(f"{self.method} {self.path}: {what}")


def _problem(error: type[StepgraphError], schemas: JsonSchemas) -> dict[str, Any]:
    told = {"description": cleandoc(error.__doc__ or ""), "content": {PROBLEM: {"schema": schemas.of(Problem)}}}
    headers = _ERROR_HEADERS.get(error)
    return told | ({"headers": headers} if headers else {})


def _name(error: type[StepgraphError]) -> str:
    return error.__name__.removesuffix("Error")
