"""Our errors as application/problem+json (RFC 9457): which status each has, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from chalice import Response
from typing_extensions import TypedDict

from . import errors

PROBLEM = "application/problem+json"

STATUS: dict[type[errors.StepgraphError], HTTPStatus] = {
    errors.MalformedError: HTTPStatus.BAD_REQUEST,
    errors.UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    errors.InvalidTokenError: HTTPStatus.UNAUTHORIZED,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMediaError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotAllowedError: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.TooManyError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}

_OPEN = {"extra": "allow"}


class ProblemItem(TypedDict):
    """One thing to mend, with the `node_id` or `edge_id` of what the user drew, and whatever else helps."""

    __pydantic_config__ = _OPEN  # type: ignore[misc] # how pydantic has it

    code: str
    message: str
    path: str


class Problem(TypedDict):
    """What is wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemItem]


def problem_of(error: errors.StepgraphError) -> Response:
    """What a caller is told of an error."""
    return problem(STATUS[type(error)], error.detail, error.errors, _headers_of(error))


def problem(
    status: HTTPStatus,
    detail: str,
    found: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An RFC 9457 problem; `errors` lists every single thing to mend."""
    body = Problem(
        type="about:blank",
        title=status.phrase,
        status=status.value,
        detail=detail,
        errors=cast("list[ProblemItem]", found or []),
    )
    return Response(json.dumps(body), {"Content-Type": PROBLEM, **(headers or {})}, status.value)


def _headers_of(error: errors.StepgraphError) -> dict[str, str]:
    match error:
        case errors.InvalidTokenError():  # RFC 6750, 3.1
            return {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{error.detail}"'}
        case errors.UnauthenticatedError():
            return {"WWW-Authenticate": "Bearer"}
        case errors.UnavailableError():
            return {"Retry-After": "2"}
        case errors.TooManyError():
            return {"Retry-After": "10"}
        case errors.NotAllowedError():
            return {"Allow": ", ".join(error.allowed)}
    return {}
