"""How a graph runs: its units and their nesting, with that of each container's body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .blocks import Block, Choice, Par, Task, inner, walk
from .conditions import Conditions, conditions_of, lift
from .costs import EXECUTION, EXECUTION_EVENTS, NESTED_EVENTS, Counting, Loop, Range, loop_of
from .gating import hold_for_sources
from .order import MAX_DEPTH, nest
from .units import Unit, fuse
from .verify import verify

if TYPE_CHECKING:
    from .graph import Graph

LEVEL_DEPTH = 2
"""What a container takes of the depth: a Map, and one Parallel in it."""
MAX_LEVELS = (MAX_DEPTH - 1) // LEVEL_DEPTH
"""How many containers may stand inside one another, so that all have room."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A graph, or the body of a container, and how it runs."""

    graph: Graph
    units: tuple[Unit, ...]
    predecessors: tuple[frozenset[int], ...]
    """For each unit, those right before it."""
    block: Block
    conditions: Conditions
    bodies: Mapping[str, Plan]
    """Of the containers among the nodes."""
    loops: Mapping[str, Loop]
    """How the items of these run."""
    cost: Range

    @property
    def told(self) -> tuple[int, ...]:
        """The outcomes that its Choices ask for."""
        rules = (part.rules for part in walk(self.block) if isinstance(part, Choice))
        return tuple(sorted({outcome for each in rules for outcome, _ in each}))

    @property
    def depth(self) -> int:
        """How many Parallel and Map states stand inside one another, at most."""
        around = dict(_depths(self.block))
        bodies = [self.bodies.get(unit.begins or "") for unit in self.units]
        maps = [around[position] + 1 + body.depth for position, body in enumerate(bodies) if body]
        return max([self.block.depth, *maps])

    def scope(self, container: str | None) -> Plan:
        """The plan of a container's body at any depth; this one for None. Raises KeyError."""
        return self if container is None else self.holding(container).bodies[container]

    def holding(self, container: str) -> Plan:
        """The plan that a container is right in, at any depth. Raises KeyError."""
        for plan in self.walk():
            if container in plan.bodies:
                return plan
        raise KeyError(container)

    def walk(self) -> Iterator[Plan]:
        """This plan and those of all bodies."""
        yield self
        for body in self.bodies.values():
            yield from body.walk()


def make_plan(graph: Graph) -> Plan:
    """Decide how a valid graph runs. An empty graph runs as one unit of no nodes.

    Raises PlanError where the plan is not what was drawn: a defect, never the graph's fault.
    """
    return _plan(graph, MAX_DEPTH, is_body=False)


def _plan(graph: Graph, max_depth: int, *, is_body: bool) -> Plan:
    fused = fuse(graph)
    units = fused.units or (Unit(()),)
    predecessors = fused.predecessors or (frozenset(),)
    conditions = conditions_of(graph, units)
    block = nest(predecessors, max_depth - LEVEL_DEPTH * levels(graph))
    if conditions.outcomes:
        block = hold_for_sources(lift(block, conditions), graph, units)
    verify(block, predecessors)
    left = {unit: max_depth - 1 - depth for unit, depth in _depths(block)} if graph.bodies else {}
    bodies = {
        unit.begins: _plan(graph.bodies[unit.begins], left[position], is_body=True)
        for position, unit in enumerate(units)
        if unit.begins and unit.begins in graph.bodies
    }
    loops, cost = _count(Counting(graph, units, conditions), block, bodies, is_body=is_body)
    return Plan(graph, units, predecessors, block, conditions, bodies, loops, cost)


def levels(graph: Graph) -> int:
    """How many containers stand inside one another."""
    return max((1 + levels(body) for body in graph.bodies.values()), default=0)


def _depths(block: Block, depth: int = 0) -> Iterator[tuple[int, int]]:
    """Of each unit, how many Parallels it stands in."""
    if isinstance(block, Task):
        yield block.unit, depth
    for part in inner(block):
        yield from _depths(part, depth + isinstance(block, Par))


def _count(
    counting: Counting, block: Block, bodies: Mapping[str, Plan], *, is_body: bool
) -> tuple[dict[str, Loop], Range]:
    """The loops over bodies, sharing what the rest leaves of an execution's events, and what all costs."""
    execution = Range() if is_body else Range.always(EXECUTION)
    plain = execution + counting.count(block, {})
    heavy = sum(not body.graph.is_light for body in bodies.values())
    room = NESTED_EVENTS if is_body else max(0, EXECUTION_EVENTS - plain.most.events) // max(1, heavy)
    loops = {node_id: loop_of(body.cost, room, is_light=body.graph.is_light) for node_id, body in bodies.items()}
    return loops, execution + counting.count(block, loops) if loops else plain
