"""Requests about secrets: one service call each."""

from __future__ import annotations

from http import HTTPStatus

from chalicelib.api import Request, Response
from chalicelib.paging import Page, Paged

from .schemas import PutSecret, SecretDetail, SecretRow
from .service import SecretService


class SecretController:
    """One method an endpoint."""

    def __init__(self, service: SecretService) -> None:
        self._service = service

    def list_secrets(self, request: Request, page: Page) -> Paged[SecretRow]:
        """A page of secrets."""
        return self._service.list_secrets(request.workspace_id, page)

    def get(self, request: Request) -> SecretDetail:
        """The secret without its value."""
        return self._service.get(request.workspace_id, request.path["name"])

    def put(self, request: Request, secret: PutSecret) -> Response[SecretDetail]:
        """The secret without its value; 201 where it is new."""
        stored, is_new = self._service.put(request.workspace_id, request.path["name"], secret, request.user_id)
        return Response(stored, HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    def delete(self, request: Request) -> None:
        """Nothing is left of it."""
        self._service.delete(request.workspace_id, request.path["name"], request.user_id)
