"""Dates in expressions: read, written, moved, compared and cut in an IANA time zone.

A time is an ISO 8601 text or a number of milliseconds since 1970; a text without an offset is a time in the zone.
What comes out is ISO 8601 with milliseconds, with the zone's offset or `Z`. All raise ValueError for what they can't
take, and OverflowError outside the years 1 to 9999.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_SPANS = {
    "milliseconds": timedelta(milliseconds=1),
    "seconds": timedelta(seconds=1),
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
}
_DAYS = {"days": 1, "weeks": 7}
_MONTHS = {"months": 1, "years": 12}
UNITS = (*_SPANS, *_DAYS, *_MONTHS)

Time = str | float


def date_add(time: Time, number: float, unit: str, zone: str = "UTC") -> str:
    """`number` units later. Days, weeks, months and years go by the clock of the zone; the 31st becomes the last."""
    return _written(_moved(_read(time, _zone(zone)), _whole(number, unit), _unit(unit)))


def date_diff(start: Time, end: Time | None, unit: str, zone: str = "UTC") -> int | None:
    """How many whole units lie between two times; below zero where the second is earlier."""
    where = _zone(zone)
    return None if end is None else _difference(_read(start, where), _read(end, where), _unit(unit))


def date_truncate(time: Time, unit: str, zone: str = "UTC") -> str:
    """The beginning of the minute, hour, day, week (from Monday), month or year."""
    return _written(_begin(_read(time, _zone(zone)), _unit(unit)))


def date_format(time: Time, picture: str = "yyyy-MM-dd", zone: str = "UTC") -> str:
    """The time in a form of one's own, such as `dd.MM.yyyy HH:mm`; letters that mean nothing stand in '…'."""
    moment = _read(time, _zone(zone))
    return "".join(_shown(moment, *part) for part in _parts(picture))


def date_parse(text: Time, picture: str | None = None, zone: str = "UTC") -> str:
    """The time that a text in the form of a picture, or ISO 8601 without one, says."""
    where = _zone(zone)
    return _written(_read(text, where) if picture is None else _parsed(text, picture, where))


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise ValueError('the zone must be an IANA name such as "Europe/Berlin"') from None


def _unit(unit: str) -> str:
    if unit not in UNITS:
        raise ValueError(f"the unit must be one of {', '.join(UNITS)}")
    return unit


def _whole(number: float, unit: str) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError("the number of units must be a number")  # noqa: TRY004
    if unit not in _SPANS and number != int(number):
        raise ValueError(f"the number of {unit} must be a whole one")
    return number


def _read(time: Time, zone: tzinfo) -> datetime:
    if isinstance(time, str):
        try:
            found = datetime.fromisoformat(time)
        except ValueError:
            raise ValueError("the time must be ISO 8601, such as 2030-01-31T08:00:00Z") from None
        return found.astimezone(zone) if found.tzinfo else found.replace(tzinfo=zone)
    if isinstance(time, bool) or not isinstance(time, int | float):
        raise ValueError("the time must be an ISO 8601 text or milliseconds")  # noqa: TRY004
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time)).astimezone(zone)


def _written(moment: datetime) -> str:
    settled = moment.astimezone(UTC).astimezone(moment.tzinfo)  # a time that the clock leaves out moves on
    return settled.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moved(moment: datetime, number: float, unit: str) -> datetime:
    if unit in _SPANS:
        return (moment.astimezone(UTC) + number * _SPANS[unit]).astimezone(moment.tzinfo)
    if unit in _DAYS:
        return moment + timedelta(days=number * _DAYS[unit])
    return _months_later(moment, int(number) * _MONTHS[unit])


def _months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= date.max.year:
        raise OverflowError
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _difference(start: datetime, end: datetime, unit: str) -> int:
    if unit in _SPANS:
        span = end.astimezone(UTC) - start.astimezone(UTC)
        return abs(span) // _SPANS[unit] * (1 if span >= timedelta() else -1)
    if end.astimezone(UTC) < start.astimezone(UTC):
        return -_difference(end, start, unit)
    if unit in _DAYS:
        return (end.replace(tzinfo=None) - start.replace(tzinfo=None)).days // _DAYS[unit]
    months = (end.year - start.year) * 12 + end.month - start.month
    too_many = _months_later(start, months).replace(tzinfo=None) > end.replace(tzinfo=None)
    return (months - too_many) // _MONTHS[unit]


def _begin(moment: datetime, unit: str) -> datetime:
    if unit == "weeks":
        moment -= timedelta(days=moment.weekday())
    kept = {"milliseconds": 7, "seconds": 6, "minutes": 5, "hours": 4, "days": 3, "weeks": 3, "months": 2, "years": 1}
    parts = moment.timetuple()[: min(kept[unit], 6)]
    year, month, day, hour, minute, second = (*parts, *(0, 1, 1, 0, 0, 0)[len(parts) :])
    microsecond = moment.microsecond // 1000 * 1000 if unit == "milliseconds" else 0
    return datetime(
        year, month, day, hour, minute, second, microsecond, tzinfo=moment.tzinfo, fold=moment.fold * (kept[unit] > 3)
    )


_DIRECTIVES = {
    "yyyy": "%Y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d", "EEEE": "%A", "EEE": "%a",
    "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "m": "%M", "ss": "%S", "s": "%S", "SSS": "%f", "a": "%p",
    "ZZ": "%z",
}  # fmt: skip
"""The parts of a form, as strftime and strptime call them."""
_PART = re.compile(rf"'([^']*)'|({'|'.join(_DIRECTIVES)})|([A-Za-z]+)|(.)", re.DOTALL)


def _parts(picture: str) -> list[tuple[str, str]]:
    """The parts of a form, each `(part, "")` or `("", literal text)`."""
    if not isinstance(picture, str):
        raise ValueError("the form of a date must be a text such as yyyy-MM-dd")  # noqa: TRY004
    parts = []
    for quoted, name, unknown, other in _PART.findall(picture):
        if unknown:
            raise ValueError("the form of a date has a letter that means nothing; other text stands in '…'")
        parts.append((name, "" if name else quoted or other))
    return parts


def _shown(moment: datetime, name: str, literal: str) -> str:
    if name == "yyyy":
        return f"{moment.year:04}"  # strftime leaves out the zeros before a year
    if name == "SSS":
        return f"{moment.microsecond // 1000:03}"
    if name == "ZZ":
        return moment.isoformat(timespec="seconds")[19:]
    if not name:
        return literal
    text = moment.strftime(_DIRECTIVES[name])
    return str(int(text)) if name in "MdHhms" else text


def _parsed(text: Time, picture: str, zone: tzinfo) -> datetime:
    if not isinstance(text, str):
        raise ValueError("a date in a form of its own must be a text")  # noqa: TRY004 - told as one of the value
    form = "".join(_DIRECTIVES[name] if name else literal.replace("%", "%%") for name, literal in _parts(picture))
    try:
        found = datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows
    except (ValueError, re.error):
        raise ValueError("the text has not the form that is asked for") from None
    return found.astimezone(zone) if found.tzinfo else found.replace(tzinfo=zone)
