"""What the next changes of a zone's offset do to a cron, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from .zones import MINUTE, Change, changes_after

if TYPE_CHECKING:
    from .cron import Cron

SHOWN_CHANGES = 2


class Kind(StrEnum):
    """What a change does to the times that the clock on the wall leaves out or shows twice."""

    NOTHING = "nothing"
    MOVED = "moved"
    """Left out; runs once, right after the gap."""
    SKIPPED = "skipped"
    """Left out; does not run."""
    ONCE = "once"
    """Shown twice; runs the first time."""
    TWICE = "twice"
    """Shown twice; runs both times."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A change and what it does: `at` in UTC, what the clock on the wall shows (without zone)
    right before it and from it on, the minutes that it jumps."""

    at: datetime
    local_before: datetime
    local_after: datetime
    minutes: int
    kind: Kind
    words: str


def summer_time(cron: Cron, zone: ZoneInfo, after: datetime) -> list[Effect]:
    """The next two changes of the zone's offset, within ten years."""
    return [_effect(cron, change) for change in islice(changes_after(zone, after), SHOWN_CHANGES)]


def _effect(cron: Cron, change: Change) -> Effect:
    gap = change.after > change.before
    walls = [wall for wall in change.walls() if cron.matches(wall)]
    kind, words = Kind.NOTHING, "not touched"
    if walls and gap:
        kind, words = _left_out(cron, change, walls)
    elif walls:
        kind, words = _shown_twice(cron, change, walls)
    wall = change.at.replace(tzinfo=None)
    return Effect(
        at=change.at,
        local_before=wall + change.before,
        local_after=wall + change.after,
        minutes=(change.after - change.before) // MINUTE,
        kind=kind,
        words=words,
    )


def _left_out(cron: Cron, change: Change, walls: Sequence[datetime]) -> tuple[Kind, str]:
    plural = len(walls) > 1
    begin = f"{_named(walls)} {'do' if plural else 'does'} not exist on {walls[0].date()}:"
    if cron.fixed and change.is_seasonal:
        return Kind.MOVED, f"{begin} {'run once, ' if plural else 'runs '}at {change.at + change.after:%H:%M}"
    return Kind.SKIPPED, f"{begin} {'do' if plural else 'does'} not run{_why(cron)}"


def _shown_twice(cron: Cron, change: Change, walls: Sequence[datetime]) -> tuple[Kind, str]:
    plural = len(walls) > 1
    begin = f"{_named(walls)} {'come' if plural else 'comes'} twice on {walls[0].date()}:"
    if cron.fixed and change.is_seasonal:
        return Kind.ONCE, f"{begin} {'run' if plural else 'runs'} once, the first time"
    return Kind.TWICE, f"{begin} {'run' if plural else 'runs'} both times{_why(cron)}"


def _why(cron: Cron) -> str:
    return "; the clock was set" if cron.fixed else "; with * in minute or hour it goes by the clock"


def _named(walls: Sequence[datetime]) -> str:
    """One time, two, or how many between the first and the last."""
    first, last = (f"{wall:%H:%M}" for wall in (walls[0], walls[-1]))
    if len(walls) == 1:
        return first
    return f"{first} and {last}" if len(walls) == 2 else f"the {len(walls)} times from {first} to {last}"
