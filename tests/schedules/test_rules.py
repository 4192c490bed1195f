"""What the rules and the decision give together is what the cron means: nothing missed, nothing more, nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

import pytest
from aws_croniter import AwsCroniter

from chalicelib.schedules import rules
from chalicelib.schedules.cron import NICKNAMES, Cron, parse
from chalicelib.schedules.fire_times import fires_at
from chalicelib.schedules.rules import expressions

from .expressions import NASTY, random_cron
from .minutes import BEGIN, DAY, MINUTES, bits_of, busiest_day, debian, eventbridge, minutes_of, moment, spans

ZONES = ("Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
NASTY_ZONES = (
    *ZONES, "America/New_York", "America/St_Johns", "America/Havana", "America/Scoresbysund", "Europe/Dublin",
    "Africa/Casablanca", "Asia/Beirut", "Antarctica/Troll", "Pacific/Chatham", "Pacific/Kiritimati",
    "Pacific/Marquesas",
)  # fmt: skip
SEED, CRONS = 20270328, 1000
DECIDED = {False: 100, True: 20_000}
"""How many minutes of a schedule are decided besides those near a change, by default and with --all."""


def random_crons(zone: str, *, every: bool) -> list[str]:
    """A thousand crons, or those of them that fall to a zone."""
    random = Random(SEED)
    found = [random_cron(random) for _ in range(CRONS)]
    return found if every else found[ZONES.index(zone) :: len(ZONES)]


def assert_fires_as_debian(text: str, zone: ZoneInfo, decided: int) -> None:
    cron = parse(text)
    wanted = 0 if cron.never_fires else debian(NICKNAMES.get(text, text), zone)
    found = expressions(cron, zone, BEGIN)
    called = eventbridge(found)
    assert len(found) <= rules.MAX_RULES, (text, zone.key)
    assert busiest_day(called) <= most_calls_a_day(cron, zone), (text, zone.key, found)
    missed = [moment(minute) for minute in minutes_of(wanted & ~called)]
    assert not missed, (text, zone.key)
    asked = sampled(called, zone, decided)
    right = set(minutes_of(wanted & bits_of(asked)))
    wrong = [moment(minute) for minute in asked if fires_at(cron, zone, moment(minute)) != (minute in right)]
    assert not wrong, (text, zone.key)


def most_calls_a_day(cron: Cron, zone: ZoneInfo) -> int:
    """Its times of day by the zone's offsets, for each of two day fields, and some for rules that were joined."""
    offsets = len({offset for _, _, offset in spans(zone)})
    kinds = 2 if cron.either_day else 1
    return kinds * (len(cron.minutes) * len(cron.hours) * offsets + offsets) + rules.JOINED_TIMES


def sampled(called: int, zone: ZoneInfo, decided: int) -> list[int]:
    """Minutes at which a rule calls: all near a change of the clock, and some others."""
    near = near_changes(zone)
    others = called & ~near
    if (count := others.bit_count()) > decided:
        length = max(DAY, MINUTES * decided // count)
        others &= window(Random(count).randrange(MINUTES - length), length)
    found = list(minutes_of(others))
    return [*minutes_of(called & near), *found[:: len(found) // decided + 1]]


@cache
def near_changes(zone: ZoneInfo) -> int:
    near = 0
    for begin, _, _ in spans(zone)[1:]:
        near |= window(begin - 60, 60 + 130)
    return near


def window(begin: int, minutes: int) -> int:
    return ((1 << minutes) - 1) << begin


@pytest.mark.parametrize("zone", NASTY_ZONES)
def test_nasty_crons_fire_as_debian_does(zone: str, pytestconfig: pytest.Config) -> None:
    for text in NASTY:
        assert_fires_as_debian(text, ZoneInfo(zone), DECIDED[pytestconfig.getoption("--all")])


@pytest.mark.parametrize("zone", ZONES)
def test_a_thousand_crons_fire_as_debian_does_over_two_years(zone: str, pytestconfig: pytest.Config) -> None:
    """By default each in one of the zones, with --all in all of them."""
    every = pytestconfig.getoption("--all")
    for text in random_crons(zone, every=every):
        assert_fires_as_debian(text, ZoneInfo(zone), DECIDED[every])


@pytest.mark.parametrize(
    ("text", "zone", "wanted"),
    [
        ("* * * * *", "Europe/Berlin", ["cron(* * * * ? *)"]),
        ("*/15 * * * *", "Asia/Kathmandu", ["cron(0/15 * * * ? *)"]),
        ("0 8 * * *", "UTC", ["cron(0 8 * * ? *)"]),
        ("0 8 * * *", "Europe/Berlin", ["cron(0 6,7 * * ? *)"]),
        ("0 8 * * 1-5", "Europe/Berlin", ["cron(0 6,7 ? * 2-6 *)"]),
        ("0 0 * * 1", "Europe/Berlin", ["cron(0 22,23 ? * 1 *)"]),
        ("0 20 * * 6", "America/New_York", ["cron(0 0,1 ? * 1 *)"]),
        ("0 0 1 * *", "Asia/Kolkata", ["cron(30 18 28-31 * ? *)"]),
        ("0 0 1 1 *", "Asia/Kolkata", ["cron(30 18 31 12 ? *)"]),
        ("0 0 1 3 *", "Asia/Kolkata", ["cron(30 18 28,29 2 ? *)"]),
        ("0 0 13 * 5", "UTC", ["cron(0 0 13 * ? *)", "cron(0 0 ? * 6 *)"]),
        ("0 0 */2 * 1", "UTC", ["cron(0 0 ? * 2 *)"]),
        ("0 0 30 2 5", "UTC", ["cron(0 0 ? 2 6 *)"]),
        ("30 2 * * *", "Europe/Berlin", ["cron(0,30 0,1 * * ? *)"]),
        ("0 0 30 2 *", "UTC", []),
    ],
)
def test_a_cron_becomes_these_rules(text: str, zone: str, wanted: list[str]) -> None:
    assert expressions(parse(text), ZoneInfo(zone), BEGIN) == wanted


def test_the_longest_expression_is_as_long_as_event_bridge_takes() -> None:
    """Two of three numbers: neither a star, nor ranges, nor steps make it short. Other sets are no longer, by trial."""
    random = Random(SEED)
    pairs = rules.Rule(*(frozenset(each for each in range(low, high + 1) if each % 3) for low, high in
                         ((0, 59), (0, 23), (1, 31), (1, 12))), by_week=False)  # fmt: skip
    drawn = [
        rules.Rule(
            frozenset(random.sample(range(60), random.randint(20, 50))),
            frozenset(random.sample(range(24), random.randint(8, 20))),
            frozenset(random.sample(range(1, 32), random.randint(10, 25))),
            frozenset(random.sample(range(1, 13), random.randint(4, 10))),
            by_week=False,
        )
        for _ in range(2_000)
    ]
    longest = max(len(rule.expression()) for rule in drawn)
    assert longest <= len(pairs.expression()) <= rules.MAX_CHARACTERS


def test_another_reading_of_the_rules_finds_the_same_minutes() -> None:
    """aws-croniter's own iteration, where it gets as far: it gives up after ten steps in months without such a day."""
    for text in NASTY[:30]:
        for expression in expressions(parse(text), ZoneInfo("Asia/Kathmandu"), BEGIN):
            times = AwsCroniter(expression.removeprefix("cron(").removesuffix(")"))
            found = times.get_next(BEGIN - timedelta(minutes=1), 20)
            bits = eventbridge([expression])
            first = [moment(minute) for minute, _ in zip(minutes_of(bits), found, strict=False)]
            assert first == [each for each in found if each is not None][: len(first)], expression


def test_a_rule_is_made_for_the_years_to_come() -> None:
    """Casablanca leaves its usual offset for Ramadan, a month earlier each year."""
    found = expressions(parse("0 12 * * *"), ZoneInfo("Africa/Casablanca"), datetime(2027, 6, 1, tzinfo=UTC))
    assert found == ["cron(0 11,12 * * ? *)"]
