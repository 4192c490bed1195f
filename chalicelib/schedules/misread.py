"""Crons that are legal and mean something else than many take them for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from .cron import DAY, DAYS_OF_MONTH, FIELDS, HOUR, MINUTE, WEEKDAY, Cron, Field
from .summer_time import Kind, summer_time
from .words import ordinals, weekdays

_UNITS = dict(zip(FIELDS, ("minutes", "hours", "days", "months", "days"), strict=True))
_STARTS_AGAIN = dict(zip(FIELDS, ("each hour", "each day", "each month", "each year", "each Sunday"), strict=True))
_CHANGES = {
    Kind.MOVED: "summer_time_moves",
    Kind.SKIPPED: "summer_time_skips",
    Kind.ONCE: "summer_time_repeats",
    Kind.TWICE: "summer_time_doubles",
}
_BY_THE_CLOCK = (Kind.SKIPPED, Kind.TWICE)


@dataclass(frozen=True, slots=True)
class Misreading:
    """What the author of a cron may not expect: a code, and words that say what it does."""

    code: str
    message: str


def misreadings(cron: Cron, zone: ZoneInfo, after: datetime) -> list[Misreading]:
    """All that may surprise about a cron that fires from this moment on."""
    return [*_times(cron), *_steps(cron), *_day_fields(cron), *_dates(cron), *_changes(cron, zone, after)]


def _times(cron: Cron) -> Iterator[Misreading]:
    """An hour was set and the minute forgotten."""
    if cron.minutes == MINUTE.every and cron.hours != HOUR.every:
        once = " ".join(("0", *cron.fields[1:]))
        yield Misreading("every_minute", f"it fires 60 times in each of its hours; once in each is {once}")


def _steps(cron: Cron) -> Iterator[Misreading]:
    """A step that does not divide its field is not kept from the last number to the first."""
    sets = (cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays)
    for field, written, numbers in zip(FIELDS, cron.fields, sets, strict=True):
        step = int(written[2:]) if written.startswith("*/") and written[2:].isdigit() else 1
        if step > 1 and (field is DAY or len(field.every) % step):
            message = f"{written} is not every {step} {_UNITS[field]}: it starts again {_STARTS_AGAIN[field]}"
            yield Misreading("uneven_step", f"{message}, with {field.name} {_named(field, sorted(numbers))}")


def _named(field: Field, numbers: list[int]) -> str:
    names = [field.names[number - field.low] if field.names else str(number) for number in numbers]
    return ", ".join(names)


def _day_fields(cron: Cron) -> Iterator[Misreading]:
    """Two day fields: either suffices, unless one begins with a star."""
    days = f"the {ordinals(cron.days)} of the month"
    if cron.either_day:
        message = f"day of month and weekday are both set, and either suffices: on {days} or {weekdays(cron.weekdays)}"
        yield Misreading("day_or_weekday", message)
    elif cron.days != DAY.every and cron.weekdays != WEEKDAY.every:
        message = "both day of month and weekday must hold, as one of them begins with *"
        yield Misreading("day_and_weekday", f"{message}: {weekdays(cron.weekdays)} that are also {days}")


def _dates(cron: Cron) -> Iterator[Misreading]:
    """Days that not every month, or not every year, has."""
    first = min(cron.days)
    if cron.never_fires:
        yield Misreading("never_fires", f"it never fires: its months have no {ordinals([min(cron.days)])}")
    elif cron.dates == {(2, 29)} and not cron.either_day:
        yield Misreading("leap_years_only", "it fires on 29 February only, so in leap years only")
    elif any(first > (28 if month == 2 else DAYS_OF_MONTH[month]) for month in cron.months) and not cron.either_day:
        yield Misreading("short_months", f"months that have no {ordinals([first])} are passed over")


def _changes(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[Misreading]:
    """What summer time does to it. One that fires in every hour by the clock loses and gains nothing in real time."""
    for effect in summer_time(cron, zone, after):
        keeps_its_pace = effect.kind in _BY_THE_CLOCK and cron.hours == HOUR.every
        if effect.kind in _CHANGES and not keeps_its_pace and not cron.never_fires:
            yield Misreading(_CHANGES[effect.kind], effect.words)
