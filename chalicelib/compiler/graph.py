"""The drawn graph with its layout stripped: nodes, edges, and who comes before whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

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
