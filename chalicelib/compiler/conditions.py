"""Lifting conditions: what only one outcome of a node leads to goes into a Choice that passes it by.

Every node checks for itself whether it runs, so a plan is right without this; a Choice only saves what looking would
cost. An outcome, a node going on by one of its handles, is *necessary* for a node when each path to it goes through
there (dominance). Where the outcome is known, earlier in the same sequence or around it, a Choice goes round all that
needs it; branches of a Parallel that exclude one another become one Choice.

What a Choice passes by must be decided all the same, or what waits for it would wait for ever: the unit that decides
the outcome also decides, at once, all that is dead by it (`runs/settlement.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

from .blocks import Block, Choice, Gate, Par, Seq, Task, gates, par, seq
from .relation import members
from .terms import DEFAULT_HANDLE
from .units import Unit, decided_by

if TYPE_CHECKING:
    from .graph import Edge, Graph, Node

EVERYTHING = -1
"""The set of all outcomes, however many there are."""
UNCONDITIONAL = -1
"""Stands for the outcome of a branch that needs none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A node goes on by this handle."""

    node_id: str
    handle: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the units of a graph need and decide. Outcomes are numbered topologically; sets of them are bitmasks."""

    outcomes: tuple[Outcome, ...]
    implied: tuple[int, ...]
    """For each outcome, itself and those that its node needs."""
    rivals: tuple[int, ...]
    """For each outcome, those without which it may come true, but not with them."""
    needs: tuple[int, ...]
    """For each unit, the outcomes without any of which none of its nodes runs."""
    decides: tuple[int, ...]
    """For each unit, the outcomes of its nodes."""
    siblings: tuple[int, ...]
    """For each outcome, all of its node."""
    sure: tuple[int | None, ...]
    """For each outcome, those with which its node goes on for sure by some edge; None where it may not."""

    def are_exhaustive(self, outcomes: Iterable[int], true: int) -> bool:
        """Whether one of these outcomes comes true for sure where those in `true` did."""
        among = reduce(or_, (1 << outcome for outcome in outcomes))
        first = next(members(among))
        needed = self.sure[first]
        return needed is not None and not needed & ~true and not self.siblings[first] & ~among


def conditions_of(graph: Graph, units: Sequence[Unit]) -> Conditions:
    """Find the outcomes of a graph, and what its units have to do with them."""
    numbers: dict[Outcome, int] = {}
    implied: list[int] = []
    needed: dict[str, int] = {}
    of_node: dict[str, int] = {}
    for node in graph.nodes.values():
        by_edge = [_implied_by(edge, numbers, implied, needed) for edge in graph.incoming[node.id]]
        needed[node.id] = reduce(and_, by_edge) if by_edge else 0
        handles = dict.fromkeys(edge.handle for edge in graph.outgoing[node.id] if _is_conditional(edge, graph))
        of_node[node.id] = ((1 << len(handles)) - 1) << len(implied)
        for handle in handles:
            numbers[Outcome(node.id, handle)] = len(implied)
            implied.append(needed[node.id] | 1 << len(implied))
    return Conditions(
        outcomes=tuple(numbers),
        implied=tuple(implied),
        rivals=_rivals(graph, list(numbers), implied, of_node),
        needs=tuple(_common(needed[node_id] for node_id in {*unit.nodes, *decided_by(unit)}) for unit in units),
        decides=tuple(reduce(or_, (of_node[node_id] for node_id in decided_by(unit)), 0) for unit in units),
        siblings=tuple(of_node[outcome.node_id] for outcome in numbers),
        sure=_sure(graph, numbers),
    )


def _sure(graph: Graph, numbers: Mapping[Outcome, int]) -> tuple[int | None, ...]:
    """A node runs for sure with one live edge, or, where it asks for that, with all."""
    if not numbers:
        return ()
    runs: dict[str, int | None] = {}
    for node in graph.nodes.values():
        ways: list[int | None] = []
        for edge in graph.incoming[node.id]:
            number = numbers.get(Outcome(edge.source, edge.handle))
            ways.append(runs[edge.source] if number is None else 1 << number)
        runs[node.id] = None if node.disabled else _joined(node, ways)
    return tuple(runs[outcome.node_id] if _goes_on(graph, outcome.node_id) else None for outcome in numbers)


def _joined(node: Node, ways: Sequence[int | None]) -> int | None:
    if node.join == "all":
        return None if None in ways else reduce(or_, (way or 0 for way in ways), 0)
    return min((way for way in ways if way is not None), default=None) if ways else 0


def _goes_on(graph: Graph, node_id: str) -> bool:
    """Whether each handle of a node has an edge."""
    return graph.nodes[node_id].handles <= {edge.handle for edge in graph.outgoing[node_id]}


def _implied_by(edge: Edge, numbers: Mapping[Outcome, int], implied: Sequence[int], needed: Mapping[str, int]) -> int:
    number = numbers.get(Outcome(edge.source, edge.handle))
    return needed[edge.source] if number is None else implied[number]


def _is_conditional(edge: Edge, graph: Graph) -> bool:
    """Whether the edge may be dead though its source was reached."""
    source = graph.nodes[edge.source]
    return edge.handle != DEFAULT_HANDLE or source.on_error == "branch" or source.disabled


def _rivals(
    graph: Graph, outcomes: Sequence[Outcome], implied: Sequence[int], of_node: Mapping[str, int]
) -> tuple[int, ...]:
    """A node goes on by one handle, unless it goes on after an error; and so for all that its outcomes imply."""
    others = [
        0 if graph.nodes[outcome.node_id].on_error == "continue" else of_node[outcome.node_id] & ~(1 << number)
        for number, outcome in enumerate(outcomes)
    ]
    return tuple(reduce(or_, (others[number] for number in members(mask)), 0) for mask in implied)


def _common(masks: Iterable[int]) -> int:
    common = reduce(and_, masks, EVERYTHING)
    return 0 if common == EVERYTHING else common


def lift(block: Block, conditions: Conditions) -> Block:
    """Put Choices into a nesting of units, wherever an outcome is known that all of a part needs."""
    if not any(conditions.needs):
        return block
    return _Lift(conditions).sequence((block,), 0, 0)


def _before_a_gate(parts: Sequence[Block], start: int, end: int) -> int:
    """Where a run of parts has to end: a gate that it passes by would hold nothing back for what follows the run."""
    if end == len(parts):
        return end
    return next((index for index in range(start, end) if isinstance(parts[index], Gate)), end)


@dataclass(frozen=True, slots=True)
class _Lift:
    """`known` are the outcomes that the state tells here, `true` those that came true."""

    conditions: Conditions

    def sequence(self, parts: Sequence[Block], known: int, true: int) -> Block:
        if len(parts) == 1 and isinstance(parts[0], Seq):
            parts = parts[0].blocks
        needs = self._needs_along(parts)
        lifted: list[Block] = []
        start = 0
        while start < len(parts):
            end, common = start + 1, needs[start] & known & ~true
            while common and end < len(parts) and common & needs[end]:
                common &= needs[end]
                end += 1
            end = _before_a_gate(parts, start, end)
            if common and end > start:
                lifted.append(self._choice([(self._last(common), seq(*parts[start:end]))], known, true))
            else:
                end = start + 1
                lifted.append(self._inside(parts[start], known, true))
                known |= self._decided(parts[start])
            start = end
        return seq(*lifted)

    def _inside(self, part: Block, known: int, true: int) -> Block:
        return self._parallel(part, known, true) if isinstance(part, Par) else part

    def _parallel(self, block: Par, known: int, true: int) -> Block:
        """Branches that exclude one another are one Choice, in the place of the first.

        A branch with gates keeps its place, behind what they wait for.
        """
        families: list[dict[int, list[Block]]] = []
        for branch in block.branches:
            common = self._needs(branch) & known & ~true
            outcome = self._last(common) if common else UNCONDITIONAL
            family = None
            if common and not any(gates(branch)):
                family = next((each for each in families if self._fits(outcome, each)), None)
            if family is None:
                families.append(family := {})
            family.setdefault(outcome, []).append(branch)
        return par(*(self._alternatives(family, known, true) for family in families))

    def _alternatives(self, family: Mapping[int, Sequence[Block]], known: int, true: int) -> Block:
        if UNCONDITIONAL in family:
            return par(*(self.sequence((branch,), known, true) for branch in family[UNCONDITIONAL]))
        return self._choice([(outcome, par(*branches)) for outcome, branches in family.items()], known, true)

    def _fits(self, outcome: int, family: Iterable[int]) -> bool:
        """Whether an outcome excludes all others of a family."""
        implied, rivals = self.conditions.implied, self.conditions.rivals
        return all(
            other == outcome or (other != UNCONDITIONAL and implied[other] & rivals[outcome]) for other in family
        )

    def _choice(self, rules: Sequence[tuple[int, Block]], known: int, true: int) -> Choice:
        implied = self.conditions.implied
        return Choice(tuple((o, self.sequence((block,), known, true | implied[o])) for o, block in rules))

    def _last(self, common: int) -> int:
        """Outcomes that are necessary for the same part follow one another; the last implies the others."""
        return common.bit_length() - 1

    def _decided(self, part: Block) -> int:
        return self.conditions.decides[part.unit] if isinstance(part, Task) else 0

    def _needs_along(self, parts: Sequence[Block]) -> list[int]:
        """What each part of a sequence needs; a gate what the part behind it needs."""
        needs = [0]
        for part in reversed(parts):
            needs.append(needs[-1] if isinstance(part, Gate) else self._needs(part))
        return needs[:0:-1]

    def _needs(self, block: Block) -> int:
        if isinstance(block, Task):
            return self.conditions.needs[block.unit]
        if isinstance(block, Seq):
            return reduce(and_, self._needs_along(block.blocks))
        assert isinstance(block, Par)
        return reduce(and_, map(self._needs, block.branches))
