"""The drawn graph with its layout stripped: nodes, edges, and who comes before whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .settings import RunSettings
from .terms import Kind

if TYPE_CHECKING:
    from .node_type import Each, NodeType, WorkflowReference
    from .template import Template
    from .webhook import Webhook


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
    handles: frozenset[str]
    """All handles that it may go on by."""
    each: Each | None
    """Of a container, how its items run."""
    runs: WorkflowReference | None
    """The workflow that it runs, where the drawing says which."""
    webhook: Webhook | None
    """What it wants of requests from outside that start a run; None of a node that takes none."""
    branch_of: Callable[[Any], str | None] | None = field(default=None, compare=False)
    """Of a node with several handles: by which one it goes on with an output, where that tells."""

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets that its expressions take, each with the first field that does."""
        taken = [(name, path) for path, each in self.config.expressions for name in each.names.secret_names]
        return dict(reversed(taken))

    @property
    def max_attempts(self) -> int:
        """How often it is tried in all."""
        return self.retry.max_attempts if self.retry else self.type.default_attempts

    @property
    def is_paused(self) -> bool:
        """Whether it begins in one unit, goes on in Step Functions, and is concluded by another unit."""
        return self.type.kind not in (Kind.PURE, Kind.IO) and not self.disabled

    @property
    def is_anchor(self) -> bool:
        """A node that may take its time in a call, or that asks for a retry of its own, gets a Task for it."""
        kind = self.type.kind
        return not self.disabled and (kind is Kind.IO or (kind is Kind.PURE and self.max_attempts > 1))

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
    """A valid acyclic graph, or the body of a container in one.

    `nodes` is in topological order, without those inside containers; an edge's ends are among them.
    """

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    bodies: Mapping[str, Graph] = field(default_factory=dict)
    """What the containers among the nodes hold."""
    outside: frozenset[str] = frozenset()
    """Of a body: the nodes further out that come before its container."""
    settings: RunSettings = field(default_factory=RunSettings)
    """What holds for its runs; of a body, nothing."""
    secrets: frozenset[str] = field(init=False)
    """The secrets that any of its nodes takes, also in bodies."""
    incoming: Mapping[str, tuple[Edge, ...]] = field(init=False)
    outgoing: Mapping[str, tuple[Edge, ...]] = field(init=False)

    def __post_init__(self) -> None:
        inside = (body.secrets for body in self.bodies.values())
        of_nodes = (name for node in self.nodes.values() for name in node.secrets)
        object.__setattr__(self, "secrets", frozenset(of_nodes).union(*inside))
        object.__setattr__(self, "incoming", _group(self.nodes, self.edges, "target"))
        object.__setattr__(self, "outgoing", _group(self.nodes, self.edges, "source"))

    @property
    def is_light(self) -> bool:
        """Whether none of its nodes does input or output or takes its time, so that one call runs it all."""
        return not any(node.is_paused or node.is_anchor for node in self.nodes.values())

    def scope(self, container: str | None) -> Graph:
        """The body of a container at any depth; this graph for None. Raises KeyError."""
        if container is None:
            return self
        for node_id, body in self.bodies.items():
            if node_id == container:
                return body
            with suppress(KeyError):
                return body.scope(container)
        raise KeyError(container)

    def walk(self) -> Iterator[Node]:
        """All nodes, those inside a container after it."""
        for node in self.nodes.values():
            yield node
            if node.id in self.bodies:
                yield from self.bodies[node.id].walk()

    def find(self, node_id: str) -> Node:
        """A node at any depth. Raises KeyError."""
        for node in self.walk():
            if node.id == node_id:
                return node
        raise KeyError(node_id)

    def container_of(self, node_id: str) -> str | None:
        """The container that a node at any depth is right in; None of one on the canvas itself. Raises KeyError."""
        if node_id in self.nodes:
            return None
        for container, body in self.bodies.items():
            with suppress(KeyError):
                return body.container_of(node_id) or container
        raise KeyError(node_id)

    def predecessors(self, node_id: str) -> tuple[str, ...]:
        """The nodes with an edge to this one, each once, as drawn."""
        return tuple(dict.fromkeys(edge.source for edge in self.incoming[node_id]))

    def ancestors(self, node_id: str) -> set[str]:
        """All nodes with a path to this one, or to a container around it."""
        found = set(self.outside)
        pending = list(self.predecessors(node_id))
        while pending:
            above = pending.pop()
            if above not in found:
                found.add(above)
                pending += self.predecessors(above)
        return found

    def outputs_read(self, node_id: str) -> set[str]:
        """The nodes whose outputs a node's expressions take."""
        names = [expression.names for _, expression in self.nodes[node_id].config.expressions]
        everything = self.ancestors(node_id) if any(each.all_nodes for each in names) else set[str]()
        return everything.union(*({reference.node_id for reference in each.references} for each in names))


def _group(nodes: Iterable[str], edges: Iterable[Edge], end: str) -> dict[str, tuple[Edge, ...]]:
    groups: dict[str, list[Edge]] = {node_id: [] for node_id in nodes}
    for edge in edges:
        groups[getattr(edge, end)].append(edge)
    return {node_id: tuple(group) for node_id, group in groups.items()}
