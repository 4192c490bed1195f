"""`python -m bench.chaos`: kill the one-machine stack, its Postgres too, again and again while it is used.

Prints what goes on and a table of what came of it; the exit code is 1 where a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from textwrap import fill

from .experiment import Experiment
from .report import table

WIDTH, LINE = 44, 120


def main() -> int:
    """The exit code."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="stepgraph-chaos-"))
    outcome = Experiment(folder, options.runs, options.kills, options.seed, options.life).run()
    print()
    for name, value in table(outcome):
        print(f"{name:<{WIDTH}}" + fill(value, LINE - WIDTH).replace("\n", "\n" + " " * WIDTH))
    broken = outcome.broken
    for promise in broken:
        print(json.dumps(promise, ensure_ascii=False))
    if broken:
        print(f"broken promises: {len(broken)}; the data and what the stack said are kept in {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print("every promise was kept")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often (20)")
    parser.add_argument("--runs", type=int, default=200, help="how many are accepted meanwhile (200)")
    parser.add_argument("--life", type=float, default=6.0, help="the most seconds that a busy stack lives (6)")
    parser.add_argument(
        "--seed",
        type=int,
        default=int(time.time()) % 100_000,
        help="of the kills and of the clients; else by the clock",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
