"""sub_workflow: runs another workflow of the workspace, and goes on with its output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from chalicelib.compiler.node_type import (
    Config,
    Context,
    Expression,
    Kind,
    NodeType,
    RunWanted,
    WorkflowReference,
    is_expression,
)
from chalicelib.compiler.settings import MAX_RUN_SECONDS, Whole


class SubWorkflowConfig(Config):
    """`workflow_id` and `version` (that which is current when the run begins) say what to run, `input` what with."""

    workflow_id: Expression | UUID
    version: Annotated[Whole, Field(ge=1, le=2_147_483_647)] | Literal["current"] | Expression = "current"
    input: Any = Field(default_factory=dict)


def run(config: SubWorkflowConfig, context: Context) -> RunWanted:
    """Ask for the run. The output is that run's."""
    assert isinstance(config.workflow_id, UUID)
    version = config.version if isinstance(config.version, int) else None
    return RunWanted(config.workflow_id, version, config.input, context.timeout_seconds)


def runs(config: Mapping[str, Any]) -> WorkflowReference | None:
    """What it runs; None where an expression says so."""
    drawn = SubWorkflowConfig.model_validate(config)
    if not isinstance(drawn.workflow_id, UUID) or is_expression(drawn.version):
        return None
    return WorkflowReference(drawn.workflow_id, drawn.version if isinstance(drawn.version, int) else None)


NODE_TYPE = NodeType(
    name="sub_workflow",
    label="Sub-workflow",
    description="Runs another workflow and goes on with its output.",
    config=SubWorkflowConfig,
    run=run,
    kind=Kind.RUN,
    runs=runs,
    default_timeout_seconds=MAX_RUN_SECONDS,
)
