"""Requests in any order, up to 200: what the emitted definition puts one after the other is exactly what was drawn."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.simulator import World, simulate

from .simulated import Compiled
from .strategies import PROPERTY, closure, drawn

LARGE = settings(PROPERTY, max_examples=25)
LATENCY = 0.025


@st.composite
def large(draw: st.DrawFn) -> list[frozenset[int]]:
    """Sparse, dense, in layers, or a few long rows with links across."""
    size = draw(st.sampled_from([5, 20, 80, 140, 200]))
    random = Random(draw(st.integers(0, 10**9)))
    width = random.choice((2, 5, 20))
    pick = draw(
        st.sampled_from(
            [
                lambda high: random.sample(range(high), min(high, random.choice((0, 1, 1, 2, 3)))),
                lambda high: [low for low in range(high) if random.random() < 0.1],
                lambda high: [
                    low for low in range(high) if low // width == high // width - 1 and random.random() < 0.6
                ],
                lambda high: [high - width] * (high >= width) + random.sample(range(high), high > 0 and width > 4),
            ]
        )
    )
    return [frozenset(pick(vertex)) for vertex in range(size)]


def compiled(order: list[frozenset[int]]) -> Compiled:
    return Compiled(drawn(["io"] * len(order), [(low, high, 0) for high, lows in enumerate(order) for low in lows]))


class Reading:
    """What a definition says of its order: for each unit, the nodes that end before it begins."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.above: dict[str, set[str]] = {}
        self.names: list[str] = []
        self._read(definition, set())

    def _read(self, machine: dict[str, Any], ended: set[str]) -> set[str]:
        """What has ended behind the states of a branch, when that had ended before it."""
        name: str | None = machine["StartAt"]
        while name is not None:
            state = machine["States"][name]
            self.names += machine["States"] if name == machine["StartAt"] else []
            payload = state.get("Parameters", {}).get("Payload", {})
            if state["Type"] == "Parallel":
                ended = ended.union(*(self._read(branch, ended) for branch in state["Branches"]))
            elif "gate" in payload:
                ended = ended | set(payload["gate"]["nodes"])
            else:
                (node_id,) = payload["unit"]["nodes"]
                assert node_id not in self.above
                self.above[node_id] = ended
                ended = ended | {node_id}
            name = state.get("Next")
        return ended

    def closure(self, size: int) -> set[tuple[int, int]]:
        return closure([frozenset(int(name[1:]) for name in self.above[f"n{vertex}"]) for vertex in range(size)])


@LARGE
@given(large())
def test_the_definition_says_the_order_exactly(order: list[frozenset[int]]) -> None:
    found = compiled(order)
    reading = Reading(found.emission.definition)
    assert reading.closure(len(order)) == closure(order)
    assert set(reading.above) == {f"n{vertex}" for vertex in range(len(order))}
    assert len(reading.names) == len(set(reading.names))
    assert sorted(found.emission.units.values()) == sorted((node_id,) for node_id in reading.above)


@LARGE
@given(large(), st.integers(0, 10**6))
def test_a_run_is_as_long_as_its_critical_path(order: list[frozenset[int]], seed: int) -> None:
    """Exactly so; and where entering a state takes a while, by no more than that, of each state on the longest walk."""
    found = compiled(order)
    random = Random(seed)
    seconds = {node_id: random.lognormvariate(0, 1) for node_id in found.graph.nodes}
    path = max(each.end for each in found.expected(World(seconds)).values())
    assert found.run(World(seconds, seed=seed)).makespan == path
    walk = found.run(World(latency=1.0)).makespan
    late = found.run(World(seconds, latency=LATENCY)).makespan
    assert path < late <= (path + walk * LATENCY) * (1 + 1e-9)


def test_a_row_is_a_row_of_states() -> None:
    order = [frozenset[int](), *(frozenset({low}) for low, _ in pairwise(range(51)))]
    report = simulate(compiled(order).emission.definition, compiled(order).definition, World(latency=1.0))
    assert (report.makespan, report.transitions, report.events) == (51, 51, 2 + 5 * 51)
