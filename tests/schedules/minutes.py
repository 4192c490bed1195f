"""Sets of minutes over two years as integers of a million bits, so that crons can be compared minute by minute.

Nothing of the code under test is used here. What a cron's fields hold is read by cronsim, what a rule's fields hold by
aws-croniter; the rest is Debian's `cron(8)`: what happens around a change of the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import compress, pairwise
from zoneinfo import ZoneInfo

from aws_croniter import AwsCroniter
from cronsim import CronSim

BEGIN, END = datetime(2027, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
"""With a leap day."""
DAY = 24 * 60
MINUTES = (END - BEGIN) // timedelta(minutes=1)
WORD = 64
WORDS = MINUTES // WORD + 1
_DAYS = [BEGIN.date() + timedelta(days=number) for number in range(-2, MINUTES // DAY + 2)]
"""The days of the clocks on all walls."""
_AHEAD = 2 * DAY
"""Where the first minute is among these days."""
_QUARTER = 15
_THREE_HOURS = 180


def moment(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def bits_of(minutes: Collection[int]) -> int:
    found = bytearray(MINUTES // 8)
    for minute in minutes:
        found[minute // 8] |= 1 << minute % 8
    return int.from_bytes(found, "little")


def minutes_of(bits: int) -> Iterator[int]:
    """The numbers of the bits that are set."""
    words = memoryview(bits.to_bytes(WORDS * 8, "little")).cast("Q")
    for number in compress(range(WORDS), words):
        word = words[number]
        yield from (number * WORD + bit for bit in range(WORD) if word >> bit & 1)


def busiest_day(bits: int) -> int:
    """The most minutes that are set within one day."""
    every, size = bits.to_bytes(MINUTES // 8, "little"), DAY // 8
    return max(int.from_bytes(every[begin : begin + size]).bit_count() for begin in range(0, len(every), size))


@cache
def spans(zone: ZoneInfo) -> list[tuple[int, int, int]]:
    """Where the zone keeps its offset: the first minute, the end, and the offset in minutes. All offsets change at
    quarters of an hour."""
    offsets = [_offset(zone, minute) for minute in range(0, MINUTES, _QUARTER)]
    starts = [0, *(number for number in range(1, len(offsets)) if offsets[number] != offsets[number - 1])]
    return [(a * _QUARTER, b * _QUARTER, offsets[a]) for a, b in pairwise([*starts, len(offsets)])]


def _offset(zone: ZoneInfo, minute: int) -> int:
    return (moment(minute).astimezone(zone).utcoffset() or timedelta()) // timedelta(minutes=1)


def debian(text: str, zone: ZoneInfo) -> int:
    """When Debian's cron would run it, with the zone's clock on its wall."""
    cron = CronSim(text, BEGIN)
    wall = _bits(cron.hours, cron.minutes, lambda day: day.month in cron.months and cron.match_day(day))
    fixed = not any(field.startswith("*") for field in text.split()[:2])
    found, shown = 0, 0
    for begin, end, offset in spans(zone):
        first = begin + offset + _AHEAD
        jump = first - shown if shown else 0
        if fixed and 0 < jump < _THREE_HOURS and (wall >> shown) & ((1 << jump) - 1):
            found |= 1 << begin
        repeated = -jump if fixed and -_THREE_HOURS <= jump < 0 else 0
        seen = (wall >> first) & ((1 << (end - begin)) - 1)
        found |= (seen >> repeated << repeated) << begin
        shown = first + end - begin
    return found


def eventbridge(expressions: Collection[str]) -> int:
    """When any of these rules fires."""
    found = 0
    for expression in expressions:
        found |= _rule(expression) >> _AHEAD & ((1 << MINUTES) - 1)
    return found


def _rule(expression: str) -> int:
    read = AwsCroniter(expression.removeprefix("cron(").removesuffix(")"))
    days, weekdays = set(read.days_of_month), set(read.days_of_week)

    def on(day: date) -> bool:
        return day.month in months and (day.isoweekday() % 7 + 1 in weekdays if weekdays else day.day in days)

    months = set(read.months)
    return _bits(read.hours, read.minutes, on)


def _bits(hours: Collection[int], minutes: Collection[int], on: Callable[[date], bool]) -> int:
    times = sum(1 << (hour * 60 + minute) for hour in set(hours) for minute in set(minutes))
    full, empty = times.to_bytes(DAY // 8, "little"), bytes(DAY // 8)
    return int.from_bytes(b"".join(full if on(day) else empty for day in _DAYS), "little")
