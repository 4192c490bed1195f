"""What comes in, what is stored and what goes out of secrets. A value only ever comes in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, StringConstraints
from typing_extensions import TypedDict

from chalicelib.model import Model

MAX_VALUE_BYTES = 65_536
"""Of a value (AWS Secrets Manager quotas)."""


class PutSecret(Model):
    """A secret's value, which is a text."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    value: Annotated[str, StringConstraints(strict=True, min_length=1)]


class SecretRow(TypedDict):
    """A stored secret."""

    id: UUID
    name: str
    created_at: datetime
    created_by: UUID | None
    updated_at: datetime | None
    """When its value was stored; None where storing it was cut short, and it may have none."""
    updated_by: UUID | None


class OrphanRow(TypedDict):
    """A secret of a workspace that is gone."""

    id: UUID
    workspace_id: UUID
    name: str
    created_at: datetime
    updated_at: datetime | None


class Taker(TypedDict):
    """A workflow whose current version takes a secret."""

    id: str
    name: str


class SecretDetail(SecretRow):
    """A secret, and the workflows that take it."""

    used_by: list[Taker]
