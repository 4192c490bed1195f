"""Compiling a drawn graph, and running its definition in the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from random import Random
from typing import Any

from bench.rules import Drawing, Ran, evaluate, ways
from bench.simulator import Report, World, simulate
from chalicelib.compiler import asl
from chalicelib.compiler.graph import Graph
from chalicelib.compiler.plan import make_plan

from .strategies import parsed

FUNCTION = "runner"


class Compiled:
    """A drawn graph with its plan and its definition."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.definition = definition
        self.graph: Graph = parsed(definition)
        self.plan = make_plan(self.graph)
        self.emission = asl.emit(self.plan, FUNCTION)
        self.drawing = Drawing.of(definition)

    @property
    def slow(self) -> list[str]:
        """The nodes that take their time, containers apart."""
        return [
            node.id for node in self.graph.walk() if node.is_anchor or (node.is_paused and node.type.name == "wait")
        ]

    @property
    def containers(self) -> list[str]:
        return [node.id for node in self.graph.walk() if node.type.name == "for_each"]

    def worlds(self, seed: int, *, most_items: int = 4) -> World:
        """What the drawing leaves open, drawn: whole seconds, so that sums of them are exact."""
        random = Random(seed)
        return World(
            seconds={node_id: float(random.randrange(1, 100)) for node_id in self.slow},
            choices={node["id"]: random.choice(ways(node)) for node in self.definition["nodes"]},
            items={node_id: random.randrange(most_items + 1) for node_id in self.containers},
            seed=random.randrange(1000),
        )

    @property
    def combinations(self) -> int:
        """How many ways it may take through its deciding nodes."""
        return prod(len(ways(node)) for node in self.definition["nodes"])

    def all_choices(self) -> Iterator[dict[str, str]]:
        """Each of these ways."""
        names = [node["id"] for node in self.definition["nodes"]]
        for chosen in product(*(ways(node) for node in self.definition["nodes"])):
            yield dict(zip(names, chosen, strict=True))

    def run(self, world: World) -> Report:
        return simulate(self.emission.definition, self.definition, world)

    def expected(self, world: World) -> dict[str, Ran]:
        return evaluate(self.drawing, world.seconds, world.choices, world.items)


def statuses(report: Report) -> dict[str, set[str]]:
    """How a node ended, in all items."""
    found: dict[str, set[str]] = {}
    for key, ran in report.nodes.items():
        found.setdefault(key.rpartition("/")[2], set()).add(ran.status)
    return found
