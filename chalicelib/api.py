"""The HTTP edge: who may call, JSON in and out, our errors as application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from chalice import Blueprint, CORSConfig
from chalice import Response as ChaliceResponse

from . import errors
from .auth import Role
from .bootstrap import services
from .jsontext import iso8601
from .observability import logger

PROBLEM = "application/problem+json"
CORS = CORSConfig(allow_headers=["Idempotency-Key"])

_STATUS: dict[type[errors.StepgraphError], HTTPStatus] = {
    errors.MalformedError: HTTPStatus.BAD_REQUEST,
    errors.UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    errors.InvalidTokenError: HTTPStatus.UNAUTHORIZED,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Request:
    """A call by a member of a workspace. Header names are lower case."""

    workspace_id: UUID
    user_id: UUID
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def id(self, name: str) -> UUID:
        """An id in the path. Raises NotFoundError for what can't be one."""
        return _uuid(self.path[name], name.removesuffix("_id"))


@dataclass(frozen=True, slots=True)
class Response:
    """What a controller answers; `body` is JSON, with dates and UUIDs in it."""

    body: Any = None
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


View = Callable[[Request], Response]


class Routes:
    """The routes of a feature, below `/api/v1/workspaces/{workspace_id}/workflows`."""

    def __init__(self, name: str) -> None:
        self.blueprint = Blueprint(name)

    def route(self, method: str, path: str, role: Role) -> Callable[[View], View]:
        """Serve a path to members with that role."""

        def register(view: View) -> View:
            def serve(**captured: str) -> ChaliceResponse:
                return self._serve(view, role, captured)

            serve.__name__ = view.__name__
            self.blueprint.route(
                path, methods=[method], name=view.__name__, content_types=["application/json"], cors=CORS
            )(serve)
            return view

        return register

    def _serve(self, view: View, role: Role, captured: Mapping[str, str]) -> ChaliceResponse:
        try:
            request = self._request(role, captured)
            return _success(view(request))
        except errors.StepgraphError as error:
            if isinstance(error, errors.UnavailableError):
                logger.warning("request can't be served now", view=view.__name__, exc_info=True)
            return problem(_STATUS[type(error)], error.detail, error.errors, _headers_of(error))
        except Exception:  # noqa: BLE001 - the edge: whatever it is, the caller gets no stack trace
            logger.exception("request failed", view=view.__name__)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong on our side")

    def _request(self, role: Role, captured: Mapping[str, str]) -> Request:
        current = self.blueprint.current_request
        headers = _joined(current.to_original_event())
        user_id = services().authenticator.user(headers)
        workspace_id = _uuid(captured["workspace_id"], "workspace")
        services().membership.require(workspace_id, user_id, role)
        return Request(workspace_id, user_id, captured, current.query_params or {}, headers, current.raw_body)


def problem(
    status: HTTPStatus,
    detail: str,
    found: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ChaliceResponse:
    """An RFC 9457 problem; `errors` lists every single thing to mend."""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "errors": found or [],
    }
    return ChaliceResponse(json.dumps(body), {"Content-Type": PROBLEM, **(headers or {})}, status.value)


def _headers_of(error: errors.StepgraphError) -> dict[str, str]:
    match error:
        case errors.InvalidTokenError():  # RFC 6750, 3.1
            return {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{error.detail}"'}
        case errors.UnauthenticatedError():
            return {"WWW-Authenticate": "Bearer"}
        case errors.UnavailableError():
            return {"Retry-After": "2"}
    return {}


def _joined(event: Mapping[str, Any]) -> dict[str, str]:
    """Headers by their names in lower case; those of one name are one (RFC 9110, 5.3)."""
    single = {name: [value] for name, value in event["headers"].items()}
    several = event.get("multiValueHeaders") or single
    return {name.lower(): ", ".join(values) for name, values in several.items()}


def _success(response: Response) -> ChaliceResponse:
    if response.status is HTTPStatus.NO_CONTENT:
        return ChaliceResponse("", dict(response.headers), response.status.value)
    body = json.dumps(response.body, default=_as_json, ensure_ascii=False, separators=(",", ":"))
    return ChaliceResponse(body, {"Content-Type": "application/json", **response.headers}, response.status.value)


def _as_json(value: Any) -> str:
    if isinstance(value, datetime):
        return iso8601(value)
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _uuid(text: str, what: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise errors.NotFoundError(f"there is no {what} {text[:100]}") from None
