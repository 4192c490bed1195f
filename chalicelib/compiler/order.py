"""Nesting an order of tasks in blocks, so that what runs is exactly the order and no concurrency is lost.

Step Functions forks and joins only in nested blocks, and the orders that nesting alone can say are the
vertex-series-parallel ones (Valdes, Tarjan, Lawler 1982). Two rules find the nesting: a vertex and its only successor,
when it is that one's only predecessor, are a sequence; vertices with equal neighbours are parallel. Where no rule
applies any more the order is taken apart into its components and at its series cuts.

What remains is prime: no nesting says it. There, last vertices are taken out one after another, each as a parallel
branch of its own behind a *gate* that waits for the vertex's predecessors, until the rest nests. What would be nested
too deep becomes chains side by side, with gates between them. A walk depth first and left to right is always a linear
extension of the order, so a run ends even if branches were run one at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .relation import ancestor_masks, links, neighbours, reduce_transitively, topological_order

MAX_DEPTH = 8
"""How many Parallel states may stand inside one another."""
TRIED_VERTICES = 24
"""Up to this size of a prime part, every choice of a vertex to hold back is tried."""


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


Block = Task | Gate | Seq | Par


def nest(predecessors: Sequence[frozenset[int]]) -> Block:
    """Nest an order of at least one vertex, given by predecessors of vertices numbered topologically."""
    block = _nest([Task(vertex) for vertex in range(len(predecessors))], predecessors)
    return _bounded(block, MAX_DEPTH, predecessors)


def tasks(block: Block) -> Iterator[int]:
    """The units of a block, depth first and left to right: a linear extension of the order."""
    return (part.unit for part in _leaves(block) if isinstance(part, Task))


def gates(block: Block) -> Iterator[Gate]:
    """The gates of a block, in the same order."""
    return (part for part in _leaves(block) if isinstance(part, Gate))


def _leaves(block: Block) -> Iterator[Task | Gate]:
    stack = [block]
    while stack:
        top = stack.pop()
        if isinstance(top, Task | Gate):
            yield top
        else:
            stack += reversed(top.blocks if isinstance(top, Seq) else top.branches)


def _ends(block: Block) -> Iterator[int]:
    """The units after which a block is over."""
    if isinstance(block, Task):
        yield block.unit
    elif isinstance(block, Seq):
        yield from _ends(block.blocks[-1])
    elif isinstance(block, Par):
        for branch in block.branches:
            yield from _ends(branch)


def _gate(blocks: Iterable[Block]) -> Gate:
    return Gate(tuple(sorted(end for block in blocks for end in _ends(block))))


def _bounded(block: Block, depth: int, predecessors: Sequence[frozenset[int]]) -> Block:
    """The block with what is nested deeper than that as chains and gates."""
    if block.depth <= depth:
        return block
    if isinstance(block, Seq):
        return _seq(*(_bounded(part, depth, predecessors) for part in block.blocks))
    if isinstance(block, Par) and depth > 1:
        return _par(*(_bounded(branch, depth - 1, predecessors) for branch in block.branches))
    units = sorted(tasks(block))
    return _chains([Task(unit) for unit in units], _induced(predecessors, units))


def _chains(blocks: Sequence[Block], predecessors: Sequence[frozenset[int]]) -> Block:
    """Chains side by side. A chain waits for chains before it alone, so that there is always one that goes on."""
    parts: list[list[Block]] = []
    lasts: list[int] = []
    chain_of: dict[int, int] = {}
    for vertex, before in enumerate(predecessors):
        chain = max((chain_of[source] for source in before), default=-1)
        if chain >= 0 and lasts[chain] in before:
            waits = before - {lasts[chain]}
            lasts[chain] = vertex
        else:
            waits, chain = before, len(parts)
            parts.append([])
            lasts.append(vertex)
        parts[chain] += [*([_gate(blocks[source] for source in waits)] if waits else []), blocks[vertex]]
        chain_of[vertex] = chain
    return _par(*(_seq(*part) for part in parts))


def _nest(blocks: Sequence[Block], predecessors: Sequence[frozenset[int]]) -> Block:
    reduced, order = _Reduction(blocks, predecessors).run()
    held_back: list[Block] = []
    while len(reduced) > 1:
        if len(components := _components(order)) > 1:
            reduced = [_par(*(_part(reduced, order, part) for part in components))]
        elif len(segments := _segments(order)) > 1:
            reduced = [_seq(*(_part(reduced, order, part) for part in segments))]
        else:
            last = _best_last(reduced, order)
            held_back.append(_seq(_gate(reduced[source] for source in order[last]), reduced[last]))
            reduced, order = _without(last, reduced, order)
    return _par(reduced[0], *reversed(held_back)) if held_back else reduced[0]


def _best_last(blocks: Sequence[Block], predecessors: Sequence[frozenset[int]]) -> int:
    """Of the vertices that nothing follows, the one without which most of the rest merges; the later of equals."""
    followed = frozenset[int]().union(*predecessors)
    lasts = [vertex for vertex in range(len(blocks)) if vertex not in followed]
    if len(blocks) > TRIED_VERTICES:
        return lasts[-1]
    return min(reversed(lasts), key=lambda vertex: len(_without(vertex, blocks, predecessors)[0]))


def _without(
    vertex: int, blocks: Sequence[Block], predecessors: Sequence[frozenset[int]]
) -> tuple[list[Block], list[frozenset[int]]]:
    rest = [other for other in range(len(blocks)) if other != vertex]
    return _Reduction([blocks[other] for other in rest], _induced(predecessors, rest)).run()


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


def _seq(*blocks: Block) -> Block:
    flat = [part for block in blocks for part in (block.blocks if isinstance(block, Seq) else (block,))]
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def _par(*branches: Block) -> Block:
    flat = [part for block in branches for part in (block.branches if isinstance(block, Par) else (block,))]
    return flat[0] if len(flat) == 1 else Par(tuple(flat))
