"""When a cron fires in a zone, exactly, with summer time as in Debian's cron.

A cron that names times of day (`Cron.fixed`) runs once for each of them: right after the gap where the clock leaves it
out, the first time where the clock shows it twice. One with `*` in front of its hour or minute goes by the clock: what
is left out does not run, what is shown twice runs twice. croniter iterates the wall clock; zones are read here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice, takewhile
from operator import ge
from zoneinfo import ZoneInfo

from croniter import croniter

from .cron import DAY, FIELDS, Cron
from .zones import MINUTE, Change, changed_within, is_seasonal, offset

MOST_YEARS_BETWEEN = 41
"""A 29 February on a given weekday is up to 40 years from the last one, where a century has no leap year."""


def fires_at(cron: Cron, zone: ZoneInfo, moment: datetime) -> bool:
    """Whether it fires in the minute of this moment."""
    minute = moment.astimezone(UTC).replace(second=0, microsecond=0)
    wall = minute.astimezone(zone)
    if cron.matches(wall):
        return not (cron.fixed and wall.fold and is_seasonal(_difference(wall)))
    return cron.fixed and _makes_up(cron, zone, minute)


def fire_times(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The moments (UTC, ascending) after this one at which it fires, to the end of the calendar."""
    moment = after.astimezone(UTC)
    while (following := _next(cron, zone, moment)) is not None:
        yield following
        moment = following


def next_fire_times(cron: Cron, zone: ZoneInfo, after: datetime, count: int) -> list[datetime]:
    """The first of the moments (UTC, ascending) at which it fires; none for a cron that never does."""
    return list(islice(fire_times(cron, zone, after), count))


def last_fire_time(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> datetime | None:
    """The last moment (UTC) at which it fires after one moment, and not after another; None where it does not.

    It is looked for from the end, each time further back: in the last hour one that fires often has few moments, and
    years have few of one that fires seldom.
    """
    span = timedelta(hours=1)
    while after < until:
        begin = max(after, until - span)
        moments = takewhile(partial(ge, until), fire_times(cron, zone, begin))
        if found := deque(moments, maxlen=1):
            return found[0]
        until, span = begin, span * 4
    return None


def _makes_up(cron: Cron, zone: ZoneInfo, minute: datetime) -> bool:
    """Whether a gap ends at this minute that leaves out one of its times."""
    before, after = offset(zone, minute - MINUTE), offset(zone, minute)
    if after <= before or not is_seasonal(after - before):
        return False
    return any(map(cron.matches, Change(minute, before, after).walls()))


def _next(cron: Cron, zone: ZoneInfo, moment: datetime) -> datetime | None:
    """The first moment after this one at which it fires.

    From a minute that the clock will show again, two ways lead on: forward on the clock, and back to what comes again.
    """
    if cron.never_fires:
        return None
    here = moment.astimezone(zone)
    wall = here.replace(tzinfo=None, fold=0)
    starts = {wall} if here.fold else {wall, wall + _difference(here)}
    found = (_first(cron, zone, start, moment) for start in starts)
    return min((each for each in found if each is not None), default=None)


def _first(cron: Cron, zone: ZoneInfo, start: datetime, moment: datetime) -> datetime | None:
    """The first moment after this one that the times after `start` on the clock lead to."""
    walls = _walls(cron, start)
    return next((each for wall in walls for each in _moments(cron, zone, wall) if each > moment), None)


def _walls(cron: Cron, start: datetime) -> Iterator[datetime]:
    """The times after this one that a clock without summer time would show. It gets sets as lists, not the text: that
    way no dialect of croniter's is met."""
    days, either = frozenset(day for _, day in cron.dates), cron.either_day
    if either and not days:
        days, either = DAY.every, False  # the weekday alone; croniter would look for the day in every year
    sets = (cron.minutes, cron.hours, days, cron.months, cron.weekdays)
    fields = [
        "*" if numbers == field.every else ",".join(map(str, sorted(numbers)))
        for numbers, field in zip(sets, FIELDS, strict=True)
    ]
    if either and "*" in (fields[2], fields[4]):
        fields[2] = fields[4] = "*"
    times = croniter(" ".join(fields), start, datetime, day_or=either, max_years_between_matches=MOST_YEARS_BETWEEN)
    while True:
        try:
            yield times.get_next()
        except (ValueError, OverflowError):
            return  # the calendar ends


def _moments(cron: Cron, zone: ZoneInfo, wall: datetime) -> tuple[datetime, ...]:
    """When it runs for a time on the clock: once, twice, or not at all."""
    first = wall.replace(tzinfo=zone)
    difference = _difference(first)
    once = (first.astimezone(UTC),)
    if not difference:
        return once
    kept = cron.fixed and is_seasonal(difference)
    second = first.replace(fold=1).astimezone(UTC)
    if difference < timedelta():
        return once if kept else (*once, second)
    return (changed_within(zone, second, once[0]).at,) if kept else ()


def _difference(wall: datetime) -> timedelta:
    """How the offset changes at a time that the clock leaves out (positive) or shows twice (negative); else zero."""
    first, second = wall.replace(fold=0).utcoffset(), wall.replace(fold=1).utcoffset()
    return (second or timedelta()) - (first or timedelta())
