"""What comes in, what is stored and what goes out of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from chalicelib.compiler.webhook import Webhook
from chalicelib.model import Model


class PutWebhook(Model):
    """Whether it listens."""

    model_config = ConfigDict(extra="forbid")

    enabled: Annotated[bool, Field(strict=True)]


class _Webhook(TypedDict):
    enabled: bool
    created_at: datetime
    rotated_at: datetime | None
    """When it got the token that it has now, where it is not its first."""


class WebhookRow(_Webhook):
    """A workflow's webhook as it is stored."""

    token: str


class WebhookAnswer(_Webhook):
    """A workflow's webhook and where it is asked."""

    url: str


class StartedRun(TypedDict):
    """The run that a request to a webhook started."""

    run_id: UUID
    status: str


class Listening(TypedDict):
    """The workflow that is asked at a token."""

    workflow_id: UUID
    workspace_id: UUID
    enabled: bool
    webhook: Webhook | None
    """What its current version wants of requests; None where it has no webhook any more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a webhook. Header names are lower case; a query has all values of each name."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """The run for a request, and whether the request started it."""

    run_id: UUID
    status: str
    is_new: bool
