"""Requests about secrets become schemas, one service call, a response."""

from __future__ import annotations

from http import HTTPStatus

from chalicelib.api import Request, Response
from chalicelib.paging import Page
from chalicelib.requests import parse_body

from .schemas import PutSecret
from .service import SecretService


class SecretController:
    """One method an endpoint."""

    def __init__(self, service: SecretService) -> None:
        self._service = service

    def list_secrets(self, request: Request) -> Response:
        """`?limit&cursor`."""
        return Response(self._service.list_secrets(request.workspace_id, Page.from_query(request.query)))

    def get(self, request: Request) -> Response:
        """The secret without its value."""
        return Response(self._service.get(request.workspace_id, request.path["name"]))

    def put(self, request: Request) -> Response:
        """The secret without its value; 201 where it is new."""
        secret = parse_body(request.body, PutSecret)
        stored, is_new = self._service.put(request.workspace_id, request.path["name"], secret, request.user_id)
        return Response(stored, HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    def delete(self, request: Request) -> Response:
        """204."""
        self._service.delete(request.workspace_id, request.path["name"], request.user_id)
        return Response(status=HTTPStatus.NO_CONTENT)
