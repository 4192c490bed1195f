"""URLs of webhooks: those that owners look after, and the one that others ask."""

from __future__ import annotations

from chalicelib.api import PublicRequest, Request, Response, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services

from .controller import WebhookController

routes = Routes(__name__)
public = Routes(f"{__name__}.public")


def _controller() -> WebhookController:
    return WebhookController(services().webhooks)


@routes.route("GET", "/{workflow_id}/webhook", Role.MEMBER)
def get_webhook(request: Request) -> Response:
    """Get the webhook with its URL."""
    return _controller().get(request)


@routes.route("PUT", "/{workflow_id}/webhook", Role.OWNER)
def update_webhook(request: Request) -> Response:
    """Turn the webhook on or off."""
    return _controller().put(request)


@routes.route("POST", "/{workflow_id}/webhook/rotate", Role.OWNER)
def rotate_webhook(request: Request) -> Response:
    """Give the webhook another URL; the one before ends."""
    return _controller().rotate(request)


@public.public(["GET", "POST", "PUT", "PATCH", "DELETE"], "/{token}")
def receive_webhook(request: PublicRequest) -> Response:
    """Start a run with this request."""
    return _controller().receive(request)
