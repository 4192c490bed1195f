"""What a command prints: JSON for programs, or tables and words for people; errors and notes go to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from .errors import CliError, ProblemError
from .words import ago, line, utc

WIDE = 100_000
"""The width of what is no terminal: there nothing is cut."""

STATUS = {
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "timed_out": ("✗", "red"),
    "lost": ("✗", "red"),
    "running": ("▶", "cyan"),
    "waiting": ("◷", "yellow"),
    "skipped": ("–", "bright_black"),
    "cancelled": ("–", "bright_black"),
    "pending": ("·", "bright_black"),
}
DIM = "bright_black"
GAP = 2
LEAST = 10
"""To how many letters what is long is cut at most."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. Where the terminal is narrow, what is `long` is cut, and what is `extra` is left out, the
    highest first."""

    title: str
    long: bool = False
    right: bool = False
    extra: int = 0


class Screen:
    """Standard output and standard error of one command."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.out = _console(stderr=False)
        self.err = _console(stderr=True)

    @property
    def is_live(self) -> bool:
        """Whether a person watches who can be shown what moves."""
        return self.out.is_terminal and not self.out.is_dumb_terminal and not self.as_json

    def when(self, moment: str) -> str:
        """A time that the API gave, as who reads it here needs it."""
        return ago(moment) if self.out.is_terminal else utc(moment)

    def show(self, value: Any, *parts: RenderableType) -> None:
        """The value with `--json`; else the parts."""
        if self.as_json:
            self.out.out(json.dumps(value, indent=2, ensure_ascii=False), highlight=False)
            return
        self.print(*parts)

    def show_list(
        self, found: list[Any], columns: Sequence[Column], row: Callable[[Any], Sequence[str | Text]], empty: str
    ) -> None:
        """What was found with `--json`; else a table with a row for each, or why there is none."""
        self.show(found, table(columns, map(row, found), self.out.width) if found else Text(empty, DIM))

    def print(self, *parts: RenderableType) -> None:
        """For people, on standard output; where that is no terminal, without blanks at the ends of lines."""
        for part in parts:
            if self.out.is_terminal:
                self.out.print(part)
                continue
            with self.out.capture() as captured:
                self.out.print(part)
            self.out.out("\n".join(each.rstrip() for each in captured.get().splitlines()), highlight=False)

    def note(self, text: str) -> None:
        """Something beside the result, on standard error."""
        self.err.print(Text(text, DIM))

    def fail(self, error: CliError, about: str = "") -> None:
        """An error on standard error, with all that is to be mended."""
        if self.as_json:
            self.err.out(json.dumps(error.as_json(), indent=2, ensure_ascii=False), highlight=False)
            return
        self.err.print(Text.assemble(("error: ", "bold red"), f"{about}: " if about else "", line(_told(error))))
        for problem in getattr(error, "errors", ()):
            self.err.print(_problem(problem))
        if error.hint:
            self.err.print(Text.assemble(("hint: ", "yellow"), error.hint))


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDE
    return console


def _told(error: CliError) -> str:
    """The detail, unless it only repeats the messages of what is listed below it."""
    problems = error.errors if isinstance(error, ProblemError) else []
    if problems and error.message.startswith(str(problems[0].get("message"))):
        return "there is something to mend" if len(problems) == 1 else f"there are {len(problems)} things to mend"
    return error.message


def _problem(problem: dict[str, Any]) -> Text:
    text = Text("  ")
    text.append(line(str(problem.get("message", problem.get("code", "")))))
    if path := problem.get("path"):
        text.append(f"\n    at {line(str(path))}", DIM)
    return text


def status_text(status: str, words: str | None = None) -> Text:
    """A status with its mark and colour; `words` in place of its name."""
    mark, style = STATUS.get(status, ("?", ""))
    return Text(f"{mark} {status if words is None else words}", style)


def table(columns: Sequence[Column], rows: Iterable[Sequence[str | Text]], width: int) -> Table:
    """Rows below their headings, in as many columns of a terminal as there are."""
    cells = [list(map(_cell, row)) for row in rows]
    drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_edge=False)
    shown = _fitting(columns, cells, width)
    for at in shown:
        column = columns[at]
        drawn.add_column(column.title, justify="right" if column.right else "left", no_wrap=not column.long)
    for row in cells:
        drawn.add_row(*(row[at] for at in shown))
    return drawn


def _fitting(columns: Sequence[Column], cells: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Which columns there is room for."""
    sizes = [
        max([cell_len(column.title), *(min(row[at].cell_len, LEAST if column.long else width) for row in cells)])
        for at, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    while sum(sizes[at] + GAP for at in shown) > width + GAP:
        least = max(shown, key=lambda at: columns[at].extra)
        if columns[least].extra == 0:
            break
        shown.remove(least)
    return shown


def _cell(value: str | Text) -> Text:
    text = value.copy() if isinstance(value, Text) else Text(line(value))
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def facts(pairs: Iterable[tuple[str, str | Text | None]]) -> Table:
    """Names and values below each other; what has no value is left out."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    drawn.add_column(no_wrap=True, style=DIM)
    drawn.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            drawn.add_row(name, value if isinstance(value, Text) else Text(value))
    return drawn


def as_json(value: Any) -> Text:
    """A JSON value as it is read."""
    return Text(json.dumps(value, indent=2, ensure_ascii=False))


def is_interactive() -> bool:
    """Whether there is someone to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()
