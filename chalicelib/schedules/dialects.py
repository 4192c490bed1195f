"""Crons of other than five fields: which dialect they look like, and the five fields that mean the same."""

from __future__ import annotations

import re
from collections.abc import Sequence

AWS = "this one looks like AWS's, with a year at its end"
SECONDS = "this one looks like n8n's or Spring's, with seconds in front"
QUARTZ = "this one looks like Quartz', with seconds in front"
QUARTZ_YEAR = "this one looks like Quartz', with seconds in front and a year at its end"
ZONE = 'this one has a zone in front: send it as timezone "{}"'
USER = "this one has a user's column, as in /etc/crontab, and there is none here"

_ZONE = re.compile(r"(?:CRON_)?TZ=(.+)", re.IGNORECASE)
_USER = re.compile(r"(?!(?:sun|mon|tue|wed|thu|fri|sat|l)(?![a-z_])|[a-z]+day)[a-z_][a-z0-9_-]*", re.IGNORECASE)
_YEAR = re.compile(r"[0-9]{4}")
_NUMBER = re.compile(r"(?<![/0-9])[1-7](?![0-9])")
_BARE_STEP = re.compile(r"([0-9]+)/([0-9]+)")
_HIGHEST = (59, 23, 31, 12, 6)


def five_fields(fields: Sequence[str]) -> tuple[str, str] | None:
    """What the fields look like, in words, and the Unix cron that they stand for; None where they look like nothing
    known. The cron is not checked: `L`, `W` and `#` have no Unix words."""
    if fields and (zone := _ZONE.fullmatch(fields[0])):
        return ZONE.format(zone[1].strip("\"'")), " ".join(fields[1:])
    if len(fields) > 5 and _USER.fullmatch(fields[5]):
        return USER, " ".join(fields[:5])
    if len(fields) == 7:
        return QUARTZ_YEAR, _unix(fields[1:6], sunday=1)
    if len(fields) != 6:
        return None
    if fields[0].lower().startswith("cron("):
        fields = (fields[0][5:], *fields[1:])
        return AWS, _unix(fields[:5], sunday=1)
    if "?" in (fields[2], fields[4]) or _YEAR.search(fields[5]):
        return AWS, _unix(fields[:5], sunday=1)
    if "?" in (fields[3], fields[5]):
        return QUARTZ, _unix(fields[1:], sunday=1)
    return SECONDS, _unix(fields[1:], sunday=0)


def _unix(fields: Sequence[str], sunday: int) -> str:
    """With `*` for `?`, a range where a step has none, and weekdays from 0 where the dialect counts them from 1."""
    *others, weekday = ("*" if field == "?" else field for field in fields)
    if sunday:
        weekday = _NUMBER.sub(lambda match: str(int(match[0]) - sunday), weekday)
    return " ".join(_stepped(field, high) for field, high in zip((*others, weekday), _HIGHEST, strict=True))


def _stepped(field: str, high: int) -> str:
    """`5/10` as `5-59/10`, and `0/15` as `*/15`."""
    parts = (_BARE_STEP.fullmatch(part) for part in field.split(","))
    written = (
        part if match is None else f"*/{match[2]}" if match[1] == "0" else f"{match[1]}-{high}/{match[2]}"
        for part, match in zip(field.split(","), parts, strict=True)
    )
    return ",".join(written)
