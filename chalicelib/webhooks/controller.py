"""Requests about webhooks, and to them, become schemas, one service call, a response."""

from __future__ import annotations

from http import HTTPStatus
from typing import cast

from chalicelib.api import OpenRequest, Request, Response

from .schemas import Asked, PutWebhook, StartedRun, WebhookAnswer, WebhookRow
from .service import WebhookService


class WebhookController:
    """One method an endpoint."""

    def __init__(self, service: WebhookService) -> None:
        self._service = service

    def get(self, request: Request) -> WebhookAnswer:
        """The webhook with its URL."""
        return _answer(request, self._service.get(request.workspace_id, request.id("workflow_id")))

    def put(self, request: Request, change: PutWebhook) -> WebhookAnswer:
        """The webhook as it is now."""
        ids = (request.workspace_id, request.id("workflow_id"))
        return _answer(request, self._service.enable(*ids, enabled=change.enabled))

    def rotate(self, request: Request) -> WebhookAnswer:
        """The webhook with its new URL."""
        return _answer(request, self._service.rotate(request.workspace_id, request.id("workflow_id")))

    def receive(self, request: OpenRequest) -> Response[StartedRun]:
        """The run: 202 for a new one, 200 for the one that the same request started before."""
        asked = Asked(request.method, request.headers, request.queries, request.body)
        accepted = self._service.receive(request.path["token"], asked)
        status = HTTPStatus.ACCEPTED if accepted.is_new else HTTPStatus.OK
        return Response(StartedRun(run_id=accepted.run_id, status=accepted.status), status)


def _answer(request: Request, webhook: WebhookRow) -> WebhookAnswer:
    shown = {key: value for key, value in webhook.items() if key != "token"}
    return cast("WebhookAnswer", {"url": request.webhook_url(webhook["token"]), **shown})
