"""The drawn graph with its layout stripped: nodes, edges, and who comes before whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from .node_type import NodeType
from .template import Template

OnError = Literal["fail", "continue", "branch"]
Join = Literal["any", "all"]


@dataclass(frozen=True, slots=True)
class Retry:
    """When and how often a failed attempt is made again; the words are Step Functions' own."""

    max_attempts: int
    interval_seconds: int = 1
    backoff_rate: float = 2.0
    max_delay_seconds: int | None = None
    jitter: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One drawn node, with its config compiled."""

    id: str
    type: NodeType
    label: str
    config: Template
    retry: Retry | None
    timeout_seconds: int | None
    on_error: OnError
    join: Join
    disabled: bool

    @property
    def max_attempts(self) -> int:
        """How often it is tried in all."""
        return self.retry.max_attempts if self.retry else self.type.default_attempts

    @property
    def title(self) -> str:
        """What to call it in a message to the user."""
        named = self.label and self.label != self.id
        return f'"{self.label}" ({self.id})' if named else f'"{self.id}"'


@dataclass(frozen=True, slots=True)
class Edge:
    """One drawn edge; `handle` is the output of its source by which it leaves."""

    id: str
    source: str
    target: str
    handle: str


@dataclass(frozen=True, slots=True)
class Graph:
    """A valid acyclic graph. `nodes` is in topological order; an edge's ends exist."""

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    incoming: Mapping[str, tuple[Edge, ...]] = field(init=False)
    outgoing: Mapping[str, tuple[Edge, ...]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "incoming", _group(self.nodes, self.edges, "target"))
        object.__setattr__(self, "outgoing", _group(self.nodes, self.edges, "source"))

    def predecessors(self, node_id: str) -> tuple[str, ...]:
        """The nodes with an edge to this one, each once, as drawn."""
        return tuple(dict.fromkeys(edge.source for edge in self.incoming[node_id]))

    def ancestors(self, node_id: str) -> set[str]:
        """All nodes with a path to this one."""
        found: set[str] = set()
        pending = list(self.predecessors(node_id))
        while pending:
            above = pending.pop()
            if above not in found:
                found.add(above)
                pending += self.predecessors(above)
        return found


def _group(nodes: Iterable[str], edges: Iterable[Edge], end: str) -> dict[str, tuple[Edge, ...]]:
    groups: dict[str, list[Edge]] = {node_id: [] for node_id in nodes}
    for edge in edges:
        groups[getattr(edge, end)].append(edge)
    return {node_id: tuple(group) for node_id, group in groups.items()}


MAX_CYCLES = 50

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
    """Cycles that share no node, until none is left or MAX_CYCLES are found; nodes with an edge to themselves first."""
    links = list(edges)
    loops = dict.fromkeys(source for source, target in links if source == target)
    yield from ([node, node] for node in loops)
    left = dict.fromkeys(node for node in nodes if node not in loops)
    for _ in range(MAX_CYCLES):
        links = [(source, target) for source, target in links if source in left and target in left]
        cycle = find_cycle(left, links)
        if not cycle:
            return
        yield cycle
        for node in cycle[1:]:
            del left[node]


def ancestor_masks(predecessors: Sequence[Iterable[int]]) -> list[int]:
    """The ancestors of every vertex as a bitmask; vertices are numbered in topological order."""
    masks: list[int] = []
    for direct in predecessors:
        mask = 0
        for source in direct:
            mask |= masks[source] | 1 << source
        masks.append(mask)
    return masks
