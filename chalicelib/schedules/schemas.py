"""What comes in and goes out of schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypedDict
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class PutSchedule(BaseModel):
    """A Unix cron of five fields in an IANA time zone, on or off. What is not sent stays; a cron that is sent is on
    unless it is said to be off, and null takes it away."""

    model_config = ConfigDict(extra="forbid")

    cron: Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=100)] | None = None
    timezone: Annotated[str, StringConstraints(strict=True, max_length=64)] | None = None
    enabled: Annotated[bool, Field(strict=True)] | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """When a workflow runs by itself."""

    cron: str | None
    timezone: str
    enabled: bool


class FireTime(TypedDict):
    """One moment, in the schedule's zone and in UTC."""

    local: str
    utc: str


class Schedule(TypedDict):
    """A workflow's schedule."""

    workflow_id: UUID
    schedule_cron: str | None
    schedule_timezone: str
    schedule_enabled: bool
    updated_at: datetime
    next_fire_times: list[FireTime]
