"""The HTTP edge: who may call, JSON in and out, our errors as application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
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

WORKSPACE = "/api/v1/workspaces/{workspace_id}"
"""Where everything is that belongs to a workspace."""
WEBHOOKS = "/api/v1/webhooks"
"""Where workflows are asked from outside, each at its token."""
BINARY_TYPES = (
    "application/cbor",
    "application/gzip",
    "application/msgpack",
    "application/pdf",
    "application/protobuf",
    "application/x-protobuf",
    "multipart/form-data",
)
"""Besides Chalice's: API Gateway hands over other content as text, and what is none would be mangled."""
PROBLEM = "application/problem+json"
CORS = CORSConfig(allow_headers=["Idempotency-Key", "If-None-Match"], expose_headers=["ETag"])

_STATUS: dict[type[errors.StepgraphError], HTTPStatus] = {
    errors.MalformedError: HTTPStatus.BAD_REQUEST,
    errors.UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotAllowedError: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.TooManyError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Request:
    """A call by a user. Header names are lower case."""

    user_id: UUID
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    """Where the API was reached."""

    def webhook_url(self, token: str) -> str:
        """The URL of a webhook."""
        return f"{self.base_url}{WEBHOOKS}/{token}"

    @property
    def workspace_id(self) -> UUID:
        """The workspace in the path, of which the user is a member."""
        return self.id("workspace_id")

    def id(self, name: str) -> UUID:
        """An id in the path. Raises NotFoundError for what can't be one."""
        return _uuid(self.path[name], name.removesuffix("_id"))


@dataclass(frozen=True, slots=True)
class PublicRequest:
    """A call by anyone. Header names are lower case; a query has all values of each name."""

    method: str
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What a controller answers; `body` is JSON, with dates and UUIDs in it."""

    body: Any = None
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


View = Callable[[Request], Response]
PublicView = Callable[[PublicRequest], Response]


class Routes:
    """The routes of a feature; app.py says below what."""

    def __init__(self, name: str) -> None:
        self.blueprint = Blueprint(name)

    def route(self, method: str, path: str, role: Role | None) -> Callable[[View], View]:
        """Serve a path to members of its workspace with that role; None serves any user."""

        def register(view: View) -> View:
            def serve(**captured: str) -> ChaliceResponse:
                return _answer(view.__name__, lambda: view(self._request(role, captured)))

            serve.__name__ = view.__name__
            self.blueprint.route(
                path, methods=[method], name=view.__name__, content_types=["application/json"], cors=CORS
            )(serve)
            return view

        return register

    def public(self, methods: Sequence[str], path: str) -> Callable[[PublicView], PublicView]:
        """Serve a path to anyone, whatever the type of the content."""

        def register(view: PublicView) -> PublicView:
            def serve(**captured: str) -> ChaliceResponse:
                return _answer(view.__name__, lambda: view(self._public_request(captured)))

            serve.__name__ = view.__name__
            self.blueprint.route(path, methods=list(methods), name=view.__name__, content_types=["*/*"])(serve)
            return view

        return register

    def _request(self, role: Role | None, captured: Mapping[str, str]) -> Request:
        current = self.blueprint.current_request
        headers = _lower(current.headers)
        user_id = services().authenticator.user(headers)
        base_url = _base_url(current.context, headers)
        request = Request(user_id, captured, current.query_params or {}, headers, current.raw_body, base_url)
        if role:
            services().membership.require(request.workspace_id, user_id, role)
        return request

    def _public_request(self, captured: Mapping[str, str]) -> PublicRequest:
        current = self.blueprint.current_request
        query = {name: current.query_params.getlist(name) for name in current.query_params or ()}
        return PublicRequest(current.method, captured, query, _lower(current.headers), current.raw_body)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _base_url(context: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Scheme, host, and what API Gateway puts before our paths (its stage)."""
    host = context.get("domainName") or headers.get("host", "localhost")
    before, _, _ = context["path"].partition("/api/v1/")
    return f"{headers.get('x-forwarded-proto', 'http')}://{host}{before}"


def _answer(view: str, serve: Callable[[], Response]) -> ChaliceResponse:
    try:
        return _success(serve())
    except errors.StepgraphError as error:
        if isinstance(error, errors.UnavailableError):
            logger.warning("request can't be served now", view=view, exc_info=True)
        return problem(_STATUS[type(error)], error.detail, error.errors, _headers(error))
    except Exception:  # noqa: BLE001 - the edge: whatever it is, the caller gets no stack trace
        logger.exception("request failed", view=view)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong on our side")


def _headers(error: errors.StepgraphError) -> dict[str, str]:
    match error:
        case errors.NotAllowedError():
            return {"Allow": ", ".join(error.allowed)}
        case errors.UnauthenticatedError():
            return {"WWW-Authenticate": "Bearer"}
        case errors.UnavailableError():
            return {"Retry-After": "2"}
        case errors.TooManyError():
            return {"Retry-After": "10"}
        case _:
            return {}


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


def _success(response: Response) -> ChaliceResponse:
    if response.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
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
