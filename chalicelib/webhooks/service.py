"""What owners do with webhooks, and what becomes of a request to one."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING
from uuid import UUID

from chalicelib.errors import (
    NotAllowedError,
    NotFoundError,
    TooLargeError,
    TooManyError,
    UnauthenticatedError,
    UnavailableError,
)
from chalicelib.observability import logger
from chalicelib.runs.state import NewRun

from .content import run_input
from .repository import WebhookRepository
from .schemas import Accepted, Asked, Listening, WebhookRow
from .signature import SignatureError, verify

if TYPE_CHECKING:
    from chalicelib.compiler.webhook import Hmac, Webhook
    from chalicelib.db import Database
    from chalicelib.runs.service import RunService
    from chalicelib.secrets.service import SecretService
    from chalicelib.settings import Settings


class WebhookService:
    """Use cases of webhooks. What listens is what the database says, in the same transaction as the version that is
    current: nothing else is to be registered."""

    def __init__(self, database: Database, settings: Settings, runs: RunService, secrets: SecretService) -> None:
        self._database = database
        self._settings = settings
        self._runs = runs
        self._secrets = secrets

    def get(self, workspace_id: UUID, workflow_id: UUID) -> WebhookRow:
        """A workflow's webhook. Raises NotFoundError where it never had one."""
        with self._database.connection() as connection:
            return WebhookRepository(connection).get(workspace_id, workflow_id)

    def enable(self, workspace_id: UUID, workflow_id: UUID, *, enabled: bool) -> WebhookRow:
        """Turn it on or off. Raises NotFoundError."""
        with self._database.transaction() as connection:
            repository = WebhookRepository(connection)
            repository.get(workspace_id, workflow_id)
            repository.enable(workflow_id, enabled=enabled)
            return repository.get(workspace_id, workflow_id)

    def rotate(self, workspace_id: UUID, workflow_id: UUID) -> WebhookRow:
        """Give it another address at once. Raises NotFoundError."""
        with self._database.transaction() as connection:
            repository = WebhookRepository(connection)
            repository.get(workspace_id, workflow_id)
            repository.rotate(workflow_id)
            return repository.get(workspace_id, workflow_id)

    def receive(self, token: str, asked: Asked) -> Accepted:
        """Start a run for a request, or find the one that the same request started within a day.

        Raises NotFoundError where no one listens, NotAllowedError for its method, TooLargeError, UnauthenticatedError
        for its signature, MalformedError for its body, TooManyError, UnavailableError.
        """
        listening, webhook = self._find(token)
        self._check(listening, webhook, asked)
        header = webhook.hmac.header_name if webhook.hmac else None
        key = _dedupe_key(webhook, asked)
        new = NewRun(run_input(asked, header), "webhook", None, idempotency_key=key)
        run_id = self._find_same(listening, key)
        is_new = run_id is None
        if run_id is None:
            self._check_rate(listening)
            run_id = self._runs.start(listening["workspace_id"], listening["workflow_id"], new)
        if run_id is None:  # the same request came twice at once
            is_new, run_id = False, self._find_same(listening, key)
        if run_id is None:
            raise _nobody()
        run = self._runs.get(listening["workspace_id"], listening["workflow_id"], run_id)
        return Accepted(run_id, run["status"], is_new)

    def _find(self, token: str) -> tuple[Listening, Webhook]:
        with self._database.connection() as connection:
            listening = WebhookRepository(connection).find(token) if token.isascii() and token.isalnum() else None
        if listening is None:
            raise _nobody()
        webhook = listening["webhook"]
        if webhook is None:
            raise NotFoundError("the workflow at this webhook takes no requests any more: its webhook was removed")
        if not listening["enabled"]:
            raise NotFoundError("this webhook is turned off")
        return listening, webhook

    def _check(self, listening: Listening, webhook: Webhook, asked: Asked) -> None:
        if asked.method not in webhook.methods:
            allowed = ", ".join(webhook.methods)
            raise NotAllowedError(f"this webhook takes {allowed}, not {asked.method}", webhook.methods)
        size, limit = len(asked.body), self._settings.max_input_bytes
        if size > limit:
            raise TooLargeError(f"the request has {size:,} bytes; at most {limit:,} are allowed")
        if webhook.hmac:
            self._verify(listening, webhook.hmac, asked)

    def _verify(self, listening: Listening, hmac: Hmac, asked: Asked) -> None:
        key = self._secrets.values(listening["workspace_id"], [hmac.secret]).get(hmac.secret)
        if key is None:
            logger.warning("webhook lacks its secret", workflow_id=str(listening["workflow_id"]), secret=hmac.secret)
            raise UnavailableError("the signature can't be checked now; the webhook's owner must store its key first")
        try:
            verify(hmac, key, asked.headers, asked.body, time.time())
        except SignatureError as error:
            raise UnauthenticatedError(str(error)) from None

    def _check_rate(self, listening: Listening) -> None:
        with self._database.connection() as connection:
            runs = WebhookRepository(connection).count_runs_of_last_minute(listening["workflow_id"])
        if runs >= (most := self._settings.max_webhook_runs_per_minute):
            raise TooManyError(f"this webhook started {runs:,} runs within a minute; at most {most:,} are allowed")

    def _find_same(self, listening: Listening, key: str | None) -> UUID | None:
        return self._runs.find_by_key(listening["workflow_id"], key) if key else None


def _nobody() -> NotFoundError:
    return NotFoundError("there is no webhook here; it may have got another URL, or its workflow was deleted")


def _dedupe_key(webhook: Webhook, asked: Asked) -> str | None:
    """A key that no one else can send: those of callers have no space."""
    value = asked.headers.get((webhook.dedupe_header or "").lower())
    return f"webhook {hashlib.sha256(value.encode()).hexdigest()}" if value else None
