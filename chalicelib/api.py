"""The HTTP edge: who may call, JSON in and out, our errors as problems."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from chalice import Blueprint, CORSConfig
from chalice import Response as ChaliceResponse
from chalice.app import MultiDict

from . import errors
from .bootstrap import services
from .endpoint import Endpoint
from .jsontext import iso8601
from .observability import about, also, logger
from .observed import observe
from .problem_details import problem, problem_of

if TYPE_CHECKING:
    from .auth import Role

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
JSON = "application/json"
CORS = CORSConfig(allow_headers=["Idempotency-Key", "If-None-Match"], expose_headers=["ETag"])


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A call by anyone. Header names are lower case."""

    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    queries: Mapping[str, list[str]]
    """All values of each name."""
    headers: Mapping[str, str]
    body: bytes
    host: str
    url_path: str
    """As it was called, with what comes before our paths, such as API Gateway's stage."""

    def webhook_url(self, token: str) -> str:
        """The URL of a webhook, where the API was reached."""
        before, _, _ = self.url_path.partition("/api/v1/")
        return f"{self.headers.get('x-forwarded-proto', 'http')}://{self.host}{before}{WEBHOOKS}/{token}"

    def id(self, name: str) -> UUID:
        """An id in the path. Raises NotFoundError for what can't be one."""
        return _uuid(self.path[name], name.removesuffix("_id"))


@dataclass(frozen=True, slots=True)
class Request(OpenRequest):
    """A call by a user."""

    user_id: UUID

    @property
    def workspace_id(self) -> UUID:
        """The workspace in the path, of which the user is a member."""
        return self.id("workspace_id")


Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class Response(Generic[Body]):
    """An answer that is more than its body, which is JSON with dates and UUIDs in it, or else a text."""

    body: Body
    status: HTTPStatus | None = None
    """Where it is not that of the route."""
    headers: Mapping[str, str] = field(default_factory=dict)


View = TypeVar("View", bound=Callable[..., Any])


class Routes:
    """The routes of a feature; app.py says below what."""

    def __init__(self, name: str) -> None:
        self.blueprint = Blueprint(name)

    def route(
        self,
        method: str,
        path: str,
        role: Role | None,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        or_status: HTTPStatus | None = None,
        raises: Sequence[type[errors.StepgraphError]] = (),
    ) -> Callable[[View], View]:
        """Serve a path to members of its workspace with that role; None serves any user. `endpoint.py` says what a
        view's annotations mean."""
        return self._registering(
            [method], path, partial(Endpoint, role=role, status=status, or_status=or_status, raises=raises)
        )

    def open(
        self, path: str, *, raises: Sequence[type[errors.StepgraphError]] = (), media_type: str = JSON
    ) -> Callable[[View], View]:
        """Let anyone get a path."""
        return self._registering(
            ["GET"], path, partial(Endpoint, needs_token=False, raises=raises, media_type=media_type)
        )

    def hook(
        self,
        methods: Sequence[str],
        path: str,
        *,
        status: HTTPStatus,
        or_status: HTTPStatus,
        raises: Sequence[type[errors.StepgraphError]],
    ) -> Callable[[View], View]:
        """Serve a path to anyone, whatever is sent."""
        describe = partial(
            Endpoint, needs_token=False, status=status, or_status=or_status, raises=raises, takes_anything=True
        )
        return self._registering(methods, path, describe)

    def _registering(
        self, methods: Sequence[str], path: str, describe: Callable[[Callable[..., Any]], Endpoint]
    ) -> Callable[[View], View]:
        def register(view: View) -> View:
            endpoint = describe(view)

            def serve(**captured: str) -> ChaliceResponse:
                current = self.blueprint.current_request
                return observe(current, current.lambda_context, lambda: self._serve(endpoint, captured))

            serve.endpoint = endpoint  # type: ignore[attr-defined] # whoever walks the app's routes finds it
            types, cors = (["*/*"], None) if endpoint.takes_anything else ([], CORS)
            self.blueprint.route(path, methods=list(methods), name=view.__name__, content_types=types, cors=cors)(serve)
            return view

        return register

    def _serve(self, endpoint: Endpoint, captured: Mapping[str, str]) -> ChaliceResponse:
        began = time.perf_counter()
        with about(view=endpoint.view.__name__):
            response = self._answer(endpoint, captured)
            seconds = round(time.perf_counter() - began, 4)
            logger.info("request served", status=response.status_code, seconds=seconds)
        return response

    def _answer(self, endpoint: Endpoint, captured: Mapping[str, str]) -> ChaliceResponse:
        try:
            request = self._request(endpoint, captured)
            return _success(endpoint, endpoint.view(request, **_parts(endpoint, request)))
        except errors.StepgraphError as error:
            if isinstance(error, errors.UnavailableError):
                logger.warning("request can't be served now", exc_info=True)
            return problem_of(error)
        except Exception:  # noqa: BLE001 - the edge: whatever it is, the caller gets no stack trace
            logger.exception("request failed")
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong on our side")

    def _request(self, endpoint: Endpoint, captured: Mapping[str, str]) -> OpenRequest:
        current = self.blueprint.current_request
        headers = _joined(current.to_original_event())
        given = current.query_params or MultiDict({})
        parts: dict[str, Any] = {
            "method": current.method,
            "path": captured,
            "query": given,
            "queries": {name: given.getlist(name) for name in given},
            "headers": headers,
            "body": current.raw_body,
            "host": current.context.get("domainName") or headers.get("host", "localhost"),
            "url_path": current.context.get("path", current.path),
        }
        if not endpoint.needs_token:
            return OpenRequest(**parts)
        request = Request(**parts, user_id=services().authenticator.user(headers))
        also(user_id=request.user_id)
        if endpoint.role:
            services().membership.require(request.workspace_id, request.user_id, endpoint.role)
            also(workspace_id=request.workspace_id)
        return request


def _parts(endpoint: Endpoint, request: OpenRequest) -> dict[str, Any]:
    """What a view takes besides the request. Raises UnsupportedMediaError, and what reading the parts does."""
    if not endpoint.takes:
        return {}
    from . import requests  # noqa: PLC0415 - with the models, for who serves requests

    sent = request.headers.get("content-type", JSON)
    if "body" in endpoint.takes and sent.partition(";")[0].strip().lower() != JSON:
        raise errors.UnsupportedMediaError(f"send {JSON}, not {sent[:100]}")
    read: Mapping[str, Callable[[Any], Any]] = {
        "query": lambda model: requests.parse_query(request.query, model),
        "headers": lambda model: requests.parse_headers(request.headers, model),
        "body": lambda model: requests.parse_body(request.body, model),
    }
    return {part: read[part](model) for part, model in endpoint.takes.items()}


def _joined(event: Mapping[str, Any]) -> dict[str, str]:
    """Headers by their names in lower case; those of one name are one (RFC 9110, 5.3)."""
    single = {name: [value] for name, value in event["headers"].items()}
    several = event.get("multiValueHeaders") or single
    return {name.lower(): ", ".join(values) for name, values in several.items()}


def _success(endpoint: Endpoint, answer: Any) -> ChaliceResponse:
    response = answer if isinstance(answer, Response) else Response(answer)
    status, headers = response.status or endpoint.status, {"Content-Type": endpoint.media_type, **response.headers}
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return ChaliceResponse("", dict(response.headers), status.value)
    if endpoint.media_type != JSON:
        return ChaliceResponse(response.body, headers, status.value)
    body = json.dumps(response.body, default=_as_json, ensure_ascii=False, separators=(",", ":"))
    return ChaliceResponse(body, headers, status.value)


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
