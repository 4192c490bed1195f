"""What authors are told of crons that are legal, and what summer time does to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from chalicelib.schedules.cron import parse
from chalicelib.schedules.misread import misreadings
from chalicelib.schedules.summer_time import Kind, summer_time

NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("* */6 * * *", "every_minute", "fires 60 times in each of its hours; once in each is 0 */6 * * *"),
        ("* 9 * * 1-5", "every_minute", "once in each is 0 9 * * 1-5"),
        ("*/40 * * * *", "uneven_step", "not every 40 minutes: it starts again each hour, with minute 0, 40"),
        ("0 */5 * * *", "uneven_step", "not every 5 hours: it starts again each day, with hour 0, 5, 10, 15, 20"),
        ("0 0 */5 * *", "uneven_step", "it starts again each month, with day of month 1, 6, 11, 16, 21, 26, 31"),
        ("0 0 1 */5 *", "uneven_step", "not every 5 months: it starts again each year, with month jan, jun, nov"),
        ("0 0 * * */2", "uneven_step", "it starts again each Sunday, with weekday sun, tue, thu, sat"),
        ("0 0 13 * 5", "day_or_weekday", "either suffices: on the 13th of the month or on Fridays"),
        ("0 0 */10 * 5", "day_and_weekday", "on Fridays that are also the 1st, 11th, 21st and 31st of the month"),
        ("0 0 30 2 *", "never_fires", "it never fires: its months have no 30th"),
        ("0 0 31 2,4 *", "never_fires", "it never fires: its months have no 31st"),
        ("0 0 29 2 *", "leap_years_only", "in leap years only"),
        ("0 0 29 * *", "short_months", "months that have no 29th are passed over"),
        ("0 0 31 * *", "short_months", "months that have no 31st are passed over"),
        ("30 2 * * *", "summer_time_moves", "02:30 does not exist on 2027-03-28: runs at 03:00"),
        ("0,30 2 * * *", "summer_time_moves", "02:00 and 02:30 do not exist on 2027-03-28: run once, at 03:00"),
        ("0-59 2 * * *", "summer_time_moves", "the 60 times from 02:00 to 02:59 do not exist on 2027-03-28"),
        ("30 2 * * *", "summer_time_repeats", "02:30 comes twice on 2027-10-31: runs once, the first time"),
        ("*/30 2 * * *", "summer_time_skips", "do not run; with * in minute or hour it goes by the clock"),
        ("0 */2 * * *", "summer_time_doubles", "02:00 comes twice on 2027-10-31: runs both times"),
    ],
)
def test_what_is_misread_is_told(text: str, code: str, words: str) -> None:
    found = {each.code: each.message for each in misreadings(parse(text), ZoneInfo("Europe/Berlin"), NOW)}
    assert words in found[code]


@pytest.mark.parametrize(
    "text",
    ["* * * * *", "*/15 * * * *", "0 */6 1 * *", "30 8 * * 1-5", "0 12 1,15 * *", "0 0 1 */3 *", "@daily", "@hourly"],
)
def test_what_is_plain_is_left_alone(text: str) -> None:
    assert [each.code for each in misreadings(parse(text), ZoneInfo("Europe/Berlin"), NOW)] == []


def test_the_next_two_changes_are_told() -> None:
    gap, repetition = summer_time(parse("30 2 * * *"), ZoneInfo("Europe/Berlin"), NOW)
    assert (gap.at, gap.minutes, gap.kind) == (datetime(2027, 3, 28, 1, tzinfo=UTC), 60, Kind.MOVED)
    assert (str(gap.local_before), str(gap.local_after)) == ("2027-03-28 02:00:00", "2027-03-28 03:00:00")
    assert (repetition.at, repetition.minutes, repetition.kind) == (
        datetime(2027, 10, 31, 1, tzinfo=UTC), -60, Kind.ONCE
    )  # fmt: skip


def test_a_cron_that_fires_at_other_times_is_not_touched() -> None:
    found = summer_time(parse("30 8 * * *"), ZoneInfo("Europe/Berlin"), NOW)
    assert [(each.kind, each.words) for each in found] == [(Kind.NOTHING, "not touched")] * 2


def test_a_zone_that_keeps_its_offset_has_no_changes() -> None:
    assert summer_time(parse("30 2 * * *"), ZoneInfo("Asia/Kolkata"), NOW) == []


def test_a_time_on_another_day_than_the_change_is_not_touched() -> None:
    assert {each.kind for each in summer_time(parse("30 2 * * 1"), ZoneInfo("Europe/Berlin"), NOW)} == {Kind.NOTHING}


def test_a_day_that_was_left_out_is_lost() -> None:
    """Samoa had no 30 December 2011: no change of summer time, the calendar itself."""
    (change,) = summer_time(parse("0 9 * * *"), ZoneInfo("Pacific/Apia"), datetime(2011, 12, 1, tzinfo=UTC))[:1]
    assert change.minutes == timedelta(days=1) // timedelta(minutes=1)
    assert (change.kind, change.words) == (
        Kind.SKIPPED, "09:00 does not exist on 2011-12-30: does not run; the clock was set"
    )  # fmt: skip
