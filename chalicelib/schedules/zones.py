"""What the offsets of a time zone do: when they change, and what that makes of the clock on the wall.

zoneinfo tells the offset of a moment, not when it changes, so changes are searched: samples, then bisection. Since 2000
no zone has changed twice within six days, so a sample every four misses none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
SAMPLED = timedelta(days=4)
YEARS_AHEAD = 10
"""How far ahead changes are looked for."""

CLOCK_SET = timedelta(hours=3)
"""Debian's cron takes changes from three hours on (back: more than three) for a clock that was set, and starts anew."""


@dataclass(frozen=True, slots=True)
class Change:
    """A zone's offset from UTC changes: `at` is the first minute (UTC) of the one that comes after."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def is_seasonal(self) -> bool:
        """Whether fixed times are kept through it, as through a change of summer time."""
        return is_seasonal(self.after - self.before)

    def walls(self) -> list[datetime]:
        """The minutes (without zone, ascending) that the clock on the wall leaves out, or shows twice."""
        at = self.at.replace(tzinfo=None)
        begin = at + min(self.before, self.after)
        return [begin + MINUTE * number for number in range(abs(self.after - self.before) // MINUTE)]


def is_seasonal(change: timedelta) -> bool:
    """Whether a change of the offset is one that fixed times are kept through."""
    return -CLOCK_SET <= change < CLOCK_SET


def offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    """The zone's offset from UTC at a moment."""
    return moment.astimezone(zone).utcoffset() or timedelta()


def changed_within(zone: ZoneInfo, before: datetime, after: datetime) -> Change:
    """The change between two moments (UTC) with different offsets and one change between them."""
    old = offset(zone, before)
    while after - before > MINUTE:
        middle = before + (after - before) // (2 * MINUTE) * MINUTE
        before, after = (middle, after) if offset(zone, middle) == old else (before, middle)
    return Change(after, old, offset(zone, after))


@lru_cache(maxsize=4096)
def changes(zone: ZoneInfo, year: int) -> tuple[Change, ...]:
    """All changes within a year (UTC), in order."""
    begin, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    found: list[Change] = []
    moment, here = begin, offset(zone, begin)
    while moment < end:
        following = min(moment + SAMPLED, end)
        there = offset(zone, following)
        if there != here:
            found.append(changed_within(zone, moment, following))
        moment, here = following, there
    return tuple(change for change in found if change.at < end)


def changes_after(zone: ZoneInfo, moment: datetime) -> Iterator[Change]:
    """The changes after a moment, in order, for ten years."""
    for year in range(moment.year, moment.year + YEARS_AHEAD):
        yield from (change for change in changes(zone, year) if change.at > moment)
