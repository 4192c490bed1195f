"""The short form of `make chaos`; the whole of it takes minutes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.chaos.experiment import Experiment


def test_what_was_accepted_ends_as_drawn_though_everything_is_killed() -> None:
    with tempfile.TemporaryDirectory(prefix="stepgraph-chaos-") as folder:  # short: sockets have short names
        outcome = Experiment(Path(folder), runs=15, kills=2, seed=583, longest_life=1.0).run()
    assert outcome.broken == []
    assert len(outcome.evidence) == 15
    assert outcome.resumptions, "the kills found nothing to cut off"
