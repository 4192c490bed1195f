"""When a workflow runs by itself, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from chalicelib.jsontext import iso8601

if TYPE_CHECKING:
    from chalicelib.compiler.settings import RunSettings

    from .cron import Cron
    from .schemas import FireTime

Overlap = Literal["skip", "queue", "allow"]
CatchUp = Literal["none", "last"]


@dataclass(frozen=True, slots=True)
class Timing:
    """When a workflow runs by itself, and how."""

    workflow_id: UUID
    workspace_id: UUID
    cron: str | None
    timezone: str
    enabled: bool
    overlap: Overlap
    catch_up: CatchUp
    pause_after_failures: int | None
    paused_at: datetime | None
    paused_reason: str | None
    since: datetime
    """After when it holds: a fire at this moment or before starts no run."""
    accounted_until: datetime
    """Up to when no fire is missing any more."""
    sync_problem: str | None
    """Why its timers could not be brought in line the last time."""

    @property
    def parsed(self) -> Cron:
        """Its cron, which there is. Raises CronError."""
        from .cron import parse  # noqa: PLC0415 - most who look at a schedule do not ask when it fires

        assert self.cron is not None
        return parse(self.cron)

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone."""
        return ZoneInfo(self.timezone)

    @property
    def catches_up(self) -> bool:
        """Whether the last fire that it missed is made up for."""
        return self.cron is not None and self.enabled and self.catch_up == "last"

    def limits(self, settings: RunSettings) -> RunSettings:
        """What holds for a run that it starts, where this holds for all of the workflow's."""
        if self.overlap == "allow":
            return settings
        return settings.model_copy(update={"overlap": self.overlap, "max_concurrent_runs": 1})


def fire_time(moment: datetime, zone: ZoneInfo) -> FireTime:
    """A moment as the schedule of a zone tells it."""
    return {"local": moment.astimezone(zone).isoformat(), "utc": iso8601(moment)}
