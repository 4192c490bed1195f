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

from .graph import Graph
from .relation import ancestor_masks, links, neighbours, reduce_transitively, topological_order


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


@dataclass(frozen=True, slots=True)
class UnitGraph:
    """Units in topological order and, for each, the positions of those right before it (reduced)."""

    units: tuple[Unit, ...]
    predecessors: tuple[frozenset[int], ...]


def fuse(graph: Graph) -> UnitGraph:
    """Group a graph's nodes into the fewest units that these rules reach."""
    return _Fusion(graph).run()


class _Fusion:
    """Merges neighbours until no rule applies. Vertices are numbered; `above`/`below` is the reduced order."""

    def __init__(self, graph: Graph) -> None:
        self.steps = list(_steps(graph))
        direct = _predecessors(graph, self.steps)
        self.ancestors = ancestor_masks(direct)
        self.above, self.below = neighbours(reduce_transitively(direct))
        self.members = {vertex: [vertex] for vertex in range(len(self.steps))}

    def run(self) -> UnitGraph:
        pending = list(self.members)
        while pending:
            vertex = pending.pop()
            while vertex in self.members and (touched := self._merge_one(vertex)):
                pending += touched
        return self._result()

    def _merge_one(self, vertex: int) -> list[int]:
        """Apply one rule to a vertex; the vertices that a rule may fit now: those around, and their followers, which
        may have become twins."""
        partner = self._partner(vertex)
        if partner is None:
            return []
        into, gone = partner
        around = self.above[gone] | self.below[gone] | self.above[into] | self.below[into]
        self._merge(into, gone)
        near = around - {into, gone}
        return [into, *near, *(x for v in near for x in self.below.get(v, ()))]

    def _partner(self, vertex: int) -> tuple[int, int] | None:
        """The pair to merge, the one that stays first."""
        above, below = self.above[vertex], self.below[vertex]
        light = self._is_light(vertex)
        if len(above) == 1:
            (before,) = above
            if not self._begins(before) and (light or self._ends_in_pause(before, vertex)):
                return before, vertex
        if light and len(below) == 1:
            (after,) = below
            alone = self.above[after] == {vertex}
            if alone or not (self._concludes(vertex) or self._concludes(after)):
                return vertex, after
        return self._twin(vertex) if light and not self._concludes(vertex) else None

    def _ends_in_pause(self, before: int, vertex: int) -> bool:
        """What pauses may end the unit before it when nothing else follows that unit."""
        return self._begins(vertex) and not self._has_anchor(vertex) and self.below[before] == {vertex}

    def _begins(self, vertex: int) -> bool:
        return any(self.steps[step].begins for step in self.members[vertex])

    def _concludes(self, vertex: int) -> bool:
        return any(self.steps[step].concludes for step in self.members[vertex])

    def _has_anchor(self, vertex: int) -> bool:
        return any(self.steps[step].is_anchor for step in self.members[vertex])

    def _is_light(self, vertex: int) -> bool:
        return not self._has_anchor(vertex) and not self._begins(vertex)

    def _twin(self, vertex: int) -> tuple[int, int] | None:
        """Light units with the same predecessors become ready together, so one call runs both."""
        above = self.above[vertex]
        near = self.below[next(iter(above))] if above else set(self.members)
        for other in sorted(near - {vertex}):
            if self.above[other] == above and self._is_light(other) and not self._concludes(other):
                return min(vertex, other), max(vertex, other)
        return None

    def _merge(self, into: int, gone: int) -> None:
        """Make two vertices one; the order on all others is unchanged."""
        doubtful_above, doubtful_below = self._doubtful(into, gone)
        self.members[into] = sorted(self.members[into] + self.members.pop(gone))
        for relation, inverse in ((self.above, self.below), (self.below, self.above)):
            for neighbour in relation.pop(gone):
                inverse[neighbour].discard(gone)
                if neighbour != into:
                    relation[into].add(neighbour)
                    inverse[neighbour].add(into)
        for before in doubtful_above:
            if self._reaches(self.below[before] - {into}, into):
                self._unlink(before, into)
        for after in doubtful_below:
            if self._reaches(self.below[into] - {after}, after):
                self._unlink(into, after)

    def _doubtful(self, into: int, gone: int) -> tuple[set[int], set[int]]:
        """The neighbours to which a link may be implied by a longer path once the two are one."""
        if gone not in self.below[into]:
            alike = self.below[into] == self.below[gone]
            return set(), set() if alike else self.below[into] | self.below[gone]
        if self.above[gone] == {into}:
            return set(), set(self.below[gone])
        return (self.above[into] | self.above[gone]) - {into}, set()

    def _unlink(self, before: int, after: int) -> None:
        self.below[before].discard(after)
        self.above[after].discard(before)

    def _reaches(self, starts: Iterable[int], goal: int) -> bool:
        stack, seen = list(starts), set(starts)
        while stack:
            vertex = stack.pop()
            if vertex == goal:
                return True
            fresh = self.below[vertex] - seen
            seen |= fresh
            stack += fresh
        return False

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
        after = anchor is not None and (step == anchor or bool(self.ancestors[step] >> anchor & 1))
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
