"""URLs of secrets, and the Lambda that deletes those of workspaces that are gone."""

from __future__ import annotations

from chalice.app import CloudWatchEvent

from chalicelib.api import Request, Response, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services

from .controller import SecretController

routes = Routes(__name__)


def _controller() -> SecretController:
    return SecretController(services().secrets)


@routes.route("GET", "/", Role.OWNER)
def list_secrets(request: Request) -> Response:
    """List secrets, without their values."""
    return _controller().list_secrets(request)


@routes.route("GET", "/{name}", Role.OWNER)
def get_secret(request: Request) -> Response:
    """Get a secret, without its value."""
    return _controller().get(request)


@routes.route("PUT", "/{name}", Role.OWNER)
def put_secret(request: Request) -> Response:
    """Store the value of a secret."""
    return _controller().put(request)


@routes.route("DELETE", "/{name}", Role.OWNER)
def delete_secret(request: Request) -> Response:
    """Delete a secret."""
    return _controller().delete(request)


@routes.blueprint.schedule("rate(1 hour)", name="delete_orphaned_secrets")
def delete_orphaned_secrets(_event: CloudWatchEvent) -> dict[str, int]:
    """Every hour: workspaces are deleted by others, who know nothing of Secrets Manager."""
    return services().secrets.delete_orphans()
