"""A run on its way: a row for each node, drawn again and again on a terminal, told line by line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.text import Text

from .api import Api
from .errors import CliError, UnreachableError
from .screen import DIM, STATUS, Column, Screen, status_text, table
from .words import between, counted, label_of, line, moment, seconds, short

FINAL = frozenset({"succeeded", "failed", "cancelled", "timed_out"})
DOING = frozenset({"running", "waiting"})
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.1, 1.0, 1.2
PATIENCE_SECONDS = 60
"""For how long an API that does not answer is asked again."""
FRAMES_A_SECOND = 8
_ITEM_STATUSES = ("succeeded", "failed", "running", "waiting", "cancelled", "skipped")
AROUND_ROWS = 6
"""The lines of a terminal that are not for rows."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """What a node does or did.

    `start` is when it began and `at` when the latest of it happened, in seconds since the run was accepted; None where
    it never ran. `depth` is the number of containers around it.
    """

    id: str
    label: str
    type: str
    status: str
    start: float | None
    at: float | None
    took: float | None
    attempts: int
    note: str
    depth: int


def rows(run: Json, graph: Json, now: datetime | None = None) -> list[Row]:
    """The nodes in the order of their starts, those in a container behind it; those that never began come last.

    What goes on lasts until now, and after the run until its end.
    """
    end = moment(run["completed_at"]) if run["completed_at"] else now or datetime.now(UTC)
    return list(_inside(run, graph, None, 0, end))


def _inside(run: Json, graph: Json, container: str | None, depth: int, now: datetime) -> Iterator[Row]:
    results = run["node_results"]

    def began(node: Json) -> tuple[bool, str]:
        start = (results.get(node["id"]) or {}).get("started_at")
        return start is None, start or ""

    for node in sorted((each for each in graph["nodes"] if each.get("parentId") == container), key=began):
        yield _row(node, results.get(node["id"]) or {}, run, depth, now)
        yield from _inside(run, graph, node["id"], depth + 1, now)


def _row(node: Json, result: Json, run: Json, depth: int, now: datetime) -> Row:
    latest = result.get("completed_at") or result.get("started_at")
    return Row(
        id=node["id"],
        label=label_of(node),
        type=line(node["type"]),
        status=result.get("status", "pending"),
        start=between(run["started_at"], result["started_at"]) if result.get("started_at") else None,
        at=between(run["started_at"], latest) if latest else None,
        took=between(result.get("started_at"), result.get("completed_at"), now),
        attempts=0 if result.get("items") else result.get("attempts") or 0,
        note=_note(node, result, run),
        depth=depth,
    )


def _note(node: Json, result: Json, run: Json) -> str:
    """How many items there were and their error, what is waited for, or the way that was taken."""
    items, error = result.get("items") or {}, result.get("error")
    if items or error:
        counts = ", ".join(f"{items[status]} {status}" for status in _ITEM_STATUSES if items.get(status))
        return ": ".join(filter(None, (counts, line(str(error.get("message", ""))) if error else "")))
    if result.get("status") == "waiting" and (result.get("output") or {}).get("decisions"):
        return f"waits for a decision: stepgraph approve {short(run['id'])} {node['id']}"
    children = [each for each in run.get("children") or () if each["node_id"] == node["id"]]
    if len(children) == 1:
        return f"run {short(children[0]['run_id'])} {children[0]['status']}"
    way = f"→ {result['branch']}" if result.get("branch") else ""
    return f"{way}  reused".lstrip() if node["id"] in (run.get("reused") or ()) else way


def head(run: Json, name: str) -> Text:
    """Which run it is, and how it is."""
    text = Text.assemble(("run ", DIM), short(run["id"]), (" of ", DIM), line(name), (f" @{run['version']}  ", DIM))
    text.append_text(status_text(run["status"]))
    took = between(run["started_at"], run["completed_at"])
    return text.append(f"  {seconds(took)}", DIM).append(_queued(run), DIM)


def _queued(run: Json) -> str:
    return f"  number {run['queue_position']} in the queue" if run.get("queue_position") else ""


COLUMNS = (
    Column("node", long=True), Column("type", extra=3), Column("status"), Column("took", right=True),
    Column("tries", right=True, extra=2), Column("", long=True, extra=1),
)  # fmt: skip


def cells(row: Row) -> list[str | Text]:
    """A row of the table of nodes."""
    style = STATUS.get(row.status, ("", ""))[1] if row.status != "succeeded" else ""
    label = Text("  " * row.depth + row.label, DIM if row.status in ("pending", "skipped", "cancelled") else "")
    note = Text(row.note, style)
    return [label, Text(row.type, DIM), status_text(row.status), seconds(row.took), str(row.attempts or ""), note]


class Display(Protocol):
    """Shows a run each time it was read."""

    def update(self, run: Json) -> None:
        """What is known of it now."""


class Moving:
    """The table of nodes, as it is at the moment at which it is drawn."""

    def __init__(self, run: Json, graph: Json, name: str) -> None:
        self._run, self._graph, self._name = run, graph, name

    def update(self, run: Json) -> None:
        """What is known of it now."""
        self._run = run

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = rows(self._run, self._graph)
        shown = fitting(found, max((options.max_height or console.height) - AROUND_ROWS, 3))
        yield Group(head(self._run, self._name), table(COLUMNS, map(cells, shown), options.max_width))
        if len(shown) < len(found):
            yield Text(f"and {counted(len(found) - len(shown), 'more node')}", DIM)


def fitting(found: Sequence[Row], room: int) -> list[Row]:
    """As many as there is room for: what goes on or failed goes first, then what comes next, then what was last."""
    if len(found) <= room:
        return list(found)
    urgent = {"failed": 0, "running": 1, "waiting": 1, "pending": 2}
    chosen = sorted(range(len(found)), key=lambda at: (urgent.get(found[at].status, 3), -at * (found[at].took or 0)))
    return [found[at] for at in sorted(chosen[:room])]


class Lines:
    """A line each time that something happens to a node."""

    def __init__(self, screen: Screen, graph: Json) -> None:
        self._screen, self._graph = screen, graph
        self._told: set[tuple[str, str]] = set()

    def update(self, run: Json) -> None:
        """Tell what is new."""
        happened = [each for each in rows(run, self._graph) if each.status != "pending"]
        for row in sorted(happened, key=lambda each: each.at or 0):
            if (row.id, row.status) not in self._told:
                self._told.add((row.id, row.status))
                self._screen.print(self._line(row))

    def _line(self, row: Row) -> Text:
        took = seconds(row.took) if row.status not in DOING else ""
        tries = f"{row.attempts} tries" if row.attempts > 1 else ""
        more = "  ".join(filter(None, (took, tries, row.note)))
        return (
            Text(f"{seconds(row.at):>9}  ")
            .append_text(status_text(row.status, f"{row.status:<9}"))
            .append(f"  {'  ' * row.depth}{row.label}  {more}".rstrip())
        )


class Silent:
    """For programs, which want the end alone."""

    def update(self, run: Json) -> None:
        """Nothing."""


def follow(api: Api, screen: Screen, run: Json, graph: Json, name: str) -> Json:
    """Show a run until it ends; the run as it ended. Raises UnreachableError when the API is gone for long."""
    pause = FIRST_PAUSE
    with _display(screen, run, graph, name) as display:
        while True:
            display.update(run)
            if run["status"] in FINAL:
                return run
            time.sleep(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE)
            run = _read(api, screen, run)


@contextmanager
def _display(screen: Screen, run: Json, graph: Json, name: str) -> Iterator[Display]:
    if screen.as_json:
        yield Silent()
    elif screen.is_live:
        moving = Moving(run, graph, name)
        with Live(moving, console=screen.out, refresh_per_second=FRAMES_A_SECOND, vertical_overflow="crop"):
            yield moving
    else:
        screen.print(head(run, name))
        yield Lines(screen, graph)


def _read(api: Api, screen: Screen, run: Json) -> Json:
    """The run as it is now; an API that does not answer for a while does not end the watching."""
    end = time.monotonic() + PATIENCE_SECONDS
    was_told = False
    while True:
        try:
            return api.get(f"/workflows/{run['workflow_id']}/runs/{run['id']}")
        except CliError as error:
            if error.exit_code != UnreachableError.exit_code or time.monotonic() > end:
                raise
            if not was_told:
                screen.note(f"{error.message}; asking again for {PATIENCE_SECONDS} s")
                was_told = True
            time.sleep(LONGEST_PAUSE)
