"""What comes in and what goes out of runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints
from typing_extensions import TypedDict

from chalicelib.model import Model
from chalicelib.paging import Page, PathPage

from .results import Child, Happening, NodeResult, WaitingNode
from .state import RunStatus


class Idempotent(Model):
    """What makes a request that is sent again the same request, for a day."""

    key: Annotated[str, Field(pattern="^[!-~]{1,255}$")] | None = Field(
        None, alias="Idempotency-Key", description="The same run for the same key and input, for a day."
    )


class Execute(Model):
    """A run's input: any JSON."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"input": {"id": 7, "total": 250}}, {}]})

    input: Any = Field(default_factory=dict)


class Cancel(Model):
    """Why a run is cancelled, for who reads of it later."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "the wrong input"}]})

    reason: Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=1000)] | None = None


class Decide(Model):
    """A decision, and what else is to be known of it: any JSON. `path` says for which item of which containers it is,
    of the outermost first: `3/0/`."""

    model_config = ConfigDict(extra="forbid")

    decision: Annotated[str, StringConstraints(strict=True, max_length=100)]
    data: Any = None
    path: Annotated[str, StringConstraints(strict=True, pattern=r"^([0-9]{1,9}/){0,10}$")] = ""


class Retry(Model):
    """The version to go on with: that of the run, another one, or the current one."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(strict=True, ge=1, le=2_147_483_647)] | Literal["current"] | None = None


class AskRetry(Model):
    """The version that a retry would go on with."""

    version: Annotated[int, Field(ge=1, le=2_147_483_647)] | Literal["current"] | None = None


class ListRuns(Page):
    """Which runs: all, or those of a status."""

    status: RunStatus | None = None


class ListItems(PathPage):
    """Of which container."""

    node_id: Annotated[str, Field(min_length=1, description="The id of a container in the workflow.")]


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
    queue_position: int | None
    """Of a run that waits for its turn, its place among those of its workflow, from 1."""
    retry_of: UUID | None
    """The run from whose failed nodes this one goes on."""
    parent_run_id: UUID | None
    """The run whose node started it and waits for it."""


class RunDetail(RunRow):
    """A run in full. `node_results` has every node of the graph."""

    input: Any
    output: Any
    node_results: dict[str, NodeResult]
    reused: list[str] | None
    """Of a retry, the nodes whose results it took over."""
    deadline_at: datetime | None
    execution_arn: str | None
    history: list[Happening]
    """All that happened to it, oldest first."""
    parent: WaitingNode | None
    """Who started it and waits for it."""
    children: list[Child]
    """The runs that its nodes started."""


class ItemsOfRetry(TypedDict):
    """How many items of a container a retry takes over as they ended, and how many it runs again; of these it takes
    over what succeeded in them."""

    reused: int
    run_again: int


class Retried(RunDetail):
    """A retry, and what it runs again."""

    run_again: list[str]
    """Nodes that run again if they are due."""
    items: dict[str, ItemsOfRetry]
    """Of each container among them that goes on with its items, by its id; not of those in other containers."""


class RetryPreview(TypedDict):
    """What a retry takes over, and what it runs again if it is due; what is skipped again is in neither."""

    run_id: UUID
    version: int
    reused: list[str]
    run_again: list[str]
    items: dict[str, ItemsOfRetry]
    """Of each container that runs again and goes on with its items, by its id; not of those in other containers."""
