"""URLs of webhooks: those that owners look after, and the one that others ask."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chalicelib.api import OpenRequest, Request, Response, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services
from chalicelib.errors import (
    ConflictError,
    InvalidError,
    MalformedError,
    NotAllowedError,
    NotFoundError,
    TooLargeError,
    TooManyError,
    UnauthenticatedError,
    UnavailableError,
)

if TYPE_CHECKING:
    from .controller import WebhookController
    from .schemas import PutWebhook, StartedRun, WebhookAnswer

routes = Routes(__name__)
public = Routes(f"{__name__}.public")


def _controller() -> WebhookController:
    from .controller import WebhookController

    return WebhookController(services().webhooks)


@routes.route("GET", "/{workflow_id}/webhook", Role.MEMBER)
def get_webhook(request: Request) -> WebhookAnswer:
    """Get the webhook with its URL."""
    return _controller().get(request)


@routes.route("PUT", "/{workflow_id}/webhook", Role.OWNER)
def update_webhook(request: Request, body: PutWebhook) -> WebhookAnswer:
    """Turn the webhook on or off."""
    return _controller().put(request, body)


@routes.route("POST", "/{workflow_id}/webhook/rotate", Role.OWNER)
def rotate_webhook(request: Request) -> WebhookAnswer:
    """Give the webhook another URL; the one before ends."""
    return _controller().rotate(request)


@public.hook(
    ["GET", "POST", "PUT", "PATCH", "DELETE"],
    "/{token}",
    status=HTTPStatus.ACCEPTED,
    or_status=HTTPStatus.OK,
    raises=[
        ConflictError,
        InvalidError,
        MalformedError,
        NotAllowedError,
        NotFoundError,
        TooLargeError,
        TooManyError,
        UnauthenticatedError,
        UnavailableError,
    ],
)
def receive_webhook(request: OpenRequest) -> Response[StartedRun]:
    """Start a run with this request."""
    return _controller().receive(request)
