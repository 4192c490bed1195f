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

from .blocks import Block, Gate, Par, Seq, Task, par, seq, tasks
from .relation import ancestor_masks, neighbours, reduce_transitively

MAX_DEPTH = 7
"""How many Parallel and Map states may stand inside one another."""
SHARED_FROM = 3
"""From so many branches behind equal gates, one gate before a Parallel of them costs less."""
LOOK_AGAIN = 16
"""A part is looked at for components and cuts again when this fraction of it was taken out."""


def nest(predecessors: Sequence[frozenset[int]], max_depth: int = MAX_DEPTH) -> Block:
    """Nest an order of at least one vertex, given by predecessors of vertices numbered topologically.

    No more than `max_depth` Par, at least one, stand inside one another.
    """
    above, below = neighbours(reduce_transitively(predecessors))
    block = _nest(_Part({vertex: Task(vertex) for vertex in above}, above, below, above, {}))
    return _bounded(block, max_depth, predecessors)


class _Part:
    """A part of the order, merged as far as the two rules go: blocks, and the reduced order between them.

    Vertices keep their numbers, a merged one the lower of both: the numbering stays topological.
    """

    def __init__(
        self,
        blocks: dict[int, Block],
        above: dict[int, set[int]],
        below: dict[int, set[int]],
        changed: Iterable[int],
        twins: dict[tuple[frozenset[int], frozenset[int]], int],
    ) -> None:
        """`changed`: where a rule may fit. `twins`: a vertex for each pair of neighbours that was met."""
        self.blocks = blocks
        self.above = above
        self.below = below
        self.lasts = {vertex for vertex in blocks if not below[vertex]}
        """The vertices that nothing follows."""
        self._twins = twins
        self._merge(sorted(changed, reverse=True))

    def take(self, vertices: Iterable[int]) -> _Part:
        """A component or a segment: rules fit at most where it was cut off, and there among themselves."""
        chosen = set(vertices)
        above = {vertex: self.above[vertex] & chosen for vertex in chosen}
        below = {vertex: self.below[vertex] & chosen for vertex in chosen}
        changed = [v for v in chosen if len(above[v]) < len(self.above[v]) or len(below[v]) < len(self.below[v])]
        return _Part({vertex: self.blocks[vertex] for vertex in chosen}, above, below, changed, self._twins)

    def remove(self, last: int) -> None:
        """Without a vertex that nothing follows; what the rest merges to."""
        del self.blocks[last], self.below[last]
        above = self.above.pop(last)
        for vertex in above:
            self.below[vertex].discard(last)
        self.lasts.remove(last)
        self.lasts.update(vertex for vertex in above if not self.below[vertex])
        self._merge(sorted(above))

    def _merge(self, vertices: Iterable[int]) -> None:
        pending = dict.fromkeys(vertices)
        while pending:
            vertex, _ = pending.popitem()
            if vertex in self.blocks:
                pending.update(dict.fromkeys(self._series(vertex) or self._parallel(vertex)))

    def _series(self, vertex: int) -> list[int]:
        if len(self.below[vertex]) != 1:
            return []
        (after,) = self.below[vertex]
        if len(self.above[after]) != 1:
            return []
        self.blocks[vertex] = seq(self.blocks[vertex], self.blocks.pop(after))
        self.below[vertex] = self.below.pop(after)
        del self.above[after]
        if after in self.lasts:
            self.lasts.remove(after)
            self.lasts.add(vertex)
        for far in self.below[vertex]:
            self.above[far].discard(after)
            self.above[far].add(vertex)
        return [vertex, *self.above[vertex], *self.below[vertex]]

    def _parallel(self, vertex: int) -> list[int]:
        key = (frozenset(self.above[vertex]), frozenset(self.below[vertex]))
        twin = self._twins.get(key)
        if twin is None or twin == vertex or not self._is(twin, key):
            self._twins[key] = vertex
            return []
        first, second = sorted((twin, vertex))
        self.blocks[first] = par(self.blocks[first], self.blocks.pop(second))
        for neighbour in self.above.pop(second):
            self.below[neighbour].discard(second)
        for neighbour in self.below.pop(second):
            self.above[neighbour].discard(second)
        self.lasts.discard(second)
        self._twins[key] = first
        return [first, *self.above[first], *self.below[first]]

    def _is(self, vertex: int, key: tuple[frozenset[int], frozenset[int]]) -> bool:
        above, below = key
        return vertex in self.blocks and self.above[vertex] == above and self.below[vertex] == below

    def components(self) -> list[list[int]]:
        """The weakly connected parts, in the order of their first vertices."""
        left = dict.fromkeys(sorted(self.blocks))
        parts = []
        while left:
            first, _ = next(iter(left.items()))
            part, pending = {first}, [first]
            while pending:
                vertex = pending.pop()
                fresh = (self.above[vertex] | self.below[vertex]) - part
                part |= fresh
                pending += fresh
            parts.append(sorted(part))
            for vertex in part:
                del left[vertex]
        return parts

    def segments(self) -> list[list[int]]:
        """Cut wherever all that comes before is above all that comes after.

        That is where, of the vertices by their number of ancestors, each from the k-th on has at least k.
        """
        vertices = sorted(self.blocks)
        position = {vertex: index for index, vertex in enumerate(vertices)}
        masks = ancestor_masks([[position[before] for before in self.above[vertex]] for vertex in vertices])
        count = {vertex: mask.bit_count() for vertex, mask in zip(vertices, masks, strict=True)}
        vertices.sort(key=count.__getitem__)
        size = len(vertices)
        cuts = [cut for cut in range(1, size) if count[vertices[cut - 1]] < cut <= count[vertices[cut]]]
        return [vertices[start:end] for start, end in zip([0, *cuts], [*cuts, size], strict=True)]

    def costliest_last(self) -> int:
        """The last vertex with the most predecessors, the later of equals: one gate takes the most links away."""
        return max(self.lasts, key=lambda vertex: (len(self.above[vertex]), vertex))


def _nest(part: _Part) -> Block:
    held_back: list[tuple[Gate, Block]] = []
    removed = looked_at = 0
    while len(part.blocks) > 1:
        if (removed - looked_at) * LOOK_AGAIN >= len(part.blocks) or not removed:
            looked_at = removed
            if len(components := part.components()) > 1:
                return _beside(par(*(_nest(part.take(each)) for each in components)), held_back)
            if len(segments := part.segments()) > 1:
                return _beside(seq(*(_nest(part.take(each)) for each in segments)), held_back)
        last = part.costliest_last()
        held_back.append((_gate(part.blocks[before] for before in part.above[last]), part.blocks[last]))
        part.remove(last)
        removed += 1
    (rest,) = part.blocks.values()
    return _beside(rest, held_back)


def _beside(rest: Block, held_back: Sequence[tuple[Gate, Block]]) -> Block:
    """The rest, and the branches that were held back, the first to be held back last."""
    sharing: dict[Gate, list[Block]] = {}
    for gate, block in reversed(held_back):
        sharing.setdefault(gate, []).append(block)
    branches = [rest]
    for gate, blocks in sharing.items():
        shared = len(blocks) >= SHARED_FROM
        branches += [seq(gate, par(*blocks))] if shared else [seq(gate, block) for block in blocks]
    return par(*branches)


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
        return seq(*(_bounded(part, depth, predecessors) for part in block.blocks))
    if isinstance(block, Par) and depth > 1:
        return par(*(_bounded(branch, depth - 1, predecessors) for branch in block.branches))
    units = sorted(tasks(block))
    return _chains(units, predecessors)


def _chains(units: Sequence[int], predecessors: Sequence[frozenset[int]]) -> Block:
    """Chains side by side. A chain waits for chains before it alone, so that there is always one that goes on."""
    inside = set(units)
    chains: list[list[Block]] = []
    lasts: list[int] = []
    chain_of: dict[int, int] = {}
    for unit in units:
        waits = predecessors[unit] & inside
        chain = max((chain_of[before] for before in waits), default=-1)
        if chain >= 0 and lasts[chain] in waits:
            waits -= {lasts[chain]}
            lasts[chain] = unit
        else:
            chain = len(chains)
            chains.append([])
            lasts.append(unit)
        chains[chain] += [*([Gate(tuple(sorted(waits)))] if waits else []), Task(unit)]
        chain_of[unit] = chain
    return par(*(seq(*chain) for chain in chains))


def letter_n(vertices: Sequence[int], predecessors: Sequence[frozenset[int]]) -> tuple[int, int, int, int] | None:
    """What keeps some vertices of a reduced order from nesting: a and b right before c, b right before d, and a not
    before d. None where nothing does."""
    position = {vertex: index for index, vertex in enumerate(vertices)}
    above = [[position[before] for before in predecessors[vertex] if before in position] for vertex in vertices]
    ancestors = ancestor_masks(above)
    below: list[list[int]] = [[] for _ in vertices]
    for index, before in enumerate(above):
        for each in before:
            below[each].append(index)
    for b, after in enumerate(below):
        for c in after:
            for d in after:
                lacking = next((a for a in above[c] if c != d and not ancestors[d] >> a & 1), None)
                if lacking is not None:
                    return vertices[lacking], vertices[b], vertices[c], vertices[d]
    return None
