"""What comes in, what is stored and what goes out of workflows and their versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from chalicelib.compiler.certified import Certificate
from chalicelib.compiler.shape import GraphShape
from chalicelib.compiler.webhook import Webhook
from chalicelib.model import Model
from chalicelib.paging import Page
from chalicelib.requests import Flag

from .read_only import SentBack

Name = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200)]
Description = Annotated[str, StringConstraints(strict=True, max_length=10_000)]
Version = Annotated[int, Field(strict=True, ge=1, le=2_147_483_647)]


class _AsGraph:
    """Told in documents as the compiler reads it."""

    @staticmethod
    def __get_pydantic_json_schema__(_schema: Any, handler: Any) -> JsonSchemaValue:
        return dict(handler(GraphShape.__pydantic_core_schema__))


GraphDefinition = Annotated[dict[str, Any], _AsGraph]
"""What React Flow's `toObject()` gives. It comes back as it was sent, unknown keys included."""


class _Columns(TypedDict):
    id: UUID
    name: str
    description: str | None
    current_version: int
    schedule_cron: str | None
    schedule_timezone: str
    schedule_enabled: bool
    is_template: bool
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime


class WorkflowRow(_Columns):
    """A stored workflow: the columns of its table."""

    workspace_id: UUID


class WorkflowWarning(TypedDict):
    """What a run will fail by if it stays so."""

    code: str
    message: str
    path: str
    node_ids: list[str]


class _Detail(WorkflowRow):
    graph_definition: GraphDefinition
    certificate: Certificate | None
    """What a run costs; None of versions saved before there were any."""
    warnings: list[WorkflowWarning]


class WebhookAddress(TypedDict):
    """At which token a workflow is asked from outside, and whether it listens."""

    token: str
    enabled: bool


class WorkflowDetail(_Detail):
    """A workflow with its current graph, as it was sent."""

    webhook: WebhookAddress | None
    """None where the current version has no webhook."""


class WebhookLink(TypedDict):
    """Where a workflow is asked from outside, and whether it listens."""

    url: str
    enabled: bool


class WorkflowAnswer(_Detail):
    """A workflow with its current graph, as it was sent."""

    webhook: WebhookLink | None
    """None where the current version has no webhook."""


class StoredWorkflow(WorkflowRow):
    """A workflow with its current version as they are stored."""

    graph_definition: dict[str, Any]
    certificate: Certificate | None
    webhook_token: str | None
    webhook_enabled: bool | None
    missing_secrets: dict[str, list[str]]
    """The secrets that the workspace lacks, each with the ids of the nodes that take it."""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A graph that can run, and what was found out about it."""

    graph_definition: dict[str, Any]
    certificate: Certificate | None
    secrets: dict[str, list[str]]
    """The secrets that it takes, each with the ids of the nodes that do."""
    webhook: Webhook | None


class TemplateRow(_Columns):
    """A template without its graph. Those of the gallery belong to no workspace."""

    workspace_id: UUID | None
    source: Literal["workspace", "gallery"]


class ListWorkflows(Page):
    """Which workflows: all, only templates, or none of those."""

    is_template: Flag | None = None


class _Body(Model):
    """A request body. A key that no one reads is a mistake."""

    model_config = ConfigDict(extra="forbid")


FIRST_GRAPH: JsonDict = {
    "nodes": [
        {"id": "order", "type": "trigger", "position": {"x": 0, "y": 0}, "data": {"label": "Order"}},
        {
            "id": "message",
            "type": "transform",
            "position": {"x": 200, "y": 0},
            "data": {"label": "Message", "config": {"value": "order {% $input.id %} came in"}},
        },
    ],
    "edges": [{"id": "e1", "source": "order", "target": "message"}],
    "viewport": {"x": 0, "y": 0, "zoom": 1},
}
"""Of the examples."""


class _SentBack(SentBack):
    """A body that may also hold what a workflow itself shows, so that what GET gave can be sent back."""

    only_shown = frozenset(WorkflowDetail.__annotations__)


class CreateWorkflow(_SentBack):
    """A new workflow."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Orders", "graph_definition": FIRST_GRAPH}]},
    )

    name: Name
    description: Description | None = None
    graph_definition: GraphDefinition
    is_template: Annotated[bool, Field(strict=True)] = False


class UpdateWorkflow(_SentBack):
    """Only what is sent changes, and null changes the description alone; a graph makes a new version."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "New orders"}, {"graph_definition": FIRST_GRAPH}]},
    )

    name: Name | None = None
    description: Description | None = None
    graph_definition: GraphDefinition | None = None
    is_template: Annotated[bool, Field(strict=True)] | None = None
    expected_version: Version | None = None


class Rollback(_Body):
    """The version whose graph comes back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 1}]})

    version: Version
    expected_version: Version | None = None


def _version_or_graph(value: Any) -> Any:
    if isinstance(value, dict) or (isinstance(value, int) and not isinstance(value, bool) and value < 2**63):
        return value
    raise PydanticCustomError("base_type", "must be the number of a version, or a graph")


class Merge(_Body):
    """An edit, and what it began with: the number of a version, or a graph."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"base": 1, "mine": FIRST_GRAPH}]})

    base: Annotated[int | GraphDefinition, BeforeValidator(_version_or_graph)]
    mine: GraphDefinition


class ChangeEntry(TypedDict):
    """What an edit changed; the code of one that is only layout ends with `_moved`."""

    code: str
    message: str
    path: str
    node_id: NotRequired[str]
    edge_id: NotRequired[str]


class Sides(TypedDict):
    """What each editor changed since the graph that both began with."""

    mine: list[ChangeEntry]
    theirs: list[ChangeEntry]


class Merged(TypedDict):
    """The graph that has both edits, to be saved with `current_version` as `expected_version`."""

    graph_definition: GraphDefinition
    base_version: int | None
    current_version: int
    changes: Sides


class Validate(_SentBack):
    """A graph that is not saved."""

    graph_definition: GraphDefinition


class Validated(TypedDict):
    """What a run of a graph would cost."""

    certificate: Certificate | None


class CloneTemplate(_Body):
    """How the new workflow is called; as the template is without it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Mine"}]})

    name: Name | None = None


class VersionRow(TypedDict):
    """A stored version, without its graph."""

    id: UUID
    workflow_id: UUID
    version: int
    created_at: datetime


class VersionDetail(VersionRow):
    """A version with its graph, and what was found out about it when it was saved."""

    graph_definition: GraphDefinition
    certificate: Certificate | None
    secrets: dict[str, list[str]]
    """The secrets that it takes, each with the ids of the nodes that do."""
    webhook: dict[str, Any] | None
    """What it wants of requests to its webhook; None where it has none."""


class ReferencedVersion(TypedDict):
    """A version that a node runs, and what its workflow is called."""

    id: UUID
    name: str
