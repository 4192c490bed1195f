"""What a cron may be, and what its author is told when it is none."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.schedules.cron import (
    DAY,
    FIELDS,
    HOUR,
    MINUTE,
    MONTH,
    NICKNAMES,
    WEEKDAY,
    Cron,
    CronError,
    Problem,
    parse,
)


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(CronError) as raised:
        parse(text)
    return raised.value.problems


@pytest.mark.parametrize(
    ("text", "field", "numbers"),
    [
        ("*/20 * * * *", "minutes", {0, 20, 40}),
        ("*/40 * * * *", "minutes", {0, 40}),
        ("5-20/5 * * * *", "minutes", {5, 10, 15, 20}),
        ("5-5/3 * * * *", "minutes", {5}),
        ("1,2,1-3,7 * * * *", "minutes", {1, 2, 3, 7}),
        ("1,* * * * *", "minutes", set(range(60))),
        ("007 * * * *", "minutes", {7}),
        ("0 22-23,0-2 * * *", "hours", {22, 23, 0, 1, 2}),
        ("0 0 */10 * *", "days", {1, 11, 21, 31}),
        ("0 0 1 jan,MAR-May,12 *", "months", {1, 3, 4, 5, 12}),
        ("0 0 * * 7", "weekdays", {0}),
        ("0 0 * * 5-7", "weekdays", {5, 6, 0}),
        ("0 0 * * 0-7", "weekdays", set(range(7))),
        ("0 0 * * 1-7/2", "weekdays", {1, 3, 5, 0}),
        ("0 0 * * */2", "weekdays", {0, 2, 4, 6}),
        ("0 0 * * */7", "weekdays", {0}),
        ("0 0 * * mon-FRI,Sun", "weekdays", {0, 1, 2, 3, 4, 5}),
        (" 0\t0  * * 1 ", "weekdays", {1}),
    ],
)
def test_a_field_holds_these_numbers(text: str, field: str, numbers: set[int]) -> None:
    assert getattr(parse(text), field) == numbers


@pytest.mark.parametrize(("nickname", "written"), NICKNAMES.items())
def test_a_nickname_is_what_it_stands_for(nickname: str, written: str) -> None:
    assert parse(nickname) == parse(nickname.upper()) == parse(written)


@pytest.mark.parametrize(
    ("text", "either_day"),
    [("0 0 13 * 5", True), ("0 0 1-31 * 5", True), ("0 0 * * 5", False), ("0 0 13 * *", False), ("0 0 */2 * 5", False),
     ("0 0 13 * */2", False), ("0 0 *,13 * 5", False), ("0 0 13,* * 5", True)],
)  # fmt: skip
def test_either_day_suffices_unless_a_day_field_begins_with_a_star(text: str, either_day: bool) -> None:
    assert parse(text).either_day is either_day


@pytest.mark.parametrize(
    ("text", "fixed"),
    [("30 2 * * *", True), ("0-59 0-23 * * *", True), ("@daily", True), ("@hourly", False), ("*/30 2 * * *", False),
     ("30 */2 * * *", False), ("30 1,* * * *", True)],
)  # fmt: skip
def test_a_cron_names_times_unless_minute_or_hour_begins_with_a_star(text: str, fixed: bool) -> None:
    assert parse(text).fixed is fixed


def test_friday_or_the_13th() -> None:
    cron = parse("0 0 13 * 5")
    assert cron.fires_on(date(2027, 6, 13))
    assert cron.fires_on(date(2027, 6, 18))
    assert not cron.fires_on(date(2027, 6, 19))


def test_a_monday_of_odd_date() -> None:
    cron = parse("0 0 */2 * 1")
    assert [day for day in range(1, 31) if cron.fires_on(date(2027, 6, day))] == [7, 21]


@pytest.mark.parametrize(
    ("text", "never"),
    [("0 0 30 2 *", True), ("0 0 31 2,4,6 *", True), ("0 0 30 2 */7", True), ("0 0 30 2 5", False),
     ("0 0 29 2 *", False), ("0 0 31 4,5 *", False)],
)  # fmt: skip
def test_a_cron_without_a_date_never_fires(text: str, never: bool) -> None:
    assert parse(text).never_fires is never


SECONDS, AWS, QUARTZ = "n8n's or Spring's, with seconds in front", "AWS's, with a year at its end", "Quartz'"


@pytest.mark.parametrize(
    ("text", "code", "message", "hint"),
    [
        ("0 30 8 * * 1-5", "six_fields", SECONDS, "write 30 8 * * 1-5"),
        ("*/10 * * * * *", "six_fields", SECONDS, "write * * * * *"),
        ("0 0/15 * * * *", "six_fields", SECONDS, "write */15 * * * *"),
        ("30 8 ? * 2-6 *", "six_fields", AWS, "write 30 8 * * 1-5"),
        ("30 8 ? * MON-FRI *", "six_fields", AWS, "write 30 8 * * MON-FRI"),
        ("0 12 1 1 * 2030", "six_fields", AWS, "write 0 12 1 1 *"),
        ("cron(5/20 12 * * ? *)", "six_fields", AWS, "write 5-59/20 12 * * *"),
        ("0 0 12 ? * 1", "six_fields", QUARTZ, "write 0 12 * * 0"),
        ("0 0 12 * * ?", "six_fields", QUARTZ, "write 0 12 * * *"),
        ("0 0 12 ? * 6L", "six_fields", QUARTZ, "write five, such as 30 8 * * 1-5"),
        ("0 0 12 * * ? 2030", "seven_fields", QUARTZ, "write 0 12 * * *"),
        ("0 0 12 * * SUN", "six_fields", SECONDS, "write 0 12 * * SUN"),
        ("0 0 12 * * Sat,Sun", "six_fields", SECONDS, "write 0 12 * * Sat,Sun"),
        ("0 0 12 * * MONDAY", "six_fields", SECONDS, "write five, such as 30 8 * * 1-5"),
        ("TZ=UTC 0 0 * * *", "six_fields", 'send it as timezone "UTC"', "write 0 0 * * *"),
        ("CRON_TZ=Europe/Berlin 0 8 * * MON", "six_fields", 'send it as timezone "Europe/Berlin"', "write 0 8 * * MON"),
        ("CRON_TZ=UTC @daily", "other_dialect", 'send it as timezone "UTC"', "write @daily"),
        ("0 0 1 1 * root", "six_fields", "a user's column", "write 0 0 1 1 *"),
        ("0 8 * * 1-5 www-data backup", "seven_fields", "a user's column", "write 0 8 * * 1-5"),
        ("0 8 * * 1-5 monica backup --all", "other_dialect", "a user's column", "write 0 8 * * 1-5"),
        ("1 2 3 4 5 6 7 8", "too_many_fields", "this one has 8", "write five, such as 30 8 * * 1-5"),
        ("* * * *", "too_few_fields", "this one has 4", "write five, such as 30 8 * * 1-5"),
        ("garbage", "too_few_fields", "this one has 1", "write five, such as 30 8 * * 1-5"),
        ("", "empty", "the cron is empty", "write five, such as 30 8 * * 1-5"),
        ("  ", "empty", "the cron is empty", "write five, such as 30 8 * * 1-5"),
        ("٣ * * * *", "not_a_cron", "only letters, numbers and * , - /", "write five, such as 30 8 * * 1-5"),
        ("0," * 60 + "0 * * * *", "too_long", "at most 100 characters", "write ranges and steps instead of lists"),
        ("@reboot", "reboot", "nothing starts up here", "such as @daily"),
        ("@dayly", "unknown_nickname", 'there is no nickname "@dayly"', "@daily"),
    ],
)
def test_what_is_no_cron_as_a_whole(text: str, code: str, message: str, hint: str) -> None:
    (problem,) = problems(text)
    assert (problem.code, problem.field) == (code, None)
    assert message in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("text", "code", "field", "hint"),
    [
        ("0 22-2 * * *", "backwards_range", "hour", "write 22-23,0-2"),
        ("50-10 * * * *", "backwards_range", "minute", "write 50-59,0-10"),
        ("59-0 * * * *", "backwards_range", "minute", "write 59,0"),
        ("0 22-2/2 * * *", "backwards_range", "hour", "write 22,0,2"),
        ("0 0 28-3 * *", "backwards_range", "day of month", "write 28-31,1-3"),
        ("0 0 1 nov-feb *", "backwards_range", "month", "write 11-12,1-2"),
        ("0 0 * * fri-mon", "backwards_range", "weekday", "write 5-6,0-1"),
        ("0 0 * * sat-sun", "backwards_range", "weekday", "write 6-7"),
        ("0 0 * * 1-0/2", "backwards_range", "weekday", "write 1,3,5,7"),
        ("0 0 * * 7-2", "backwards_range", "weekday", "write 0-2"),
        ("0 0 * * 7-2/2", "backwards_range", "weekday", "write 0-2/2"),
        ("0 0 * * 7-0", "backwards_range", "weekday", "write 7-7"),
        ("60 * * * *", "out_of_range", "minute", "write a number from 0 to 59"),
        ("0 24 * * *", "out_of_range", "hour", "write a number from 0 to 23"),
        ("0 0 0 * *", "out_of_range", "day of month", "write a number from 1 to 31"),
        ("0 0 1 13 *", "out_of_range", "month", "write a number from 1 to 12"),
        ("0 0 * * 8", "out_of_range", "weekday", "write a number from 0 to 7"),
        ("*/0 * * * *", "zero_step", "minute", "write a step of 1 or more, such as */2"),
        ("5/15 * * * *", "step_without_range", "minute", "write 5-59/15 or 5"),
        ("0 0 * * 1/2", "step_without_range", "weekday", "write 1-6/2 or 1"),
        ("0 0 * * 7/2", "step_without_range", "weekday", "write 7-7/2 or 7"),
        ("0 0 ? * 1", "other_dialect", "day of month", "write * for ?"),
        ("0 0 L * *", "other_dialect", "day of month", "write numbers from 1 to 31, or *"),
        ("0 0 15W * *", "other_dialect", "day of month", "write numbers from 1 to 31, or *"),
        ("0 0 LW * *", "other_dialect", "day of month", "write numbers from 1 to 31, or *"),
        ("0 0 * * 5#3", "other_dialect", "weekday", "write numbers from 0 to 7, sun to sat, or *"),
        ("0 0 * * 5L", "other_dialect", "weekday", "write numbers from 0 to 7, sun to sat, or *"),
        ("0 0 * * funday", "not_a_field", "weekday", "write numbers from 0 to 7, sun to sat, *, and with them - / ,"),
        ("jan * * * *", "not_a_field", "minute", "write numbers from 0 to 59, *, and with them - / ,"),
        ("1, * * * *", "not_a_field", "minute", "write numbers from 0 to 59, *, and with them - / ,"),
        ("-1 * * * *", "not_a_field", "minute", "write numbers from 0 to 59, *, and with them - / ,"),
        ("*-5 * * * *", "not_a_field", "minute", "write numbers from 0 to 59, *, and with them - / ,"),
        ("1-2-3 * * * *", "not_a_field", "minute", "write numbers from 0 to 59, *, and with them - / ,"),
        ("R H * * *", "not_a_field", "minute", "write numbers from 0 to 59, *, and with them - / ,"),
    ],
)
def test_what_is_no_field(text: str, code: str, field: str, hint: str) -> None:
    problem = problems(text)[0]
    assert (problem.code, problem.field, problem.hint) == (code, field, hint)


def test_all_problems_are_told_at_once() -> None:
    found = problems("61,5/2 22-2 32 * 8")
    assert [problem.code for problem in found] == [
        "out_of_range", "step_without_range", "backwards_range", "out_of_range", "out_of_range"
    ]  # fmt: skip


@given(st.text(max_size=120) | st.text("0123456789*,-/ ?LW#@abcdefjmnorstuwy", max_size=60))
def test_any_text_is_a_cron_or_refused_with_a_hint(text: str) -> None:
    found = cron_or_problems(text)
    if isinstance(found, Cron):
        assert_well_formed(found)
    else:
        assert found
        assert all(problem.code and problem.message and problem.hint for problem in found)


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_the_hint_for_days_of_the_week_that_run_backwards_means_the_same(step: int) -> None:
    for low, high in combinations(range(7, -1, -1), 2):
        (problem,) = problems(f"0 0 * * {low}-{high}/{step}")
        begin = low % 7
        days = range(begin, high + 1 if high >= begin else high + 8, step)
        assert parse(f"0 0 * * {problem.hint.removeprefix('write ')}").weekdays == {day % 7 for day in days}


FIELD = st.text("0123456789*,-/", min_size=1, max_size=8) | st.from_regex(r"\A(\*|\d{1,2})(-\d{1,2})?(/\d)?\Z")


@given(st.lists(FIELD, min_size=5, max_size=7).map(" ".join))
def test_what_a_hint_writes_is_a_cron(text: str) -> None:
    found = cron_or_problems(text)
    for problem in () if isinstance(found, Cron) else found:
        if problem.code in ("six_fields", "seven_fields"):
            parse(problem.hint.removeprefix("write five, such as ").removeprefix("write "))
        if problem.code in ("backwards_range", "step_without_range"):
            place = [field.name for field in FIELDS].index(problem.field or "")
            written = problem.hint.removeprefix("write ").split(" or ")[0]
            parse(" ".join(["*"] * place + [written] + ["*"] * (4 - place)))


def cron_or_problems(text: str) -> Cron | tuple[Problem, ...]:
    try:
        return parse(text)
    except CronError as error:
        return error.problems


def assert_well_formed(cron: Cron) -> None:
    assert set() < cron.minutes <= MINUTE.every
    assert set() < cron.hours <= HOUR.every
    assert set() < cron.days <= DAY.every
    assert set() < cron.months <= MONTH.every
    assert set() < cron.weekdays <= WEEKDAY.every
