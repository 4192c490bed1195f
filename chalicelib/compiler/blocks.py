"""The nesting of a plan: tasks, gates and choices in sequences and parallels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Task:
    """The unit at this position runs here."""

    unit: int
    depth: int = field(default=0, init=False, repr=False)


@dataclass(frozen=True, slots=True)
class Gate:
    """Nothing behind it in its sequence begins before these units are done."""

    waits: tuple[int, ...]
    depth: int = field(default=0, init=False, repr=False)


@dataclass(frozen=True, slots=True)
class Seq:
    """One after another."""

    blocks: tuple[Block, ...]
    depth: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", max(block.depth for block in self.blocks))


@dataclass(frozen=True, slots=True)
class Par:
    """Side by side; over when all are."""

    branches: tuple[Block, ...]
    depth: int = field(init=False, repr=False)
    """How many Par stand inside one another here."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", 1 + max(branch.depth for branch in self.branches))


@dataclass(frozen=True, slots=True)
class Choice:
    """Of blocks that exclude one another, the one whose outcome came true; none where none did."""

    rules: tuple[tuple[int, Block], ...]
    """Pairs of an outcome, by its number, and what depends on it."""
    depth: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", max(block.depth for _, block in self.rules))


Block = Task | Gate | Seq | Par | Choice


def seq(*blocks: Block) -> Block:
    """These one after another, without a sequence inside a sequence."""
    flat = [part for block in blocks for part in (block.blocks if isinstance(block, Seq) else (block,))]
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def par(*branches: Block) -> Block:
    """These side by side, without a parallel inside a parallel."""
    flat = [part for block in branches for part in (block.branches if isinstance(block, Par) else (block,))]
    return flat[0] if len(flat) == 1 else Par(tuple(flat))


def inner(block: Block) -> tuple[Block, ...]:
    """The blocks right inside a block."""
    if isinstance(block, Seq):
        return block.blocks
    if isinstance(block, Par):
        return block.branches
    return tuple(chosen for _, chosen in block.rules) if isinstance(block, Choice) else ()


def walk(block: Block) -> Iterator[Block]:
    """A block and all in it, depth first and left to right."""
    stack = [block]
    while stack:
        top = stack.pop()
        yield top
        stack += reversed(inner(top))


def tasks(block: Block) -> Iterator[int]:
    """The units of a block, depth first and left to right: a linear extension of the order."""
    return (part.unit for part in walk(block) if isinstance(part, Task))


def gates(block: Block) -> Iterator[Gate]:
    """The gates of a block, in the same order."""
    return (part for part in walk(block) if isinstance(part, Gate))
