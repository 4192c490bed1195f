"""What comes in, what is stored and what goes out of workflows and their versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypedDict
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.compiler.webhook import Webhook

Name = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200)]
Description = Annotated[str, StringConstraints(strict=True, max_length=10_000)]
Version = Annotated[int, Field(strict=True, ge=1, le=2_147_483_647)]


class WorkflowRow(TypedDict):
    """A stored workflow: the columns of its table."""

    id: UUID
    workspace_id: UUID
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


class WebhookAddress(TypedDict):
    """At which token a workflow is asked from outside, and whether it listens."""

    token: str
    enabled: bool


class WorkflowDetail(WorkflowRow):
    """A workflow with its current graph, as it was sent."""

    graph_definition: dict[str, Any]
    certificate: dict[str, Any] | None
    """What a run costs (`compiler/certificate.py`); None of versions saved before there were any."""
    webhook: WebhookAddress | None
    """None where the current version has no webhook."""
    warnings: list[dict[str, Any]]
    """What a run will fail by if it stays so: `{code, message, path, …}`."""


class StoredWorkflow(WorkflowRow):
    """A workflow with its current version as they are stored."""

    graph_definition: dict[str, Any]
    certificate: dict[str, Any] | None
    webhook_token: str | None
    webhook_enabled: bool | None
    missing_secrets: dict[str, list[str]]
    """The secrets that the workspace lacks, each with the ids of the nodes that take it."""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A graph that can run, and what was found out about it."""

    graph_definition: dict[str, Any]
    certificate: dict[str, Any] | None
    secrets: dict[str, list[str]]
    """The secrets that it takes, each with the ids of the nodes that do."""
    webhook: Webhook | None


class _Body(BaseModel):
    """A request body. A key that no one reads is a mistake."""

    model_config = ConfigDict(extra="forbid")


class _SentBack(_Body):
    """A body that may also hold what a workflow itself shows, so that what GET gave can be sent back."""

    @model_validator(mode="before")
    @classmethod
    def _drop_what_is_only_shown(cls, value: Any) -> Any:
        shown = WorkflowDetail.__annotations__.keys() - cls.model_fields.keys()
        return {key: item for key, item in value.items() if key not in shown} if isinstance(value, dict) else value


class CreateWorkflow(_SentBack):
    """A new workflow."""

    name: Name
    description: Description | None = None
    graph_definition: dict[str, Any]
    is_template: Annotated[bool, Field(strict=True)] = False


class UpdateWorkflow(_SentBack):
    """Only what is sent changes, and null changes the description alone; a graph makes a new version."""

    name: Name | None = None
    description: Description | None = None
    graph_definition: dict[str, Any] | None = None
    is_template: Annotated[bool, Field(strict=True)] | None = None
    expected_version: Version | None = None


class Rollback(_Body):
    """The version whose graph comes back."""

    version: Version
    expected_version: Version | None = None


def _version_or_graph(value: Any) -> Any:
    if isinstance(value, dict) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise PydanticCustomError("base_type", "must be the number of a version, or a graph")


class Merge(_Body):
    """An edit, and what it began with."""

    base: Annotated[int | dict[str, Any], BeforeValidator(_version_or_graph)]
    mine: dict[str, Any]


class Validate(_SentBack):
    """A graph that is not saved."""

    graph_definition: dict[str, Any]


class CloneTemplate(_Body):
    """How the new workflow is called; as the template is without it."""

    name: Name | None = None


class VersionRow(TypedDict):
    """A stored version, without its graph."""

    id: UUID
    workflow_id: UUID
    version: int
    created_at: datetime


class ReferencedVersion(TypedDict):
    """A version that a node runs, and what its workflow is called."""

    id: UUID
    name: str
