"""Requests about webhooks, and to them, become schemas, one service call, a response."""

from __future__ import annotations

from http import HTTPStatus

from chalicelib.api import PublicRequest, Request, Response
from chalicelib.requests import parse_body

from .schemas import Asked, PutWebhook, WebhookRow
from .service import WebhookService


class WebhookController:
    """One method an endpoint."""

    def __init__(self, service: WebhookService) -> None:
        self._service = service

    def get(self, request: Request) -> Response:
        """The webhook with its URL."""
        return _response(request, self._service.get(request.workspace_id, request.id("workflow_id")))

    def put(self, request: Request) -> Response:
        """The webhook as it is now."""
        body = parse_body(request.body, PutWebhook)
        webhook = self._service.enable(request.workspace_id, request.id("workflow_id"), enabled=body.enabled)
        return _response(request, webhook)

    def rotate(self, request: Request) -> Response:
        """The webhook with its new URL."""
        return _response(request, self._service.rotate(request.workspace_id, request.id("workflow_id")))

    def receive(self, request: PublicRequest) -> Response:
        """`{run_id, status}`: 202 for a new run, 200 for the one that the same request started before."""
        asked = Asked(request.method, request.headers, request.query, request.body)
        accepted = self._service.receive(request.path["token"], asked)
        status = HTTPStatus.ACCEPTED if accepted.is_new else HTTPStatus.OK
        return Response({"run_id": accepted.run_id, "status": accepted.status}, status)


def _response(request: Request, webhook: WebhookRow) -> Response:
    shown = {key: value for key, value in webhook.items() if key != "token"}
    return Response({"url": request.webhook_url(webhook["token"]), **shown})
