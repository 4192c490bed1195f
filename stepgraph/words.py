"""Values in few words: times, ids, JSON on one line. Pure: values in, text out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

SHORT_ID = 8
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def short(identifier: str | None) -> str:
    """The beginning of an id, which commands take for the whole where it is the only one."""
    return (identifier or "")[:SHORT_ID]


def line(text: str) -> str:
    """A text on one line, without what would move a terminal's cursor or colour it."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def one_line(value: Any) -> str:
    """A JSON value on one line; a text as it is."""
    return line(value) if isinstance(value, str) else line(json.dumps(value, ensure_ascii=False))


def moment(text: str) -> datetime:
    """An ISO 8601 time that the API gave."""
    return datetime.fromisoformat(text)


def local(text: str | None) -> str:
    """A time on the wall of who reads it: `2030-01-31 09:00:00`."""
    return moment(text).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else ""


def between(begin: str | None, end: str | None, now: datetime | None = None) -> float | None:
    """How many seconds something took, or has taken so far; None where it never began."""
    if not begin:
        return None
    until = moment(end) if end else now or datetime.now(UTC)
    return max((until - moment(begin)).total_seconds(), 0)


def seconds(value: float | None) -> str:
    """`12 ms`, `0.8 s`, `3 min 5 s`, `2 h 10 min`."""
    if value is None:
        return ""
    if value < 0.0995:
        return f"{value * 1000:.0f} ms"
    if value < 99.5:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), MINUTE)
    if minutes < 100:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, MINUTE)
    return f"{hours} h {minutes} min"


def ago(text: str, now: datetime | None = None) -> str:
    """How long ago a time was: `5 min ago`; a date where that is long."""
    passed = between(text, None, now) or 0
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if passed >= 30 * DAY:
            return local(text)[:10]
        if passed >= unit:
            return f"{int(passed // unit)} {name} ago"
    return f"{int(passed)} s ago"


def utc(text: str) -> str:
    """A time for programs, to the second: `2030-01-31T08:00:00Z`."""
    return moment(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def counted(number: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def labels(graph: Mapping[str, Any]) -> dict[str, str]:
    """What the nodes of a graph are called: their labels, else their ids."""
    return {node["id"]: label_of(node) for node in graph["nodes"]}


def label_of(node: Mapping[str, Any]) -> str:
    """What a node is called."""
    label = (node.get("data") or {}).get("label")
    return line(label) if isinstance(label, str) and label.strip() else line(str(node["id"]))


def cost(certificate: Mapping[str, Any] | None) -> str:
    """What a run costs, of a certificate: `3 to 23 transitions, $0.000075 to $0.000575`."""
    if not certificate:
        return ""
    transitions, dollars = certificate["transitions"], certificate["dollars"]
    return f"{_span(*map(_number, _bounds(transitions)))} transitions, {_span(*map(_price, _bounds(dollars)))}"


def _bounds(bounds: Mapping[str, Any]) -> tuple[Any, Any]:
    return bounds["least"], bounds["most"]


def _number(number: int) -> str:
    return f"{number:,}"


def _price(dollars: float) -> str:
    return f"${dollars:.6f}".rstrip("0").rstrip(".")


def _span(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"
