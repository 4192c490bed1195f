"""When crons fire, above all where the clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from random import Random
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.schedules.cron import NICKNAMES, parse
from chalicelib.schedules.fire_times import fire_times, fires_at, last_fire_time, next_fire_times

from .expressions import NASTY, random_cron

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ZONES = (
    "Europe/Berlin",
    "America/Havana",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Kolkata",
)


def local(text: str, zone: str, after: str, count: int = 3) -> list[str]:
    begin = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    times = next_fire_times(parse(text), ZoneInfo(zone), begin, count)
    return [moment.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M %z") for moment in times]


@pytest.mark.parametrize(
    ("text", "zone", "after", "wanted"),
    [
        # 02:00 becomes 03:00
        ("30 2 * * *", "Europe/Berlin", "2027-03-27 12:00", ["03-28 03:00 +0200", "03-29 02:30 +0200"]),
        ("0,30 2 * * *", "Europe/Berlin", "2027-03-27 12:00", ["03-28 03:00 +0200", "03-29 02:00 +0200"]),
        ("0 2,3 * * *", "Europe/Berlin", "2027-03-27 12:00", ["03-28 03:00 +0200", "03-29 02:00 +0200"]),
        ("*/30 2 * * *", "Europe/Berlin", "2027-03-27 12:00", ["03-29 02:00 +0200", "03-29 02:30 +0200"]),
        ("30 */2 * * *", "Europe/Berlin", "2027-03-28 00:00", ["03-28 00:30 +0100", "03-28 04:30 +0200"]),
        ("*/30 * * * *", "Europe/Berlin", "2027-03-28 01:00", ["03-28 01:30 +0100", "03-28 03:00 +0200"]),
        # 03:00 becomes 02:00
        ("30 2 * * *", "Europe/Berlin", "2027-10-30 12:00", ["10-31 02:30 +0200", "11-01 02:30 +0100"]),
        ("*/30 2 * * *", "Europe/Berlin", "2027-10-31 02:00",
         ["10-31 02:30 +0200", "10-31 02:00 +0100", "10-31 02:30 +0100", "11-01 02:00 +0100"]),
        ("0 * * * *", "Europe/Berlin", "2027-10-31 01:00",
         ["10-31 02:00 +0200", "10-31 02:00 +0100", "10-31 03:00 +0100"]),
        # half an hour
        ("15 2 * * *", "Australia/Lord_Howe", "2027-10-02 12:00", ["10-03 02:30 +1100", "10-04 02:15 +1100"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2027-04-03 12:00", ["04-04 01:45 +1100", "04-05 01:45 +1030"]),
        # over midnight: 00:00 does not exist, or 23:00 to 23:59 of the day before come twice
        ("0 0 * * *", "America/Santiago", "2027-09-04 12:00", ["09-05 01:00 -0300", "09-06 00:00 -0300"]),
        ("30 0 * * 0", "America/Havana", "2027-03-13 12:00", ["03-14 01:00 -0400", "03-21 00:30 -0400"]),
        ("30 23 * * *", "America/Santiago", "2027-04-03 12:00", ["04-03 23:30 -0300", "04-04 23:30 -0400"]),
        ("30 23 * * *", "Asia/Beirut", "2027-10-30 12:00", ["10-30 23:30 +0300", "10-31 23:30 +0200"]),
        # the summer is the standard time
        ("30 1 * * *", "Europe/Dublin", "2027-03-27 12:00", ["03-28 02:00 +0100", "03-29 01:30 +0100"]),
        # two hours
        ("30 2 * * *", "Antarctica/Troll", "2027-03-27 12:00", ["03-28 03:00 +0200", "03-29 02:30 +0200"]),
        # three hours ahead, or a day: the clock was set, what it passed over is lost; three hours back: still kept
        ("30 4 * * *", "Antarctica/Casey", "2018-10-06 12:00", ["10-08 04:30 +1100"]),
        ("30 2 * * *", "Antarctica/Casey", "2018-03-10 12:00", ["03-11 02:30 +1100", "03-12 02:30 +0800"]),
        ("0 9 * * *", "Pacific/Apia", "2011-12-29 08:00", ["12-29 09:00 -1000", "12-31 09:00 +1400"]),
    ],
)  # fmt: skip
def test_fire_times_around_a_change(text: str, zone: str, after: str, wanted: list[str]) -> None:
    assert local(text, zone, after, len(wanted)) == wanted


def test_after_a_leap_year_that_a_century_lacks() -> None:
    assert local("0 0 29 2 *", "UTC", "2095-01-01", 2) == ["02-29 00:00 +0000"] * 2
    times = next_fire_times(parse("0 0 29 2 */7"), ZoneInfo("UTC"), datetime(2088, 3, 1, tzinfo=UTC), 2)
    assert [moment.year for moment in times] == [2128, 2156]


def test_a_cron_without_a_date_has_no_fire_times() -> None:
    assert next_fire_times(parse("0 0 30 2 *"), ZoneInfo("UTC"), datetime(2027, 1, 1, tzinfo=UTC), 1) == []


def test_fire_times_end_with_the_calendar() -> None:
    late = datetime(9999, 12, 31, 23, 58, tzinfo=UTC)
    assert len(next_fire_times(parse("* * * * *"), ZoneInfo("UTC"), late, 10)) <= 1


def test_seconds_do_not_matter() -> None:
    cron, zone = parse("30 8 * * *"), ZoneInfo("UTC")
    assert fires_at(cron, zone, datetime(2027, 1, 1, 8, 30, 59, 999, tzinfo=UTC))
    assert not fires_at(cron, zone, datetime(2027, 1, 1, 8, 31, tzinfo=UTC))
    assert next_fire_times(cron, zone, datetime(2027, 1, 1, 8, 29, 30, tzinfo=UTC), 1)[0].minute == 30


@given(
    st.integers(0, 2**32).map(lambda seed: random_cron(Random(seed))) | st.sampled_from(NASTY),
    st.sampled_from(ZONES).map(ZoneInfo),
    st.integers(0, 4 * 365 * 24 * 60).map(lambda minutes: BEGIN + timedelta(minutes=minutes, seconds=minutes % 60)),
)
def test_it_fires_at_its_fire_times_and_not_between(text: str, zone: ZoneInfo, after: datetime) -> None:
    cron = parse(text)
    times = next_fire_times(cron, zone, after, 5)
    assert all(earlier < later for earlier, later in zip([after, *times], times, strict=False))
    assert all(fires_at(cron, zone, moment) for moment in times)
    for earlier, later in zip([after, *times], times, strict=False):
        minute = earlier.replace(second=0, microsecond=0) + MINUTE
        between = (later - minute) // MINUTE
        assert not any(fires_at(cron, zone, minute + MINUTE * each) for each in range(min(between, 200)))


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 2**32).map(lambda seed: random_cron(Random(seed))) | st.sampled_from(NASTY),
    st.sampled_from(ZONES).map(ZoneInfo),
    st.integers(0, 4 * 365 * 24 * 60).map(lambda minutes: BEGIN + timedelta(minutes=minutes)),
    st.integers(-10, 320) | st.sampled_from([60, 300]),
)
def test_the_last_fire_time_is_the_last_one_of_all(text: str, zone: ZoneInfo, after: datetime, minutes: int) -> None:
    cron, until = parse(text), after + MINUTE * minutes
    *_, last = (None, *takewhile(lambda moment: moment <= until, fire_times(cron, zone, after)))
    assert last_fire_time(cron, zone, after, until) == last


def test_the_last_fire_time_of_one_that_fires_often_is_found_from_the_end() -> None:
    cron, zone, until = parse("* * * * *"), ZoneInfo("UTC"), datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
    assert last_fire_time(cron, zone, datetime(1, 1, 1, tzinfo=UTC), until) == until.replace(second=0)
    assert last_fire_time(parse("0 0 29 2 */7"), zone, datetime(1900, 1, 1, tzinfo=UTC), until) == datetime(
        2004, 2, 29, tzinfo=UTC
    )


@pytest.mark.parametrize("zone", [zone for zone in ZONES if zone != "Australia/Lord_Howe"])
def test_cronsim_iterates_to_the_same_times(zone: str) -> None:
    """Where changes are of an hour: for a cron with one minute cronsim goes from hour to hour, past a minute that comes
    again after half of one."""
    random = Random(zone)
    for text in (*NASTY, *(random_cron(random) for _ in range(20))):
        begin = datetime(2027, 3, 13, random.randrange(24), random.randrange(60), tzinfo=ZoneInfo(zone))
        if not parse(text).never_fires:
            wanted = list(islice(CronSim(NICKNAMES.get(text, text), begin), 12))
            found = list(islice(fire_times(parse(text), ZoneInfo(zone), begin), 12))
            assert found == [moment.astimezone(UTC) for moment in wanted], text
