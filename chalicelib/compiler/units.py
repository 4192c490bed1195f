"""Units: the groups of nodes that one Lambda call runs in order.

Nodes that do no input or output take microseconds, so they ride along with a node that does. A unit holds at most one
node that waits on the outside world inside its call, is convex (no path leaves it and comes back), and delays no other
node that waits on the outside world by more than those microseconds; a light node itself may be run, and shown, as late
as the node it rides with. A node that goes on in Step Functions, a wait or a container, ends its unit, and is concluded
by the unit that follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from .relation import ancestor_masks, links, neighbours, reduce_transitively, topological_order

if TYPE_CHECKING:
    from .graph import Graph


@dataclass(frozen=True, slots=True)
class Unit:
    """What one Task state runs: conclude a paused node, run nodes in order, then perhaps begin one that pauses."""

    nodes: tuple[str, ...]
    """In topological order; a node that the unit only begins stands last."""
    concludes: str | None = None
    """The wait or container that ended before this unit."""
    begins: str | None = None
    """The wait or container that the unit begins: a Wait or Map state follows it."""
    anchor: str | None = None
    """The node with a retry and a time limit of its own, which become the Task's."""


def decided_by(unit: Unit) -> tuple[str, ...]:
    """The nodes that are decided when a unit is done: all but one that it only begins."""
    concluded = (unit.concludes,) if unit.concludes else ()
    return concluded + tuple(node_id for node_id in unit.nodes if node_id != unit.begins)


def name_of(unit: Unit) -> str:
    """The node that a unit is known by; nothing for the unit of an empty graph."""
    return unit.anchor or unit.begins or next(iter(unit.nodes), unit.concludes) or ""


@dataclass(frozen=True, slots=True)
class UnitGraph:
    """Units in topological order and, for each, the positions of those right before it (reduced)."""

    units: tuple[Unit, ...]
    predecessors: tuple[frozenset[int], ...]


def fuse(graph: Graph) -> UnitGraph:
    """Group a graph's nodes into the fewest units that these rules reach."""
    return _Fusion(graph).run()


class _Fusion:
    """Merges neighbours until no rule applies. Vertices are numbered; `above`/`below` is the reduced order.

    No rule changes the order of the vertices that it leaves alone, so one vertex comes before another exactly where one
    of its steps does; `steps_of` and `ancestors` are sets of steps, as bitmasks.
    """

    def __init__(self, graph: Graph) -> None:
        self.steps = list(_steps(graph))
        direct = _predecessors(graph, self.steps)
        self.order = ancestor_masks(direct)
        self.ancestors = list(self.order)
        self.steps_of = [1 << vertex for vertex in range(len(self.steps))]
        self.above, self.below = neighbours(reduce_transitively(direct))
        self.members = {vertex: [vertex] for vertex in range(len(self.steps))}
        self.anchored = {vertex for vertex, step in enumerate(self.steps) if step.is_anchor}
        self.beginning = {vertex for vertex, step in enumerate(self.steps) if step.begins}
        self.concluding = {vertex for vertex, step in enumerate(self.steps) if step.concludes}

    def run(self) -> UnitGraph:
        pending = dict.fromkeys(self.members)
        while pending:
            vertex, _ = pending.popitem()
            if vertex in self.members and (partner := self._partner(vertex)):
                into, gone = partner
                around = self.above[gone] | self.below[gone] | self.above[into] | self.below[into]
                self._merge(into, gone)
                pending.update(dict.fromkeys(sorted(around - {gone} | {into})))
        return self._result()

    def _partner(self, vertex: int) -> tuple[int, int] | None:
        """The pair to merge, the one that stays first."""
        above, below = self.above[vertex], self.below[vertex]
        light = self._is_light(vertex)
        if len(above) == 1:
            (before,) = above
            if before not in self.beginning and (light or self._ends_in_pause(before, vertex)):
                return before, vertex
        if light and len(below) == 1:
            (after,) = below
            alone = self.above[after] == {vertex}
            if alone or not (vertex in self.concluding or after in self.concluding):
                return vertex, after
        return self._twin(vertex) if self._may_join(vertex) else None

    def _ends_in_pause(self, before: int, vertex: int) -> bool:
        """What pauses may end the unit before it when nothing else follows that unit."""
        return vertex in self.beginning and vertex not in self.anchored and self.below[before] == {vertex}

    def _is_light(self, vertex: int) -> bool:
        return vertex not in self.anchored and vertex not in self.beginning

    def _twin(self, vertex: int) -> tuple[int, int] | None:
        """Light units with the same predecessors become ready together, so one call runs both."""
        above = self.above[vertex]
        near = self.below[next(iter(above))] if above else set(self.members)
        twins = (other for other in near if self.above[other] == above and self._may_join(other) and other != vertex)
        other = min(twins, default=None)
        return None if other is None else (min(vertex, other), max(vertex, other))

    def _may_join(self, vertex: int) -> bool:
        return self._is_light(vertex) and vertex not in self.concluding

    def _merge(self, into: int, gone: int) -> None:
        """Make two vertices one."""
        doubtful_above, doubtful_below = self._doubtful(into, gone)
        self.members[into] = sorted(self.members[into] + self.members.pop(gone))
        self.steps_of[into] |= self.steps_of[gone]
        self.ancestors[into] |= self.ancestors[gone]
        for kind in (self.anchored, self.beginning, self.concluding):
            if gone in kind:
                kind.add(into)
        for relation, inverse in ((self.above, self.below), (self.below, self.above)):
            for neighbour in relation.pop(gone):
                inverse[neighbour].discard(gone)
                if neighbour != into:
                    relation[into].add(neighbour)
                    inverse[neighbour].add(into)
        earlier = reduce(or_, map(self._outside, self.above[into]), 0)
        for before in doubtful_above:
            if self.steps_of[before] & earlier:
                self._unlink(before, into)
        next_steps = reduce(or_, map(self.steps_of.__getitem__, self.below[into]), 0)
        for after in doubtful_below:
            if self._outside(after) & next_steps:
                self._unlink(into, after)

    def _doubtful(self, into: int, gone: int) -> tuple[set[int], set[int]]:
        """The neighbours to which a link may be implied by a longer path once the two are one."""
        if gone not in self.below[into]:
            alike = self.below[into] == self.below[gone]
            return set(), set() if alike else self.below[into] | self.below[gone]
        if self.above[gone] == {into}:
            return set(), set(self.below[gone])
        return (self.above[into] | self.above[gone]) - {into}, set()

    def _outside(self, vertex: int) -> int:
        """The steps before a vertex that are not its own."""
        return self.ancestors[vertex] & ~self.steps_of[vertex]

    def _unlink(self, before: int, after: int) -> None:
        self.below[before].discard(after)
        self.above[after].discard(before)

    def _result(self) -> UnitGraph:
        order = topological_order(sorted(self.members), links(self.above))
        position = {vertex: index for index, vertex in enumerate(order)}
        return UnitGraph(
            tuple(self._unit(vertex) for vertex in order),
            tuple(frozenset(position[before] for before in self.above[vertex]) for vertex in order),
        )

    def _unit(self, vertex: int) -> Unit:
        members = self.members[vertex]
        anchor = next((step for step in members if self.steps[step].is_anchor), None)
        steps = [self.steps[step] for step in sorted(members, key=lambda step: self._turn(step, anchor))]
        return Unit(
            nodes=tuple(step.node_id for step in steps if not step.concludes),
            concludes=next((step.node_id for step in steps if step.concludes), None),
            begins=next((step.node_id for step in steps if step.begins), None),
            anchor=None if anchor is None else self.steps[anchor].node_id,
        )

    def _turn(self, step: int, anchor: int | None) -> tuple[bool, bool, int]:
        """What need not wait for the anchor goes before it; a node that the unit only begins goes last."""
        after = anchor is not None and (step == anchor or bool(self.order[step] >> anchor & 1))
        return self.steps[step].begins, after, step


@dataclass(frozen=True, slots=True)
class _Step:
    """A node, or one end of a node that goes on in Step Functions."""

    node_id: str
    is_anchor: bool = False
    begins: bool = False
    concludes: bool = False


def _steps(graph: Graph) -> Iterable[_Step]:
    for node in graph.nodes.values():
        if node.is_paused:
            yield _Step(node.id, begins=True)
            yield _Step(node.id, concludes=True)
        else:
            yield _Step(node.id, is_anchor=node.is_anchor)


def _predecessors(graph: Graph, steps: list[_Step]) -> list[set[int]]:
    """The steps that each step follows directly."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for index, step in enumerate(steps):
        first.setdefault(step.node_id, index)
        last[step.node_id] = index
    direct: list[set[int]] = [set() for _ in steps]
    for node_id in graph.nodes:
        direct[first[node_id]] = {last[source] for source in graph.predecessors(node_id)}
        if first[node_id] != last[node_id]:
            direct[last[node_id]] = {first[node_id]}
    return direct
