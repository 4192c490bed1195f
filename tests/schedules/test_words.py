"""Words say what a cron does, the whole of it and nothing else."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from random import Random

import pytest

from chalicelib.schedules.cron import DAYS_OF_MONTH, Cron, parse
from chalicelib.schedules.words import describe

from .expressions import NASTY, random_cron


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("*/15 9-17 * * 1-5", "every 15 minutes from 09:00 to 17:59, Monday to Friday"),
        ("30 8 * * 1-5", "at 08:30 on weekdays"),
        ("0 0 1 1,7 *", "at 00:00 on the 1st of January and July"),
        ("0 0 13 * 5", "at 00:00 on the 13th of the month or on Fridays"),
        ("0 0 13 6 5", "at 00:00 on the 13th of June or on Fridays in June"),
        ("0 0 */10 * 1", "at 00:00 on Mondays that are also the 1st, 11th, 21st and 31st of the month"),
        ("0 0 1-31 * 1", "at 00:00 every day"),
        ("* * * * *", "every minute"),
        ("0 * * * *", "every hour"),
        ("17 * * * *", "at 17 minutes past every hour"),
        ("1 * * * *", "at 1 minute past every hour"),
        ("*/40 * * * *", "at 0 and 40 minutes past every hour"),
        ("5-59/15 * * * *", "at 5, 20, 35 and 50 minutes past every hour"),
        ("* */6 * * *", "every minute in the hours 0, 6, 12 and 18"),
        ("* 9 * * *", "every minute from 09:00 to 09:59"),
        ("0 9-17 * * *", "every hour from 09:00 to 17:00"),
        ("30 */2 * * *", "every 2 hours from 00:30 to 22:30"),
        ("0-10,30 9-17 * * *", "at 0 to 10 and 30 minutes past the hours 9 to 17"),
        ("15 6,18 * * *", "at 06:15 and 18:15 every day"),
        ("0 9 * jan,jul-dec *", "at 09:00 every day in January and July to December"),
        ("0 9 * * 0,2-4", "at 09:00 on Tuesdays to Thursdays and Sundays"),
        ("0 9 * * 6,7", "at 09:00 on Saturdays and Sundays"),
        ("0 9 1-7,22,23 * *", "at 09:00 on the 1st to 7th, 22nd and 23rd of the month"),
        ("*/5 * * 2 *", "every 5 minutes, every day in February"),
        ("@weekly", "at 00:00 on Sundays"),
    ],
)
def test_a_cron_in_words(text: str, words: str) -> None:
    assert describe(parse(text), "Europe/Berlin") == f"{words}, Europe/Berlin time"


def test_a_cron_that_never_fires_says_so() -> None:
    assert describe(parse("0 0 30 2 *"), "UTC") == "never"


def test_the_same_words_mean_the_same_times() -> None:
    random = Random(3)
    meanings: dict[str, set[object]] = defaultdict(set)
    for text in (*NASTY, *(random_cron(random) for _ in range(1_000)), *small_crons()):
        meanings[describe(parse(text), "UTC")].add(meaning(parse(text)))
    assert not [words for words, found in meanings.items() if len(found) > 1]


def small_crons() -> list[str]:
    """All that can be made of a few fields, near to one another."""
    minutes, hours = ("*", "0", "*/30", "1", "0-58", "0-59/2"), ("*", "0", "*/12", "9-17", "9,17", "0-22")
    days, weekdays = ("*", "*/2", "1", "1-31", "29"), ("*", "*/2", "1", "1-5", "0-7")
    return [f"{a} {b} {c} {d} {e}" for a in minutes for b in hours for c in days for d in ("*", "2") for e in weekdays]


def meaning(cron: Cron) -> object:
    """Its times, and its dates with the weekdays on which they count."""
    if cron.never_fires:
        return None
    return cron.minutes, cron.hours, dates(cron.days, cron.months, cron.weekdays, cron.either_day)


@cache
def dates(days: frozenset[int], months: frozenset[int], weekdays: frozenset[int], either: bool) -> object:
    return frozenset(
        (month, day, weekday)
        for month in months
        for day in range(1, DAYS_OF_MONTH[month] + 1)
        for weekday in range(7)
        if (day in days or weekday in weekdays if either else day in days and weekday in weekdays)
    )
