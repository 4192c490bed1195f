"""`python -m bench.chaos`: kill the one-machine stack over and over while it is used; what it accepted must end as drawn.

Progress on stderr, one JSON line a figure or a violation on stdout; the exit code is 1 where there was a violation.
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

from .siege import Siege


def main() -> int:
    """The exit code."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    kills, runs = options.kills or (3 if options.quick else 20), options.runs or (24 if options.quick else 200)
    seed = options.seed if options.seed is not None else int(time.time()) % 100_000
    folder = Path(tempfile.mkdtemp(prefix="stepgraph-chaos-"))
    siege = Siege(folder, runs, kills, seed, quick=options.quick)
    lines = list(siege.run())
    for line in lines:
        print(json.dumps(line, ensure_ascii=False), flush=True)
    if any("violation" in line for line in lines):
        print(f"the data folder and the log of the stack are kept in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, help="how often (20)")
    parser.add_argument("--runs", type=int, help="how many are accepted meanwhile (200)")
    parser.add_argument("--seed", type=int, help="of the moments, of what is killed, and of the clients")
    parser.add_argument("--quick", action="store_true", help="3 kills, 24 runs, and shorter lives")
    return parser


if __name__ == "__main__":
    sys.exit(main())
