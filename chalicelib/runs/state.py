"""What is kept of runs, and what services hand each other of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

from typing_extensions import TypedDict

from chalicelib.compiler.terms import DEFAULT_HANDLE, ERROR_HANDLE
from chalicelib.jsontext import to_text

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph, Node
    from chalicelib.compiler.settings import RunSettings
    from chalicelib.workflows.schemas import VersionRow

    from .results import Happening, NodeStatus
    from .reuse import Reuse

RunStatus = Literal["pending", "running", "succeeded", "failed", "cancelled", "timed_out"]
FINAL: frozenset[str] = frozenset({"succeeded", "failed", "cancelled", "timed_out"})


@dataclass(frozen=True, slots=True)
class Parent:
    """The node that waits for a run: of which run, and of which item of which containers in it."""

    run_id: UUID
    path: str
    node_id: str


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a run is made of. With a key, another request of the same key within a day gives the same run."""

    input: Any
    trigger: str
    triggered_by: UUID | None
    idempotency_key: str | None = None
    retry_of: UUID | None = None
    reused: list[str] | None = None
    """Of a retry, the nodes whose results it takes over."""
    asked: Any = None
    """What was asked for besides the input."""
    fire_at: datetime | None = None
    """The minute of the schedule for which it is; there is one run for each."""
    limits: Callable[[RunSettings], RunSettings] = lambda settings: settings
    """What holds for it, where the settings of its graph hold for others."""
    parent: Parent | None = None
    """Who started it and waits for it."""
    id: UUID = field(default_factory=uuid4)

    @property
    def request_hash(self) -> str | None:
        """Equal for equal requests; None without a key, as no one asks for it then."""
        if self.idempotency_key is None:
            return None
        import hashlib  # noqa: PLC0415 - it loads OpenSSL, which runs without a key do not need

        request = self.input if self.asked is None else [self.input, self.asked]
        return hashlib.sha256(to_text(request, sort_keys=True).encode()).hexdigest()


class UnfinishedRun(TypedDict):
    """A run that goes on: `version_id` is that of the version it pins, `execution_arn` its latest execution."""

    id: UUID
    workflow_id: UUID
    version_id: UUID
    execution_arn: str | None
    executions: int
    """How many have been started for it."""


class EndedRun(TypedDict):
    """A run that has ended, and its latest execution."""

    status: RunStatus
    execution_arn: str | None


class CheckedRun(UnfinishedRun):
    """A run that is looked after, with what happened to it so far."""

    history: list[Happening]


@dataclass(frozen=True, slots=True)
class Scope:
    """A run, or one item of a container in it: what a graph or a body runs for."""

    run_id: UUID
    path: str = ""
    """Which item, of the outermost container first: `"3/0/"` is the first of the fourth; of a run, nothing."""
    container: str | None = None
    """Of an item, the id of its container."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the run, of the items around, and its own."""
        steps = self.path.split("/")[:-1]
        return tuple("".join(f"{step}/" for step in steps[:count]) for count in range(len(steps) + 1))

    @property
    def outer(self) -> str:
        """The path of what the item's container is in."""
        return self.paths[-2] if self.path else ""

    @property
    def index(self) -> int | None:
        """The item's position; None of a run."""
        return int(self.path.split("/")[-2]) if self.path else None

    def item(self, container: str, index: int) -> Scope:
        """An item of a container in here."""
        return Scope(self.run_id, f"{self.path}{index}/", container)


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One item of a container, and what came of it."""

    position: int
    item: Any
    status: Literal["pending", "succeeded", "failed", "cancelled"]
    output: Any = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """The stored result of one node of a run, or of an item of it."""

    node_id: str
    status: NodeStatus
    path: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    attempts: int = 0
    output: Any = None
    error: Mapping[str, Any] | None = None
    branch: str | None = None

    def decided(self, node: Node) -> bool:
        """Whether its outgoing edges are decided: it ran to its end, or never will."""
        return self.status in ("succeeded", "skipped") or (self.status == "failed" and node.on_error != "fail")

    def begun(self, node: Node) -> bool:
        """Whether it goes on in Step Functions now."""
        return node.is_paused and self.status in ("running", "waiting")

    def goes_on_by(self, handle: str, node: Node) -> bool:
        """Whether the edges that leave this node by a handle are live."""
        if self.status == "succeeded":
            return handle == (self.branch or DEFAULT_HANDLE)
        if self.status != "failed" or node.on_error == "fail":
            return False
        return (handle == ERROR_HANDLE) == (node.on_error == "branch")


class ChildRun(UnfinishedRun, EndedRun):
    """What came of a run that a node waits for."""

    output: Any
    error_message: str | None


@dataclass(frozen=True, slots=True)
class PinnedRun:
    """A run that is to be accepted: of which version, and what it is made of."""

    version: VersionRow
    graph: Graph
    new: NewRun
    reuse: Reuse | None = None
    """Of a retry, what holds of the run before."""


@dataclass(frozen=True, slots=True)
class ClosedGate:
    """A branch of a run that waits for nodes of another one; its token lets it go on."""

    gate: str
    token: str
    nodes: list[str]
    path: str = ""
    container: str = ""
    waiting_execution: str | None = None
    """Of a gate that waits for items elsewhere, the name of the execution that waits."""
    items_execution_arn: str | None = None
    """And the one that runs some of them now."""
    answers: str | None = None
    """Of a gate that waits for the answer to a node, that node."""


@dataclass(frozen=True, slots=True)
class RunState:
    """What a call needs to know of its run and its item."""

    run: Mapping[str, Any]
    """The columns of the run that `$run` shows, its status, its input, who started it, and whether it is over its
    time."""
    records: Mapping[str, NodeRecord]
    item: Any = None
    index: int | None = None
    item_status: str | None = None

    @property
    def status(self) -> str:
        """Of the run; where that goes on, of the item."""
        return self.run["status"] if self.run["status"] in FINAL else self.item_status or self.run["status"]


def json_or_null(value: Any) -> str | None:
    """JSON for the database, where nothing is NULL."""
    return None if value is None else to_text(value)
