"""What comes in for trials, of one node and of a whole graph, and what they tell."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StrictStr, StringConstraints, model_validator
from typing_extensions import TypedDict

from chalicelib.compiler.words import ITEM_PATH
from chalicelib.model import Model
from chalicelib.runs.results import NodeError, NodeStatus
from chalicelib.workflows.schemas import FIRST_GRAPH, GraphDefinition

Path = Annotated[str, StringConstraints(strict=True, pattern=ITEM_PATH)]


class _Body(Model):
    model_config = ConfigDict(extra="forbid")


class GivenError(Model):
    """What a node failed with, and its details."""

    model_config = ConfigDict(extra="allow")

    code: StrictStr = "mocked"
    message: Annotated[StrictStr, Field(min_length=1)] = "it fails, as its mock says"


class GivenResult(_Body):
    """How a node ended, with an output or an error: as a mock, or before the node that is tried. `branch` is the handle
    that it chose; without it, the one that its output tells."""

    output: Any = None
    branch: str | None = None
    error: GivenError | None = None

    @model_validator(mode="after")
    def _ends_once(self) -> Self:
        if self.error and self.output is not None:
            raise ValueError("must have an output or an error: a node ends with one of them")
        return self


class DryRunRequest(_Body):
    """The graph (that of a version of the workflow without it), the run's input and the mocks, given by node id (in an
    item of a container behind the item's path, `3/ask`) and as they were in a past run."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"graph_definition": FIRST_GRAPH, "input": {"id": 7}}]}
    )

    graph_definition: GraphDefinition | None = None
    version: Annotated[int, Field(strict=True, ge=1, le=2_147_483_647)] | None = None
    input: Any = None
    mocks: dict[str, GivenResult] = Field(default_factory=dict)
    run_id: UUID | None = None


class NodeTest(_Body):
    """A node as it is drawn, or the id of one in the workflow, and what it finds: the run's input, the results of the
    nodes above it, and in a container its item, given or as they were in a past run (at `path` in it)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "node": {"id": "sum", "type": "transform", "data": {"config": {"value": "{% $input.price * 2 %}"}}},
                    "input": {"price": 4},
                }
            ]
        },
    )

    node: dict[str, Any] | None = None
    node_id: str | None = None
    input: Any = None
    nodes: dict[str, GivenResult] = Field(default_factory=dict)
    item: Any = None
    index: Annotated[int, Field(strict=True, ge=0)] | None = None
    run_id: UUID | None = None
    path: Path = ""


Source = Literal["given", "recorded", "assumed"]
"""Where a mock comes from."""


class WalkedNode(TypedDict):
    """What a node would receive, and what came of it."""

    status: NodeStatus
    received: Any
    output: Any
    error: NodeError | None
    branch: str | None
    mock: Source | None


class Walked(TypedDict):
    """What a run would do: `path` has the nodes that ran, in their order, and `nodes` each by its id, in an item of a
    container behind the item's path (`3/ask`)."""

    status: Literal["succeeded", "failed"]
    output: Any
    error_message: str | None
    path: list[str]
    nodes: dict[str, WalkedNode]
    assumed: list[str]
    """The nodes that no mock was given for, and that would have had an effect."""
    unused: list[str]
    """The mocks that were given for nothing that ran: for an item that there is not, or a node on another path."""
    missing_secrets: list[str]
    """The secrets that the nodes that ran would have taken, and that the workspace does not have: a run fails there."""


class TriedNode(TypedDict):
    """What a node gave. One that would wait did not; what it would wait for is its output."""

    status: NodeStatus
    output: Any
    error: NodeError | None
    branch: str | None
    seconds: float
