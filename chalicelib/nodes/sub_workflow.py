"""sub_workflow: runs another workflow of the workspace, and goes on with its output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from chalicelib.compiler.node_type import Config, Example, Expression, NodeType, WorkflowReference, is_expression
from chalicelib.compiler.settings import MAX_RUN_SECONDS, Whole
from chalicelib.compiler.terms import Kind
from chalicelib.node_contract import Context, RunWanted


class SubWorkflowConfig(Config):
    """What to run, and what with."""

    workflow_id: Expression | UUID = Field(description="A workflow of the same workspace.")
    version: Annotated[Whole, Field(ge=1, le=2_147_483_647)] | Literal["current"] | Expression = Field(
        "current", description='Its version; "current" is the one that is current when the run begins.'
    )
    input: Any = Field(default_factory=dict, description="The input of the run: any JSON.")


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
    output="the output of the run",
    example=Example(
        graph={
            "nodes": [
                {
                    "id": "discount",
                    "type": "sub_workflow",
                    "data": {
                        "config": {
                            "workflow_id": "3f2b8c1e-5d8a-4c57-9a55-0d6a3b1f7e42",
                            "input": {"total": "{% $input.total %}"},
                        }
                    },
                },
                {
                    "id": "pay",
                    "type": "transform",
                    "data": {"config": {"value": "{% $input.total - $nodes.discount.output %}"}},
                },
            ],
            "edges": [{"id": "e1", "source": "discount", "target": "pay"}],
        },
        needs="The other workflow is a transform with the `value` `{% $input.total / 10 %}`.",
        input={"total": 250},
        output=225,
    ),
    kind=Kind.RUN,
    runs=runs,
    default_timeout_seconds=MAX_RUN_SECONDS,
)
