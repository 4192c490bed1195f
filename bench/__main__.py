"""`python -m bench`: measure the one-machine stack; one JSON line a figure, progress on stderr."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from local import postgres
from tests.upstream import Upstream

from .compiling import compiled, transitions
from .concurrency import conditional, gates, makespan, states
from .database import Database
from .figures import FIGURES, Bench, Line
from .load import Clients
from .schedules import schedules
from .stack import Stack
from .wanted import judged

APART = {
    "compile": compiled,
    "transitions": transitions,
    "makespan": makespan,
    "states": states,
    "conditional": conditional,
    "gates": gates,
    "schedules": schedules,
}
"""Figures that need no stack."""


def main() -> int:
    """The exit code: 1 when a figure is not as wanted."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    met = True
    for line in _lines(options.only, quick=options.quick):
        print(json.dumps(line), flush=True)
        met = met and line.get("met", True)
    return 0 if met or not options.strict else 1


def _parser() -> argparse.ArgumentParser:
    names = (*APART, "ready", *FIGURES)
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", type=_figures(names), default=names, help=f"some of: {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="a quarter of the repetitions")
    parser.add_argument("--strict", action="store_true", help="fail when a figure is not as wanted")
    return parser


def _figures(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def figures(text: str) -> tuple[str, ...]:
        if unknown := set(text.split(",")) - set(known):
            raise argparse.ArgumentTypeError(f"no figure: {', '.join(sorted(unknown))}")
        return tuple(name for name in known if name in text.split(","))

    return figures


def _lines(names: tuple[str, ...], *, quick: bool) -> Iterator[Line]:
    began = time.monotonic()
    for name in names:
        if name in APART:
            yield from APART[name]()
    if not set(names) - APART.keys():
        return
    with tempfile.TemporaryDirectory(prefix="stepgraph-bench-") as folder:
        data_dir = Path(folder) / "data"
        if "ready" in names:
            yield from _ready(data_dir)
        with _bench(data_dir, quick=quick) as bench:
            yield {"figure": "round_trip", "p50_ms": round(bench.round_trip * 1000, 4)}
            for name in names:
                if name in FIGURES:
                    _tell(f"{time.monotonic() - began:4.0f} s  {name}")
                    yield from FIGURES[name](bench)
    _tell(f"{time.monotonic() - began:4.0f} s  done")


def _ready(data_dir: Path) -> Iterator[Line]:
    """From the command to its ready line: with an empty folder, and again."""
    for start in ("first", "warm"):
        _tell(f"ready, {start}")
        stack = Stack(data_dir)
        stack.stop()
        yield judged("ready", {"start": start}, {"seconds": round(stack.seconds_to_ready, 2)})


@contextmanager
def _bench(data_dir: Path, *, quick: bool) -> Iterator[Bench]:
    with ExitStack() as running:
        stack = Stack(data_dir)
        running.callback(stack.stop)
        idle = stack.memory()
        url, leave = postgres.start(data_dir / "postgres")
        running.callback(leave)
        database = running.enter_context(closing(Database(url)))
        clients = running.enter_context(Clients())
        upstream = running.enter_context(Upstream())
        other = replace(stack.target, workspace_id=database.other_workspace(stack.target.workspace_id))
        yield Bench(stack, database, clients, upstream.base, other, idle, database.round_trip(), quick)


def _tell(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
