"""When the nodes of a run ran: a bar for each on one axis of time. Pure: rows in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from .progress import Row
from .screen import DIM, STATUS
from .words import seconds

LEGEND = "█ runs   ▏ in no time   ░ waits   ▒ failed"
NOTHING = "no node has run yet"
MIN_SECONDS = 0.001
"""The length of an axis on which everything happens at once."""
MAX_NAME, MIN_ROOM = 24, 10


def timeline(rows: Sequence[Row], width: int) -> Iterator[Text]:
    """A line for each node that ran, so that what ran side by side stands below each other; then the axis."""
    ran = [row for row in rows if row.start is not None]
    if not ran:
        yield Text(NOTHING, DIM)
        return
    names = min(max(cell_len(_name(row)) for row in ran), MAX_NAME)
    times = max(len(seconds(row.took)) for row in ran)
    room = max(width - names - times - 3, MIN_ROOM)
    total = max(MIN_SECONDS, *(_end(row) for row in ran))
    for row in ran:
        first, length = span(row.start or 0, _end(row), total, room)
        name = Text(_name(row))
        name.truncate(names, overflow="ellipsis", pad=True)
        ink = Text(_ink(row, total / room) * length, STATUS["waiting" if row.type == "wait" else row.status][1])
        yield Text.assemble(name, " " * (first + 2), ink, (f" {seconds(row.took)}", DIM))
    for line in _axis(total, room):
        yield Text(set_cell_size("", names + 2) + line.rstrip(), DIM)


def _name(row: Row) -> str:
    return "  " * row.depth + row.label


def _end(row: Row) -> float:
    return (row.start or 0) + (row.took or 0)


def _ink(row: Row, cell: float) -> str:
    """The letter of a bar's cells; `cell` is how many seconds one stands for."""
    if row.status == "failed":
        return "▒"
    if row.type == "wait" or row.status == "waiting":
        return "░"
    return "█" if (row.took or 0) >= cell / 2 else "▏"


def span(start: float, end: float, total: float, room: int) -> tuple[int, int]:
    """The first cell of a bar and its length: at least one cell, and never outside the room."""
    first = min(round(start / total * room), room - 1)
    last = min(round(end / total * room), room)
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
