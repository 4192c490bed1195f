"""A cron in a zone as EventBridge rules: UTC, another dialect, and at least whenever the cron fires.

The dialect (EventBridge User Guide, "Cron expressions reference"): `cron(minutes hours day-of-month month day-of-week
year)`, one of the two day fields `?`, weekdays 1 to 7 from Sunday. Of its steps only `a/n` is told there, every n from
a on, so no other is written. Sets are translated, never text:

1. Every time of day is moved by each offset that the zone has or will have; what crosses midnight moves the date too.
2. A time that a change leaves out runs right after it, so that moment is added.
3. Dates become one rule by day of month or by weekday, whichever is closer, or two for a cron that takes either.
4. Rules are joined where that adds little: 300 rules are all that a bus takes, and a call for nothing costs next to it.

The Lambda behind the rules decides by `fires_at`, so what is too much is never a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import combinations, groupby
from zoneinfo import ZoneInfo

from .cron import DAY, DAYS_OF_MONTH, HOUR, MINUTE, MONTH, WEEKDAY, Cron, Field
from .zones import MINUTE as A_MINUTE
from .zones import changes_after, offset

MAX_RULES = 5
"""How many rules a schedule has at most."""
MAX_CHARACTERS = 256
"""Of a schedule expression, in PutRule."""
JOINED_TIMES = 24
"""How many times a day joining rules may add while it need not be."""

Times = dict[int, set[int]]
"""Minutes by their hour."""
Days = tuple[frozenset[int], frozenset[int], bool]
"""Days and months, and whether the days are weekdays."""
MadeUp = tuple[tuple[int, int], tuple[int, int]]
"""Hour and minute that a change leaves out; days ahead and minute of the UTC day at which they run instead."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, in UTC: every minute of every hour on every day of every month. Its days are days of month, or
    weekdays 0 to 6 from Sunday."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    by_week: bool

    def __or__(self, other: Rule) -> Rule:
        return Rule(
            self.minutes | other.minutes,
            self.hours | other.hours,
            self.days | other.days,
            self.months | other.months,
            self.by_week,
        )

    @property
    def times(self) -> int:
        """How often it fires on one of its days."""
        return len(self.minutes) * len(self.hours)

    @property
    def yearly(self) -> float:
        """About how often it fires in a year."""
        return self.times * len(self.days) * len(self.months) * (30.4 / 7 if self.by_week else 1)

    def expression(self) -> str:
        """As PutRule takes it."""
        if self.by_week:
            day, weekday = "?", _text(WEEKDAY, self.days, count_from=1)
        else:
            day, weekday = _text(DAY, self.days), "?"
        time = f"{_text(MINUTE, self.minutes)} {_text(HOUR, self.hours)}"
        return f"cron({time} {day} {_text(MONTH, self.months)} {weekday} *)"


def expressions(cron: Cron, zone: ZoneInfo, since: datetime) -> list[str]:
    """At most five rules that fire, from this moment on, at least whenever the cron does; none if it never does.

    On any day they fire at most `JOINED_TIMES` times more than the cron's times of day by the zone's offsets, unless
    five rules can't say it so exactly.
    """
    if cron.never_fires:
        return []
    exact = [
        Rule(minutes, hours, days, months, by_week)
        for shift, times in _times(cron, zone, since).items()
        for days, months, by_week in _dates(cron, shift)
        for minutes, hours in _rectangles(times)
    ]
    return sorted(rule.expression() for rule in _joined(exact))


def _times(cron: Cron, zone: ZoneInfo, since: datetime) -> dict[int, Times]:
    """When it may fire in UTC, by how many days that date is ahead of the local one: 0 where any date will do."""
    daily = cron.months == MONTH.every and _is_every_day(cron)
    offsets, made_up = _clock(zone, since.astimezone(UTC).year)
    found: dict[int, Times] = {}
    for each in offsets:
        for minutes, ahead in _moved_minutes(cron.minutes, each):
            for hour in cron.hours:
                shift, moved = divmod(hour + ahead, 24)
                found.setdefault(0 if daily else shift, {}).setdefault(moved, set()).update(minutes)
    for (hour, minute), (shift, at) in made_up if cron.fixed else ():
        if hour in cron.hours and minute in cron.minutes:
            found.setdefault(0 if daily else shift, {}).setdefault(at // 60, set()).add(at % 60)
    return found


def _moved_minutes(minutes: Iterable[int], offset_minutes: int) -> Iterator[tuple[frozenset[int], int]]:
    """The minutes of an hour in UTC, with the hours by which they are ahead of the local hour."""
    hours, rest = divmod(offset_minutes, 60)
    yield frozenset(minute - rest for minute in minutes if minute >= rest), -hours
    yield frozenset(minute - rest + 60 for minute in minutes if minute < rest), -hours - 1


@lru_cache(maxsize=1024)
def _clock(zone: ZoneInfo, year: int) -> tuple[frozenset[int], frozenset[MadeUp]]:
    """Of a zone from a year on: its offsets in minutes, and what is made up for after its changes."""
    begin = datetime(year, 1, 1, tzinfo=UTC)
    coming = list(changes_after(zone, begin))
    offsets = {offset(zone, begin) // A_MINUTE, *(change.after // A_MINUTE for change in coming)}
    gaps = [change for change in coming if change.after > change.before and change.is_seasonal]
    made_up = {
        ((wall.hour, wall.minute), ((gap.at.date() - wall.date()).days, gap.at.hour * 60 + gap.at.minute))
        for gap in gaps
        for wall in gap.walls()
    }
    return frozenset(offsets), frozenset(made_up)


def _rectangles(times: Times) -> Iterator[tuple[frozenset[int], frozenset[int]]]:
    """Times as minutes of hours: hours with the same minutes together."""
    alike: dict[frozenset[int], set[int]] = {}
    for hour, minutes in times.items():
        if minutes:
            alike.setdefault(frozenset(minutes), set()).add(hour)
    return ((minutes, frozenset(together)) for minutes, together in alike.items())


def _is_every_day(cron: Cron) -> bool:
    """Whether its day fields let every day of its months through."""
    all_days, all_weekdays = cron.days == DAY.every, cron.weekdays == WEEKDAY.every
    return all_days or all_weekdays if cron.either_day else all_days and all_weekdays


def _dates(cron: Cron, shift: int) -> Iterator[Days]:
    """Its dates, some days ahead. They may be too many where months have different lengths, or where both day fields
    must hold: EventBridge takes one of them, so it gets the one that lets fewer days through."""
    by_week = len(cron.weekdays) / len(WEEKDAY.every) <= len(cron.days) / len(DAY.every)
    if _is_every_day(cron):
        yield _by_day({(month, day) for month in cron.months for day in range(1, DAYS_OF_MONTH[month] + 1)}, shift)
        return
    if (cron.either_day or not by_week) and cron.dates:
        yield _by_day(cron.dates, shift)
    if cron.either_day or by_week:
        months = cron.months | {(month - 1 + shift) % 12 + 1 for month in cron.months}
        yield frozenset((day + shift) % 7 for day in cron.weekdays), months, True


def _by_day(dates: Iterable[tuple[int, int]], shift: int) -> Days:
    moved = {each for month, day in dates for each in _neighbours(month, day, shift)}
    days, months = frozenset(day for _, day in moved), frozenset(month for month, _ in moved)
    longest = max(DAYS_OF_MONTH[month] for month in months)
    return DAY.every if len(days) == longest else days, months, False


def _neighbours(month: int, day: int, shift: int) -> Iterator[tuple[int, int]]:
    """The date one day ahead or back, both of them where that depends on the year."""
    before, after = (month - 2) % 12 + 1, month % 12 + 1
    if shift == 0 or (shift > 0 and day < DAYS_OF_MONTH[month]) or (shift < 0 and day > 1):
        yield month, day + shift
    if shift > 0 and (day == DAYS_OF_MONTH[month] or (month, day) == (2, 28)):
        yield after, 1
    if shift < 0 and day == 1:
        yield before, DAYS_OF_MONTH[before]
    if shift < 0 and (month, day) == (3, 1):
        yield 2, 28


def _joined(rules: list[Rule]) -> list[Rule]:
    """The rules, joined two by two, always those that add least in a year, while it adds few times a day or must be."""
    most = sum(rule.times for rule in rules) + JOINED_TIMES
    while True:
        pairs = [(a, b, a | b) for a, b in combinations(rules, 2) if a.by_week == b.by_week]
        total = sum(rule.times for rule in rules)
        if len(rules) <= MAX_RULES:
            pairs = [each for each in pairs if total + _added_times(*each) <= most]
        if not pairs:
            return rules
        first, second, both = min(pairs, key=lambda each: each[2].yearly - each[0].yearly - each[1].yearly)
        rules = [rule for rule in rules if rule not in (first, second)] + [both]


def _added_times(first: Rule, second: Rule, both: Rule) -> int:
    return both.times - first.times - second.times


def _text(field: Field, numbers: frozenset[int], count_from: int = 0) -> str:
    """A set in the fewest words that EventBridge reads as we do."""
    ordered = sorted(numbers)
    if numbers == field.every:
        return "*"
    step = ordered[1] - ordered[0] if len(ordered) > 2 else 0
    if field in (MINUTE, HOUR) and step > 1 and ordered == list(range(ordered[0], field.high + 1, step)):
        return f"{ordered[0]}/{step}"
    runs = groupby(enumerate(number + count_from for number in ordered), key=lambda pair: pair[1] - pair[0])
    return ",".join(_run([number for _, number in run]) for _, run in runs)


def _run(numbers: list[int]) -> str:
    return f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 2 else ",".join(map(str, numbers))
