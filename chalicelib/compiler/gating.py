"""Gates that hold also where paths die.

A gate names the units right before those that it holds, and what comes before these is over when they are: unless they
are dead, and were decided at once while a unit before them still runs, with a light node in it that something behind
the gate is drawn from. So where there are conditions, a gate also names the units of all drawn sources of what it
holds, unless they have ended for sure when it is reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from .blocks import Block, Choice, Gate, Par, Seq, par, seq, tasks
from .relation import members
from .units import Unit, decided_by

if TYPE_CHECKING:
    from .graph import Graph


def hold_for_sources(block: Block, graph: Graph, units: Sequence[Unit]) -> Block:
    """The same nesting, with gates that name all they have to."""
    home = {node_id: position for position, unit in enumerate(units) for node_id in decided_by(unit)}
    sources = [_sources(unit, graph, home) for unit in units]
    return _Widening(sources).block(block, 0)


def _sources(unit: Unit, graph: Graph, home: Mapping[str, int]) -> int:
    """The units that decide the drawn sources of a unit's nodes, as a bitmask."""
    return reduce(or_, (1 << home[before] for node_id in unit.nodes for before in graph.predecessors(node_id)), 0)


@dataclass(frozen=True, slots=True)
class _Widening:
    """`over`: the units that have ended for sure when a block begins, dead or not, as a bitmask."""

    sources: Sequence[int]

    def block(self, block: Block, over: int) -> Block:
        if isinstance(block, Seq):
            return self._sequence(block.blocks, over)
        if isinstance(block, Par):
            return par(*(self.block(branch, over) for branch in block.branches))
        if isinstance(block, Choice):
            return Choice(tuple((outcome, self.block(part, over)) for outcome, part in block.rules))
        return block

    def _sequence(self, parts: Sequence[Block], over: int) -> Block:
        found: list[Block] = []
        for index, part in enumerate(parts):
            if isinstance(part, Gate):
                wide = self._gate(part, parts[index + 1 :], over)
                over |= reduce(or_, (1 << unit for unit in wide.waits))
                found.append(wide)
            else:
                found.append(self.block(part, over))
                over |= _units(part)
        return seq(*found)

    def _gate(self, gate: Gate, behind: Sequence[Block], over: int) -> Gate:
        """Only up to the next gate: what that one holds must not be held here."""
        until = next((index for index, part in enumerate(behind) if isinstance(part, Gate)), len(behind))
        held = reduce(or_, map(_units, behind[:until]))
        needed = reduce(or_, (self.sources[unit] for unit in members(held)))
        return Gate(tuple(sorted({*gate.waits, *members(needed & ~held & ~over)})))


def _units(block: Block) -> int:
    return reduce(or_, (1 << unit for unit in tasks(block)))
