"""What comes in, what is stored and what goes out of runs and their node results."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.compiler.graph import Edge, Node
from chalicelib.jsontext import to_text

RunStatus = Literal["pending", "running", "succeeded", "failed", "cancelled", "timed_out"]
RUN_STATUSES: tuple[RunStatus, ...] = ("pending", "running", "succeeded", "failed", "cancelled", "timed_out")
FINAL: frozenset[str] = frozenset({"succeeded", "failed", "cancelled", "timed_out"})

NodeStatus = Literal["running", "waiting", "succeeded", "failed", "skipped", "cancelled"]
ERROR_BRANCH = "error"


class Execute(BaseModel):
    """A run's input: any JSON."""

    model_config = ConfigDict(extra="forbid")

    input: Any = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a run is made of. With a key, another request of the same key within a day gives the same run."""

    input: Any
    trigger: str
    triggered_by: UUID
    idempotency_key: str | None = None

    @property
    def request_hash(self) -> str:
        """Equal for equal requests."""
        return hashlib.sha256(to_text(self.input, sort_keys=True).encode()).hexdigest()


class RunRow(TypedDict):
    """A run as lists show it: its columns without what may be large."""

    id: UUID
    workflow_id: UUID
    workspace_id: UUID
    version: int
    status: RunStatus
    trigger: str
    triggered_by: UUID | None
    started_at: datetime
    completed_at: datetime | None
    error_message: str | None


class RunDetail(RunRow):
    """A run in full. `node_results` has every node of the graph."""

    input: Any
    output: Any
    node_results: dict[str, Any]
    execution_arn: str | None


class StartableRun(TypedDict):
    """What starting a run needs: `version_id` is that of the version it pins."""

    id: UUID
    workflow_id: UUID
    version_id: UUID


class UnfinishedRun(StartableRun):
    """A run that has not ended, with its latest execution."""

    execution_arn: str | None


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """The stored result of one node of one run."""

    node_id: str
    status: NodeStatus
    started_at: datetime | None = None
    completed_at: datetime | None = None
    attempts: int = 0
    output: Any = None
    error: Mapping[str, Any] | None = None
    branch: str | None = None

    def decided(self, node: Node) -> bool:
        """Whether its outgoing edges are decided: it ran to its end, or never will."""
        return self.status in ("succeeded", "skipped") or (self.status == "failed" and node.on_error != "fail")

    def makes_live(self, edge: Edge, source: Node) -> bool:
        """Whether an edge leaving this node is live."""
        if self.status == "succeeded":
            return edge.handle == (self.branch or "out")
        if self.status != "failed" or source.on_error == "fail":
            return False
        return (edge.handle == ERROR_BRANCH) == (source.on_error == "branch")


@dataclass(frozen=True, slots=True)
class ClosedGate:
    """A branch of a run that waits for nodes of another one; its token lets it go on."""

    gate: str
    token: str
    nodes: list[str]


@dataclass(frozen=True, slots=True)
class RunState:
    """What a unit needs to know of its run."""

    run: Mapping[str, Any]
    """The columns of the run that `$run` shows, and its status and input."""
    records: Mapping[str, NodeRecord]

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self.run["status"] in FINAL
