"""URLs of secrets, and the Lambda that deletes those of workspaces that are gone."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chalice.app import CloudWatchEvent

from chalicelib.api import Request, Response, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services
from chalicelib.errors import ConflictError, InvalidError
from chalicelib.observed import observed

if TYPE_CHECKING:
    from chalicelib.paging import Page, Paged

    from .controller import SecretController
    from .schemas import PutSecret, SecretDetail, SecretRow

routes = Routes(__name__)


def _controller() -> SecretController:
    from .controller import SecretController

    return SecretController(services().secrets)


@routes.route("GET", "/", Role.OWNER)
def list_secrets(request: Request, query: Page) -> Paged[SecretRow]:
    """List secrets, without their values."""
    return _controller().list_secrets(request, query)


@routes.route("GET", "/{name}", Role.OWNER)
def get_secret(request: Request) -> SecretDetail:
    """Get a secret, without its value."""
    return _controller().get(request)


@routes.route(
    "PUT",
    "/{name}",
    Role.OWNER,
    status=HTTPStatus.CREATED,
    or_status=HTTPStatus.OK,
    raises=[ConflictError, InvalidError],
)
def put_secret(request: Request, body: PutSecret) -> Response[SecretDetail]:
    """Store the value of a secret."""
    return _controller().put(request, body)


@routes.route("DELETE", "/{name}", Role.OWNER, status=HTTPStatus.NO_CONTENT)
def delete_secret(request: Request) -> None:
    """Delete a secret."""
    return _controller().delete(request)


@routes.blueprint.schedule("rate(1 hour)", name="delete_orphaned_secrets")
@observed
def delete_orphaned_secrets(_event: CloudWatchEvent) -> dict[str, int]:
    """Every hour: workspaces are deleted by others, who know nothing of Secrets Manager."""
    return services().secrets.delete_orphans()
