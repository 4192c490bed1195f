"""A cron in plain English. Crons with the same words fire at the same times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from .cron import DAY, HOUR, MINUTE, MONTH, WEEKDAY, Cron

LISTED_TIMES = 6
"""As many times of day are listed one by one."""
LONG_RUN = 3
"""So many numbers in a row are told by the first and the last."""

WORKING_DAYS = frozenset(range(1, 6))
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()


def describe(cron: Cron, zone: str) -> str:
    """When it fires, such as "at 08:30 on weekdays, Europe/Berlin time"."""
    if cron.never_fires:
        return "never"
    times, days = _times(cron), _days(cron)
    if times.startswith("at "):
        days = days or ("" if " past " in times else "every day")
        return f"{times} {days}".rstrip() + f", {zone} time"
    named = "Monday to Friday" if days == weekdays(WORKING_DAYS) else days
    return ", ".join(filter(None, (times, named, f"{zone} time")))


def ordinals(days: Iterable[int]) -> str:
    """Days of a month: "1st, 15th to 20th and 31st"."""
    return _listed(_runs(days, [_ordinal(day) for day in range(32)]))


def weekdays(days: Iterable[int]) -> str:
    """Days of the week (0 to 6 from Sunday): "on weekdays", "on Fridays", "on Mondays to Thursdays"."""
    if set(days) == WORKING_DAYS:
        return "on weekdays"
    return f"on {_listed(_runs(((day - 1) % 7 for day in days), [f'{name}s' for name in _WEEKDAYS]))}"


def _times(cron: Cron) -> str:
    """The times of day: one by one, by the step and the hours that they lie in, or by minutes and hours."""
    hours, minutes = sorted(cron.hours), sorted(cron.minutes)
    first, last = (f"{hour:02}:{minutes[0]:02}" for hour in (hours[0], hours[-1]))
    if len(hours) * len(minutes) <= LISTED_TIMES:
        return f"at {_listed(f'{hour:02}:{minute:02}' for hour in hours for minute in minutes)}"
    if len(minutes) > 1 and (step := _step(minutes)) and len(minutes) * step == len(MINUTE.every) and not minutes[0]:
        return f"{_every(step, 'minute')}{_within(hours)}"
    if len(minutes) == 1 and (step := _step(hours)) and len(hours) < len(HOUR.every):
        return f"{_every(step, 'hour')} from {first} to {last}"
    if minutes == [0]:
        return "every hour" if cron.hours == HOUR.every else f"at {_listed(f'{hour:02}:00' for hour in hours)}"
    numbers = _listed(_runs(minutes, list(map(str, range(60)))))
    past = f"at {numbers} minute{'s' * (minutes != [1])} past"
    return f"{past} every hour" if cron.hours == HOUR.every else f"{past} {_hours(hours)}"


def _every(step: int, unit: str) -> str:
    return f"every {unit}" if step == 1 else f"every {step} {unit}s"


def _within(hours: list[int]) -> str:
    """Hours that are all of their minutes: a stretch of the day, or one by one."""
    if len(hours) == len(HOUR.every):
        return ""
    stretch = _step(hours) == 1 or len(hours) == 1
    return f" from {hours[0]:02}:00 to {hours[-1]:02}:59" if stretch else f" in {_hours(hours)}"


def _hours(hours: list[int]) -> str:
    return f"the hour{'s' * (len(hours) > 1)} {_listed(_runs(hours, list(map(str, range(24)))))}"


def _step(numbers: list[int]) -> int:
    """The step from the first number to the last; 0 where it is not the same all along."""
    steps = {after - before for before, after in zip(numbers, numbers[1:], strict=False)}
    return steps.pop() if len(steps) == 1 else 0


def _days(cron: Cron) -> str:
    """The dates; nothing for every day of the year."""
    all_days, all_weekdays = cron.days == DAY.every, cron.weekdays == WEEKDAY.every
    months = "" if cron.months == MONTH.every else _listed(_runs(cron.months, ["", *_MONTHS]))
    inside = f" in {months}" if months else ""
    of_month = f"the {ordinals(cron.days)} of {months or 'the month'}"
    of_week = f"{weekdays(cron.weekdays)}{inside}"
    if (all_days or all_weekdays) if cron.either_day else (all_days and all_weekdays):
        return f"every day{inside}" if months else ""
    if cron.either_day:
        return f"on {of_month} or {of_week}"
    if all_weekdays:
        return f"on {of_month}"
    return of_week if all_days else f"{weekdays(cron.weekdays)} that are also {of_month}"


def _runs(numbers: Iterable[int], names: list[str]) -> Iterator[str]:
    """Numbers by their names; three or more in a row by the first and the last."""
    for _, run in groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0]):
        named = [names[number] for _, number in run]
        yield from named if len(named) < LONG_RUN else (f"{named[0]} to {named[-1]}",)


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _ordinal(day: int) -> str:
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"
