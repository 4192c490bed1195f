"""What comes in, what is stored and what goes out of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypedDict
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.compiler.webhook import Webhook


class PutWebhook(BaseModel):
    """Whether it listens."""

    model_config = ConfigDict(extra="forbid")

    enabled: Annotated[bool, Field(strict=True)]


class WebhookRow(TypedDict):
    """A workflow's webhook as it is stored."""

    token: str
    enabled: bool
    created_at: datetime
    rotated_at: datetime | None
    """When it got the token that it has now, where it is not its first."""


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
