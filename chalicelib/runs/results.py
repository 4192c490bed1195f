"""What every node and every item did, as the API shows it; the SQL functions of the migrations make it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from pydantic import ConfigDict, WithJsonSchema
from typing_extensions import TypedDict

NodeStatus = Literal["running", "waiting", "succeeded", "failed", "skipped", "cancelled"]
Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""In UTC, such as `2030-01-31T08:00:00.000000Z`."""


class NodeError(TypedDict):
    """Why a node failed, with what its type tells besides."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc] # how pydantic has it

    code: str
    message: str


class Attempt(TypedDict):
    """One attempt of a node; `lost` is one whose worker died without an answer."""

    attempt: int
    status: NodeStatus | Literal["lost"]
    started_at: Moment | None
    completed_at: Moment | None
    error: NodeError | None


class ItemCounts(TypedDict):
    """In how many items a node has which status."""

    running: int
    waiting: int
    succeeded: int
    failed: int
    skipped: int
    cancelled: int


class NodeResult(TypedDict):
    """What a node did. Of a node inside a container it adds up all items, with `items` in place of `history`."""

    status: NodeStatus | Literal["pending"]
    started_at: Moment | None
    completed_at: Moment | None
    attempts: int
    output: Any
    error: NodeError | None
    branch: str | None
    """The handle by which the run went on, where it is not `out`."""
    history: NotRequired[list[Attempt]]
    items: NotRequired[ItemCounts]


class ItemRow(TypedDict):
    """An item of a container; `path` is its position, after those of the items around it."""

    path: list[int]
    status: Literal["pending", "succeeded", "failed", "cancelled"]
    item: Any
    output: Any
    error: NodeError | None
    node_results: dict[str, NodeResult]


class Happening(TypedDict):
    """Something that happened to a run."""

    at: Moment
    event: Literal[
        "accepted",
        "started",
        "resumed",
        "mended",
        "decided",
        "retried",
        "succeeded",
        "failed",
        "cancelled",
        "timed_out",
    ]
    by: NotRequired[UUID]
    reason: NotRequired[str]
    trigger: NotRequired[str]
    retry_of: NotRequired[UUID]
    execution_arn: NotRequired[str]
    gates: NotRequired[list[str]]
    run_id: NotRequired[UUID]
    version: NotRequired[int]
    parent_run_id: NotRequired[UUID]
    node_id: NotRequired[str]
    path: NotRequired[str]
    decision: NotRequired[str]


class WaitingNode(TypedDict):
    """A node that waits for a run; `path` is that of the item it is in."""

    workflow_id: UUID
    run_id: UUID
    node_id: str
    path: str


class Child(WaitingNode):
    """A run that a node started, which is that of `run_id`."""

    version: int
    status: str


class Approval(TypedDict):
    """A node that waits for a decision; `path` is that of the item it is in."""

    id: UUID
    workflow_id: UUID
    workflow_name: str
    run_id: UUID
    node_id: str
    label: str | None
    path: str
    message: str | None
    decisions: list[str]
    may_decide: Literal["member"]
    requested_at: datetime
    expires_at: datetime
