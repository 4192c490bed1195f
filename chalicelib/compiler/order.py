"""Nesting an order of tasks in blocks: what comes one after another, and what runs side by side.

Step Functions forks and joins only in nested blocks, and the orders that nesting can say exactly are the
vertex-series-parallel ones (Valdes, Tarjan, Lawler 1982). Two rules find the nesting: a vertex and its only successor,
when it is that one's only predecessor, are a sequence; vertices with equal neighbours are parallel. Where no rule
applies any more the order is taken apart into its components and at its series cuts; a part that is not series-parallel
goes level by level, and so does what would be nested too deep.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .graph import ancestor_masks, topological_order
from .units import links, neighbours, reduce_transitively

MAX_DEPTH = 8
"""How many Parallel states may stand inside one another."""


@dataclass(frozen=True, slots=True)
class Task:
    """The unit at this position runs here."""

    unit: int
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


Block = Task | Seq | Par


def nest(predecessors: Sequence[frozenset[int]]) -> Block:
    """Nest an order of at least one vertex, given by predecessors of vertices numbered topologically."""
    block = _nest([Task(vertex) for vertex in range(len(predecessors))], predecessors)
    return _bounded(block, MAX_DEPTH, predecessors)


def tasks(block: Block) -> Iterator[int]:
    """The units of a block, depth first and left to right: a linear extension of the order."""
    stack = [block]
    while stack:
        top = stack.pop()
        if isinstance(top, Task):
            yield top.unit
        else:
            stack += reversed(top.blocks if isinstance(top, Seq) else top.branches)


def _bounded(block: Block, depth: int, predecessors: Sequence[frozenset[int]]) -> Block:
    """The block with what is nested deeper than that put level by level."""
    if block.depth <= depth:
        return block
    if isinstance(block, Seq):
        return _seq(*(_bounded(part, depth, predecessors) for part in block.blocks))
    if isinstance(block, Par) and depth > 1:
        return _par(*(_bounded(branch, depth - 1, predecessors) for branch in block.branches))
    units = sorted(tasks(block))
    return _by_level([Task(unit) for unit in units], _induced(predecessors, units))


def _nest(blocks: Sequence[Block], predecessors: Sequence[frozenset[int]]) -> Block:
    reduced, order = _Reduction(blocks, predecessors).run()
    if len(reduced) == 1:
        return reduced[0]
    if len(components := _components(order)) > 1:
        return _par(*(_part(reduced, order, part) for part in components))
    if len(segments := _segments(order)) > 1:
        return _seq(*(_part(reduced, order, part) for part in segments))
    return _by_level(reduced, order)


def _by_level(blocks: Sequence[Block], predecessors: Sequence[frozenset[int]]) -> Block:
    return _seq(*(_par(*(blocks[vertex] for vertex in level)) for level in _levels(predecessors)))


def _part(blocks: Sequence[Block], predecessors: Sequence[frozenset[int]], part: Sequence[int]) -> Block:
    return _nest([blocks[vertex] for vertex in part], _induced(predecessors, part))


def _induced(predecessors: Sequence[frozenset[int]], part: Sequence[int]) -> list[frozenset[int]]:
    """The order among some vertices, renumbered; a part is convex, so no path between them leaves it."""
    position = {vertex: index for index, vertex in enumerate(part)}
    return [frozenset(position[before] for before in predecessors[vertex] if before in position) for vertex in part]


class _Reduction:
    """Applies the two rules until neither fits."""

    def __init__(self, blocks: Sequence[Block], predecessors: Sequence[frozenset[int]]) -> None:
        self.blocks = dict(enumerate(blocks))
        self.above, self.below = neighbours(reduce_transitively(predecessors))
        self.twins: dict[tuple[frozenset[int], frozenset[int]], int] = {}

    def run(self) -> tuple[list[Block], list[frozenset[int]]]:
        pending = dict.fromkeys(sorted(self.blocks, reverse=True))
        while pending:
            vertex, _ = pending.popitem()
            if vertex in self.blocks:
                for changed in self._series(vertex) or self._parallel(vertex):
                    pending[changed] = None
        order = topological_order(sorted(self.blocks), links(self.above))
        position = {vertex: index for index, vertex in enumerate(order)}
        return [self.blocks[vertex] for vertex in order], [
            frozenset(position[before] for before in self.above[vertex]) for vertex in order
        ]

    def _series(self, vertex: int) -> list[int]:
        if len(self.below[vertex]) != 1:
            return []
        (after,) = self.below[vertex]
        if len(self.above[after]) != 1:
            return []
        self.blocks[vertex] = _seq(self.blocks[vertex], self.blocks.pop(after))
        self.below[vertex] = self.below.pop(after)
        del self.above[after]
        for far in self.below[vertex]:
            self.above[far].discard(after)
            self.above[far].add(vertex)
        return [vertex, *self.above[vertex], *self.below[vertex]]

    def _parallel(self, vertex: int) -> list[int]:
        key = (frozenset(self.above[vertex]), frozenset(self.below[vertex]))
        twin = self.twins.get(key)
        if twin is None or twin == vertex or not self._is(twin, key):
            self.twins[key] = vertex
            return []
        first, second = sorted((twin, vertex))
        self.blocks[first] = _par(self.blocks[first], self.blocks.pop(second))
        for neighbour in self.above.pop(second):
            self.below[neighbour].discard(second)
        for neighbour in self.below.pop(second):
            self.above[neighbour].discard(second)
        self.twins[key] = first
        return [first, *self.above[first], *self.below[first]]

    def _is(self, vertex: int, key: tuple[frozenset[int], frozenset[int]]) -> bool:
        above, below = key
        return vertex in self.blocks and self.above[vertex] == above and self.below[vertex] == below


def _components(predecessors: Sequence[frozenset[int]]) -> list[list[int]]:
    """The weakly connected parts, in the order of their first vertices."""
    root = list(range(len(predecessors)))

    def find(vertex: int) -> int:
        while root[vertex] != vertex:
            root[vertex] = root[root[vertex]]
            vertex = root[vertex]
        return vertex

    for vertex, sources in enumerate(predecessors):
        for source in sources:
            low, high = sorted((find(vertex), find(source)))
            root[high] = low
    parts: dict[int, list[int]] = {}
    for vertex in range(len(predecessors)):
        parts.setdefault(find(vertex), []).append(vertex)
    return list(parts.values())


def _segments(predecessors: Sequence[frozenset[int]]) -> list[list[int]]:
    """Cut wherever all that comes before is above all that comes after."""
    above = ancestor_masks(predecessors)
    common = [0] * (len(above) + 1)
    common[len(above)] = -1
    for vertex in reversed(range(len(above))):
        common[vertex] = common[vertex + 1] & above[vertex]
    cuts = [cut for cut in range(1, len(above)) if common[cut] & (1 << cut) - 1 == (1 << cut) - 1]
    return [list(range(start, end)) for start, end in zip([0, *cuts], [*cuts, len(above)], strict=True)]


def _levels(predecessors: Sequence[frozenset[int]]) -> list[list[int]]:
    depth: list[int] = []
    for sources in predecessors:
        depth.append(1 + max((depth[source] for source in sources), default=-1))
    levels: list[list[int]] = [[] for _ in range(max(depth) + 1)]
    for vertex, level in enumerate(depth):
        levels[level].append(vertex)
    return levels


def _seq(*blocks: Block) -> Block:
    flat = [part for block in blocks for part in (block.blocks if isinstance(block, Seq) else (block,))]
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def _par(*branches: Block) -> Block:
    flat = [part for block in branches for part in (block.branches if isinstance(block, Par) else (block,))]
    return flat[0] if len(flat) == 1 else Par(tuple(flat))
