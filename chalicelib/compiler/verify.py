"""Checking every plan before it runs: its structure says the order of its units, no more and no less."""

from __future__ import annotations

from collections.abc import Sequence

from .blocks import Block, Gate, Seq, Task, inner
from .relation import ancestor_masks


class PlanError(Exception):
    """The compiler made a plan that is not what was drawn: a defect of the compiler, so nothing may run."""


def verify(block: Block, predecessors: Sequence[frozenset[int]]) -> None:
    """Check a nesting of units, given by predecessors of units numbered topologically.

    Before each unit end exactly those that come before it in the order; each unit is there once; a gate waits only for
    what a walk depth first and left to right has passed, so a run ends even if branches ran one at a time. Linear in
    the blocks, with bitmasks. Raises PlanError.
    """
    walk = _Walk(len(predecessors))
    walk.visit(block, 0)
    if None in walk.before:
        raise PlanError(f"unit {walk.before.index(None)} is nowhere")
    for unit, (found, drawn) in enumerate(zip(walk.before, ancestor_masks(predecessors), strict=True)):
        if found != drawn:
            raise PlanError(f"unit {unit} comes after the units {found:b} and was drawn after {drawn:b}")


class _Walk:
    def __init__(self, size: int) -> None:
        self.before: list[int | None] = [None] * size
        """For each unit, those that end before it begins, as a bitmask."""

    def visit(self, block: Block, done: int) -> int:
        """Walk a block that begins when `done` has ended; what has ended when it ends."""
        if isinstance(block, Task):
            return self._task(block.unit, done)
        if isinstance(block, Gate):
            return self._gate(block, done)
        if isinstance(block, Seq):
            for part in block.blocks:
                done = self.visit(part, done)
            return done
        ended = done
        for branch in inner(block):
            ended |= self.visit(branch, done)
        return ended

    def _task(self, unit: int, done: int) -> int:
        if unit >= len(self.before):
            raise PlanError(f"there is no unit {unit}")
        if self.before[unit] is not None:
            raise PlanError(f"unit {unit} is there twice")
        self.before[unit] = done
        return done | 1 << unit

    def _gate(self, gate: Gate, done: int) -> int:
        for unit in gate.waits:
            before = self.before[unit] if unit < len(self.before) else None
            if before is None:
                raise PlanError(f"a gate waits for unit {unit}, which comes only behind it")
            done |= before | 1 << unit
        return done
