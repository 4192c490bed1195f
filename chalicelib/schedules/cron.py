"""A Unix cron of five fields: what it takes, what it refuses and what would be right instead.

The rules are Vixie cron's as Debian ships it (crontab(5), and `entry.c` where the manual is silent). We are stricter in
one point: Vixie ignores what follows a number up to the next blank, so that `5/10` is 5; here everything is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from .dialects import five_fields

MAX_CHARACTERS = 100
"""What the column holds."""

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
DAYS_OF_MONTH = {month: 29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31 for month in range(1, 13)}
"""The most days that a month may have."""


@dataclass(frozen=True, slots=True)
class Field:
    """One of the five fields: its numbers, and the names that stand for them."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def every(self) -> frozenset[int]:
        """All its numbers; 7 is Sunday, which is 0."""
        return frozenset(range(self.low, 7 if self.names == WEEKDAYS else self.high + 1))


MONTHS = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
WEEKDAYS = tuple("sun mon tue wed thu fri sat".split())
MINUTE, HOUR, DAY, MONTH, WEEKDAY = FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("weekday", 0, 7, WEEKDAYS),
)

_PART = re.compile(r"(\*|[0-9]+|[a-z]+)(?:-([0-9]+|[a-z]+))?(?:/([0-9]+))?", re.IGNORECASE)
_OTHER_DIALECTS = re.compile(r"\?|#|\b[0-9]*[LW]\b|\bL[W-]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is no cron: a code, the field (None for the whole), words, and what to do instead."""

    code: str
    field: str | None
    message: str
    hint: str


class CronError(ValueError):
    """A text is no cron; `problems` holds all that is wrong with it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{problem.message}; {problem.hint}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Cron:
    """The sets of its fields. Weekdays are 0 to 6 from Sunday."""

    fields: tuple[str, ...]
    """As they were written; of a nickname, what it stands for."""
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Neither day field begins with `*`: then the day of month or the weekday suffices, else both must hold."""
    fixed: bool
    """Neither minute nor hour begins with `*`: it names times of day, which a change of summer time does not lose."""

    def fires_on(self, day: date) -> bool:
        """Whether this is one of its dates."""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return in_month or in_week if self.either_day else in_month and in_week

    def matches(self, wall: datetime) -> bool:
        """Whether a clock on the wall shows one of its minutes; zone and summer time are not looked at."""
        return wall.minute in self.minutes and wall.hour in self.hours and self.fires_on(wall)

    @property
    def dates(self) -> frozenset[tuple[int, int]]:
        """The (month, day) that its days of month and months name and that exist, be it in leap years only."""
        return frozenset((month, day) for month in self.months for day in self.days if day <= DAYS_OF_MONTH[month])

    @property
    def never_fires(self) -> bool:
        """Its dates do not exist. Every one that does falls on every weekday within 40 years."""
        return not self.either_day and not self.dates


def parse(text: str) -> Cron:
    """Read a cron of five fields or a nickname. Raises CronError with all problems."""
    stripped = text.strip(" \t")
    if len(stripped) > MAX_CHARACTERS:
        message = f"a cron has at most {MAX_CHARACTERS} characters; this one has {len(stripped):,}"
        raise CronError(Problem("too_long", None, message, "write ranges and steps instead of lists, such as 0-30/2"))
    fields = tuple(_expanded(stripped).split())
    if len(fields) != len(FIELDS) or not stripped.isascii():
        raise CronError(_wrong_count(stripped, fields))
    problems: list[Problem] = []
    sets = [_numbers(field, written, problems) for field, written in zip(FIELDS, fields, strict=True)]
    if problems:
        raise CronError(*problems)
    star = [written.startswith("*") for written in fields]
    minutes, hours, days, months, weekdays = sets
    return Cron(
        fields,
        minutes,
        hours,
        days,
        months,
        weekdays,
        either_day=not (star[2] or star[4]),
        fixed=not (star[0] or star[1]),
    )


def _expanded(text: str) -> str:
    """The five fields of a nickname; any other text as it is."""
    if not text.startswith("@"):
        return text
    if text.lower() == "@reboot":
        message = "@reboot is no time: nothing starts up here"
        raise CronError(Problem("reboot", None, message, "write when it is to run, such as @daily"))
    if text.lower() not in NICKNAMES:
        message = f'there is no nickname "{text}"'
        raise CronError(Problem("unknown_nickname", None, message, f"there are {', '.join(NICKNAMES)}"))
    return NICKNAMES[text.lower()]


def _wrong_count(text: str, fields: tuple[str, ...]) -> Problem:
    """Why the whole text is no cron."""
    names = ", ".join(field.name for field in FIELDS)
    example = "write five, such as 30 8 * * 1-5"
    if not fields:
        return Problem("empty", None, f"the cron is empty; it has five fields, {names}", example)
    if not text.isascii():
        return Problem("not_a_cron", None, "a cron has only letters, numbers and * , - /", example)
    other = five_fields(fields)
    if other is None:
        code = "too_few_fields" if len(fields) < len(FIELDS) else "too_many_fields"
        return Problem(code, None, f"a cron has five fields, {names}; this one has {len(fields)}", example)
    dialect, rest = other
    code = "six_fields" if len(fields) == 6 else "seven_fields" if len(fields) == 7 else "other_dialect"
    try:
        parse(rest)
    except CronError:
        return Problem(code, None, f"a cron has five fields, {names}; {dialect}", example)
    return Problem(code, None, f"a cron has five fields, {names}; {dialect}", f"write {rest}")


def _numbers(field: Field, written: str, problems: list[Problem]) -> frozenset[int]:
    """The numbers of a field; what is wrong with it is added to the problems, once for each part."""
    found: set[int] = set()
    for part in written.split(","):
        try:
            found.update(_part(field, part))
        except CronError as error:
            problems += error.problems
    return frozenset(number % 7 if field is WEEKDAY else number for number in found)


def _part(field: Field, part: str) -> range:
    """`*`, `a` or `a-b`, all but `a` with a step `/n`."""
    match = _PART.fullmatch(part)
    if match is None or (match[1] == "*" and match[2]):
        raise CronError(_no_part(field, part))
    step = 1 if match[3] is None else int(match[3])
    if not step:
        raise _error("zero_step", field, f'the step of "{part}" is 0', "write a step of 1 or more, such as */2")
    if match[1] == "*":
        return range(field.low, field.high + 1, step)
    low = _number(field, match[1])
    if match[2] is None and match[3] is not None:
        message = f'"{part}" has a step and no range; Unix reads it as {low}, others as from {low} on'
        raise _error("step_without_range", field, message, f"write {low}-{max(low, *field.every)}/{step} or {low}")
    high = low if match[2] is None else _number(field, match[2])
    if low > high:
        message = f'"{part}" runs backwards; a range goes up'
        raise _error("backwards_range", field, message, f"write {_upwards(field, low, high, step)}")
    return range(low, high + 1, step)


def _number(field: Field, text: str) -> int:
    if not text.isdigit():
        if text.lower() in field.names:
            return field.names.index(text.lower()) + field.low
        raise CronError(_no_part(field, text))
    if not field.low <= int(text) <= field.high:
        message = f"{text} is no {field.name}"
        raise _error("out_of_range", field, message, f"write a number from {field.low} to {field.high}")
    return int(text)


def _upwards(field: Field, low: int, high: int, step: int) -> str:
    """A range that passes the end of its field, as one or two that do not."""
    if field is WEEKDAY and high == 0:
        return f"{low}-7" if step == 1 else ",".join(map(str, range(low, 8, step)))
    if field is WEEKDAY and low == 7:
        return f"0-{high}" if step == 1 else f"0-{high}/{step}"
    every = sorted(field.every)
    if step == 1:
        return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ((low, every[-1]), (every[0], high)))
    numbers = [number for number in every if number >= low] + [number for number in every if number <= high]
    return ",".join(map(str, numbers[::step]))


def _no_part(field: Field, part: str) -> Problem:
    names = f", {field.names[0]} to {field.names[-1]}" if field.names else ""
    taken = f"numbers from {field.low} to {field.high}{names}"
    if _OTHER_DIALECTS.search(part):
        message = f'"{part}" is of another dialect: ?, L, W and # mean something to AWS and Quartz, not to Unix'
        hint = "write * for ?" if part == "?" else f"write {taken}, or *"
        return Problem("other_dialect", field.name, message, hint)
    return Problem("not_a_field", field.name, f'"{part}" is no {field.name}', f"write {taken}, *, and with them - / ,")


def _error(code: str, field: Field, message: str, hint: str) -> CronError:
    return CronError(Problem(code, field.name, message, hint))
