"""Orders as relations between vertices: topological orders, cycles, ancestors, transitive reduction."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

Vertex = TypeVar("Vertex", str, int)


def topological_order(nodes: Iterable[Vertex], edges: Iterable[tuple[Vertex, Vertex]]) -> list[Vertex]:
    """Kahn's order, ties as given; the nodes on or behind a cycle are missing from it."""
    successors: dict[Vertex, list[Vertex]] = {node: [] for node in nodes}
    waiting = dict.fromkeys(successors, 0)
    for source, target in edges:
        successors[source].append(target)
        waiting[target] += 1
    order = [node for node, count in waiting.items() if count == 0]
    for node in order:
        for target in successors[node]:
            waiting[target] -= 1
            if waiting[target] == 0:
                order.append(target)
    return order


def find_cycle(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> list[str]:
    """The nodes of one cycle, the first one again at the end; empty where there is none."""
    edges = list(edges)
    left = set(nodes) - set(topological_order(nodes, edges))
    predecessor = {target: source for source, target in edges if source in left and target in left}
    if not predecessor:
        return []
    walk = list(_walk_back(next(node for node in nodes if node in predecessor), predecessor))
    cycle = walk[walk.index(walk[-1]) :]
    return cycle[::-1]


def _walk_back(start: str, predecessor: Mapping[str, str]) -> Iterator[str]:
    """From a node backwards until one comes again; every node left has a predecessor that is left."""
    seen: set[str] = set()
    node = start
    while node not in seen:
        seen.add(node)
        yield node
        node = predecessor[node]
    yield node


def find_cycles(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    """Cycles that share no node, until none is left; nodes with an edge to themselves first."""
    links = list(edges)
    loops = dict.fromkeys(source for source, target in links if source == target)
    yield from ([node, node] for node in loops)
    left = dict.fromkeys(node for node in nodes if node not in loops)
    links = _among(left, links)
    while cycle := find_cycle(left, links):
        yield cycle
        for node in cycle[1:]:
            del left[node]
        links = _among(left, links)


def _among(nodes: Container[str], links: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(source, target) for source, target in links if source in nodes and target in nodes]


def ancestor_masks(predecessors: Sequence[Iterable[int]]) -> list[int]:
    """The ancestors of every vertex as a bitmask; vertices are numbered in topological order."""
    masks: list[int] = []
    for direct in predecessors:
        mask = 0
        for source in direct:
            mask |= masks[source] | 1 << source
        masks.append(mask)
    return masks


def members(mask: int) -> Iterator[int]:
    """The numbers in a bitmask, the lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def reduce_transitively(predecessors: Sequence[Iterable[int]]) -> list[set[int]]:
    """Drop every predecessor that another one implies. Vertices are numbered in topological order."""
    masks: list[int] = []
    reduced: list[set[int]] = []
    for sources in predecessors:
        covered, kept = 0, set()
        for source in sorted(sources, reverse=True):
            if not covered >> source & 1:
                kept.add(source)
                covered |= masks[source] | 1 << source
        masks.append(covered)
        reduced.append(kept)
    return reduced


def links(above: Mapping[int, Iterable[int]]) -> Iterator[tuple[int, int]]:
    """A relation given by its predecessors, as pairs in a fixed order."""
    return ((source, vertex) for vertex in sorted(above) for source in sorted(above[vertex]))


def neighbours(above: list[set[int]]) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Both directions of a relation given by its predecessors."""
    below: dict[int, set[int]] = {vertex: set() for vertex in range(len(above))}
    for vertex, sources in enumerate(above):
        for source in sources:
            below[source].add(vertex)
    return dict(enumerate(above)), below
