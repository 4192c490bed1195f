"""What comes in, what is stored and what goes out of schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints
from typing_extensions import TypedDict

from chalicelib.compiler.settings import Whole
from chalicelib.model import Model
from chalicelib.runs.results import Moment
from chalicelib.runs.state import RunStatus

from .timing import CatchUp, Overlap


class PutSchedule(Model):
    """A Unix cron of five fields in an IANA time zone, on or off. What is not sent stays; the first cron is on
    unless it is said to be off, and null takes it away."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"cron": "30 8 * * 1-5", "timezone": "Europe/Berlin"}, {"enabled": False}]},
    )

    cron: Annotated[str, StringConstraints(strict=True, strip_whitespace=True)] | None = None
    timezone: Annotated[str, StringConstraints(strict=True)] | None = None
    enabled: Annotated[bool, Field(strict=True)] | None = None
    overlap: Overlap | None = None
    """What becomes of a fire while a run of the workflow goes on; with `allow`, what the graph's settings say."""
    catch_up: CatchUp | None = None
    """Whether the last of the fires that were missed, because nothing ran here, is made up for."""
    pause_after_failures: Annotated[Whole, Field(ge=1, le=1000)] | None = None
    """After so many scheduled runs that failed in a row the schedule is turned off; null is never."""


class FireTime(TypedDict):
    """One moment, in the schedule's zone and in UTC."""

    local: Moment
    utc: Moment


class Fire(FireTime):
    """A fire and the run that it started."""

    run_id: UUID
    run_status: RunStatus


class Misreading(TypedDict):
    """What the author of a cron may not expect."""

    code: str
    message: str


class ClockChange(TypedDict):
    """What happens at a change of the zone's clock, which is at `local_before` and then at `local_after`."""

    at: Moment
    local_before: str
    local_after: str
    minutes: int
    effect: str
    description: str


class Schedule(TypedDict):
    """A workflow's schedule."""

    workflow_id: UUID
    schedule_cron: str | None
    schedule_timezone: str
    schedule_enabled: bool
    overlap: Overlap
    catch_up: CatchUp
    pause_after_failures: int | None
    paused_at: datetime | None
    """When it was turned off because its runs failed; and why."""
    paused_reason: str | None
    description: str | None
    """The cron in words."""
    warnings: list[Misreading]
    next_fire_times: list[FireTime]
    """The next ten times of the cron, also while it is off."""
    summer_time: list[ClockChange]
    """The next two changes of the zone's clock."""
    last_fires: list[Fire]
    """The last ten, newest first."""
    in_sync: bool
    """Whether what calls it in the account is as it should be; and if not, what is off."""
    out_of_sync: list[str]
