"""A run as text: a table of its nodes, and a timeline with a bar for each. Pure: values in, text out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

WIDTH = 100
CONTAINER = "for_each"
LEGEND = "█ runs   ▏ in no time   ░ waits   ▒ failed"
MIN_SECONDS = 0.001
"""The length of an axis on which everything happens at once."""

_COLOURS = {
    "succeeded": 32,
    "failed": 31,
    "timed_out": 31,
    "running": 36,
    "waiting": 33,
    "skipped": 90,
    "cancelled": 90,
    "pending": 90,
    "dim": 90,
    "bold": 1,
}
_MARKS = {
    "succeeded": "✓",
    "failed": "✗",
    "running": "▶",
    "waiting": "◷",
    "skipped": "–",
    "cancelled": "–",
    "pending": "·",
}
_HEADINGS = ("node", "type", "status", "branch", "start", "took", "tries")
_RIGHT = frozenset({"start", "took", "tries"})
_TOLD_ITEMS = ("failed", "running", "waiting", "skipped", "cancelled")
"""What is told of items besides how many there are: most succeed."""
MAX_COLUMN, MIN_NOTE = 24, 12


@dataclass(frozen=True, slots=True)
class Bar:
    """What a node did and when, in seconds since the run was accepted; `start` is None where it never ran.

    `depth` is the number of containers around it.
    """

    label: str
    type: str
    status: str
    branch: str
    attempts: int
    note: str
    start: float | None
    end: float | None
    depth: int = 0

    @property
    def name(self) -> str:
        """The label, indented under its container."""
        indent = "  " * self.depth
        return indent + cut(self.label, MAX_COLUMN - len(indent))


def bars(run: Mapping[str, Any], graph: Mapping[str, Any], now: datetime | None = None) -> list[Bar]:
    """The nodes in the order of their starts, those inside a container right behind it; those that never started
    come last, as drawn."""
    begin = _moment(run["started_at"])
    end = _moment(run["completed_at"]) if run.get("completed_at") else now or datetime.now(UTC)
    until = (end - begin).total_seconds()
    inside: dict[str | None, list[tuple[str, Bar]]] = {}
    for node in graph["nodes"]:
        bar = _bar(node, run["node_results"].get(node["id"]) or {}, begin, until)
        inside.setdefault(node.get("parentId"), []).append((node["id"], bar))
    return list(_nested(inside, None, 0))


def _nested(inside: Mapping[str | None, list[tuple[str, Bar]]], container: str | None, depth: int) -> Iterator[Bar]:
    """The bars in a container, or of what is in none, each with those inside it behind it."""
    for node_id, bar in sorted(inside.get(container, ()), key=lambda pair: (pair[1].start is None, pair[1].start or 0)):
        yield replace(bar, depth=depth)
        yield from _nested(inside, node_id, depth + 1)


def _bar(node: Mapping[str, Any], result: Mapping[str, Any], begin: datetime, until: float) -> Bar:
    def since(name: str) -> float | None:
        return (_moment(result[name]) - begin).total_seconds() if result.get(name) else None

    start = since("started_at")
    return Bar(
        label=node["data"].get("label") or node["id"],
        type=node["type"],
        status=result.get("status", "pending"),
        branch=result.get("branch") or "",
        attempts=result.get("attempts") or 0,
        note=_note(result, node["type"]),
        start=start,
        end=None if start is None else since("completed_at") or until,
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _note(result: Mapping[str, Any], node_type: str) -> str:
    """How many items there were, where there were any, and the error, else the output, in few words."""
    error, output = result.get("error"), result.get("output")
    if error:
        told = _error_words(error)
    elif node_type == CONTAINER:
        told = _items_words(_outcomes(output))
    else:
        told = _output_words(output)
    return ": ".join(filter(None, (_items_words(result.get("items", {})), told)))


def _error_words(error: Mapping[str, Any]) -> str:
    return f"{error['status']} {_words(error.get('body'))}" if "status" in error else str(error["message"])


def _output_words(output: Any) -> str:
    """Of an HTTP answer its status and body."""
    if isinstance(output, dict) and output.keys() == {"status", "headers", "body"}:
        return f"{output['status']} {_words(output['body'])}"
    return "" if output is None else _words(output)


def _items_words(counts: Mapping[str, int]) -> str:
    """`12 items, 1 failed`."""
    total = sum(counts.values())
    told = [f"{counts[status]} {status}" for status in _TOLD_ITEMS if counts.get(status)]
    return ", ".join([f"{total} item{'s' * (total != 1)}", *told]) if total else ""


def _outcomes(output: Any) -> Counter[str]:
    """What came of a container's items: one that failed stands as `{"error": …}` among its outputs."""
    return Counter("failed" if _is_failure(item) else "succeeded" for item in output or ())


def _is_failure(item: Any) -> bool:
    error = item.get("error") if isinstance(item, dict) and len(item) == 1 else None
    return isinstance(error, dict) and "node_id" in error


def _words(value: Any) -> str:
    """A JSON value with less ink: `id: 7, paid: true`."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_words(item)}" for key, item in value.items())
    return json.dumps(value, ensure_ascii=False)


def table(shown: Sequence[Bar], *, width: int = WIDTH, colour: bool = False) -> str:
    """A row a node, its output or error in what room is left; what is too long is cut with an ellipsis."""
    rows = [_cells(bar) for bar in shown]
    sizes = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    rest = max(width - sum(sizes) - 2 * len(sizes), MIN_NOTE)
    lines = [
        paint(_row(_HEADINGS, sizes, "output or error"), "bold", colour),
        paint("─" * width, "dim", colour),
        *(
            paint(_row(cells, sizes, cut(bar.note, rest)), _row_style(bar), colour)
            for cells, bar in zip(rows, shown, strict=True)
        ),
    ]
    return "\n".join(lines)


def _cells(bar: Bar) -> list[str]:
    return [
        bar.name,
        cut(bar.type, MAX_COLUMN),
        f"{_MARKS.get(bar.status, ' ')} {bar.status}",
        cut(bar.branch, MAX_COLUMN),
        "" if bar.start is None else f"+{seconds(bar.start)}",
        "" if bar.start is None or bar.end is None else seconds(bar.end - bar.start),
        str(bar.attempts or ""),
    ]


def _row_style(bar: Bar) -> str:
    """Only what stands out is coloured."""
    return "" if bar.status == "succeeded" else bar.status


def _row(cells: Iterable[str], sizes: Iterable[int], note: str) -> str:
    placed = [
        cell.rjust(size) if name in _RIGHT else cell.ljust(size)
        for name, cell, size in zip(_HEADINGS, cells, sizes, strict=True)
    ]
    return "  ".join([*placed, note]).rstrip()


def cut(text: str, size: int) -> str:
    """One line of at most `size` characters, without any that would move a terminal's cursor."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= size else f"{line[: size - 1]}…"


def seconds(value: float) -> str:
    """`0.8 s`, `12 ms`, `3 min 5 s`."""
    if value < 0.0995:
        return f"{max(value, 0) * 1000:.0f} ms"
    if value < 99.5:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def timeline(shown: Sequence[Bar], *, width: int = WIDTH, colour: bool = False) -> str:
    """One bar a node that ran, all on one time axis, so that what ran side by side stands below each other."""
    ran = [bar for bar in shown if bar.start is not None]
    if not ran:
        return "no node has run yet"
    names = max(len(bar.name) for bar in ran)
    times = max(len(seconds((bar.end or 0) - (bar.start or 0))) for bar in ran)
    room = max(width - names - times - 3, 10)
    total = max([MIN_SECONDS, *(bar.end or 0 for bar in ran)])
    lines = [_bar_line(bar, names, room, total, colour) for bar in ran]
    axis = [f"{' ' * names}  {line}" for line in _axis(total, room)]
    return "\n".join(line.rstrip() for line in [*lines, *(paint(line, "dim", colour) for line in axis)])


def _bar_line(bar: Bar, names: int, room: int, total: float, colour: bool) -> str:
    assert bar.start is not None
    assert bar.end is not None
    first, length = span(bar.start, bar.end, total, room)
    drawn = paint(_ink(bar, total / room) * length, "waiting" if bar.type == "wait" else bar.status, colour)
    took = seconds(bar.end - bar.start)
    return f"{bar.name:<{names}}  {' ' * first}{drawn} {paint(took, 'dim', colour)}"


def _ink(bar: Bar, cell: float) -> str:
    """The letter of a bar's cells; `cell` is how many seconds one stands for."""
    if bar.status == "failed":
        return "▒"
    if bar.type == "wait" or bar.status == "waiting":
        return "░"
    return "█" if (bar.end or 0) - (bar.start or 0) >= cell / 2 else "▏"


def span(start: float, end: float, total: float, room: int) -> tuple[int, int]:
    """The first cell of a bar and its length: at least one cell, and never outside the room."""
    first = min(round(max(start, 0) / total * room), room - 1)
    last = min(round(max(end, 0) / total * room), room)
    return first, max(last - first, 1)


def _axis(total: float, room: int) -> Iterator[str]:
    """A ruler and its numbers, at steps of 1, 2 or 5 times a power of ten."""
    step = _step(total, max(room // 10, 1))
    ruler, numbers = ["─"] * (room + 1), [" "] * (room + 8)
    tick = 0
    while tick * step <= total * (1 + 1e-9):
        at = round(tick * step / total * room)
        text = f"{tick * step:g} s"
        ruler[at] = "┴"
        numbers[at : at + len(text)] = text
        tick += 1
    yield "".join(ruler)
    yield "".join(numbers)


def _step(total: float, ticks: int) -> float:
    size = 1e-4
    while True:
        for factor in (1, 2, 5):
            if total / (size * factor) <= ticks:
                return size * factor
        size *= 10


def progress(run: Mapping[str, Any], graph: Mapping[str, Any], now: datetime) -> str:
    """One line about a run on its way: how far it is and what it does right now; of a container, what is in it does."""
    shown = bars(run, graph, now)
    decided = sum(bar.status not in ("pending", "running", "waiting") for bar in shown)
    doing = [
        f"{_MARKS[bar.status]} {bar.label} ({seconds((bar.end or 0) - (bar.start or 0))})"
        for bar in shown
        if bar.status in ("running", "waiting") and bar.type != CONTAINER
    ]
    passed = seconds((now - _moment(run["started_at"])).total_seconds())
    return f"{passed:>7}  {decided:>2} of {len(shown)} nodes decided   {'   '.join(doing)}".rstrip()


def paint(text: str, style: str, colour: bool) -> str:
    """The text in the colour of a status, or as it is."""
    code = _COLOURS.get(style)
    return f"\033[{code}m{text}\033[0m" if colour and code else text
