"""approval: waits until someone decides; nothing runs meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from chalicelib.compiler.node_type import Config, Example, NodeType
from chalicelib.compiler.settings import MAX_RUN_SECONDS, Whole
from chalicelib.compiler.terms import Kind
from chalicelib.node_contract import Context, DecisionWanted

DECISIONS = ("approved", "rejected")


class ApprovalConfig(Config):
    """What is to be decided."""

    message: str = Field("", description="What is to be decided, for who decides.")
    timeout_seconds: Annotated[Whole, Field(ge=1, le=MAX_RUN_SECONDS)] | None = Field(
        None,
        description="How long there is for it; then the node fails. Without it, as long as a run may take: a year.",
    )


def run(config: ApprovalConfig, context: Context) -> DecisionWanted:
    """Ask. The output is `{decision, data, decided_by}`."""
    return DecisionWanted(config.message, config.timeout_seconds or context.timeout_seconds)


def branch_of(_config: Mapping[str, Any], output: Any) -> str | None:
    """By the `decision` of an output."""
    decision = output.get("decision") if isinstance(output, Mapping) else None
    return next((each for each in DECISIONS if each == decision), None)


NODE_TYPE = NodeType(
    name="approval",
    label="Approval",
    description="Waits until someone approves or rejects.",
    config=ApprovalConfig,
    run=run,
    output="`{decision, data, decided_by}`",
    example=Example(
        graph={
            "nodes": [
                {
                    "id": "pay",
                    "type": "approval",
                    "data": {"config": {"message": "Pay {% $input.amount %} to {% $input.to %}?"}},
                },
                {"id": "paid", "type": "transform", "data": {"config": {"value": "it is on its way"}}},
                {
                    "id": "refused",
                    "type": "transform",
                    "data": {"config": {"value": "refused: {% $nodes.pay.output.data.reason %}"}},
                },
            ],
            "edges": [
                {"id": "e1", "source": "pay", "sourceHandle": "approved", "target": "paid"},
                {"id": "e2", "source": "pay", "sourceHandle": "rejected", "target": "refused"},
            ],
        },
        needs='Someone decides it with `{"decision": "rejected", "data": {"reason": "who is that?"}}`.',
        input={"amount": 250, "to": "Ada"},
        output="refused: who is that?",
    ),
    kind=Kind.DECISION,
    handles=DECISIONS,
    branch_of=branch_of,
    default_timeout_seconds=MAX_RUN_SECONDS,
)
