"""approval: waits until someone decides; nothing runs meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from chalicelib.compiler.node_type import Config, Context, DecisionWanted, Kind, NodeType
from chalicelib.compiler.settings import MAX_RUN_SECONDS, Whole


class ApprovalConfig(Config):
    """`message`: what is to be decided, for who decides. `timeout_seconds`: how long there is for it; then the node
    fails."""

    message: str = ""
    timeout_seconds: Annotated[Whole, Field(ge=1, le=MAX_RUN_SECONDS)] | None = None


def run(config: ApprovalConfig, context: Context) -> DecisionWanted:
    """Ask. The output is `{decision, data, decided_by}`."""
    return DecisionWanted(config.message, config.timeout_seconds or context.timeout_seconds)


def handles(_config: Mapping[str, Any]) -> tuple[str, ...]:
    """One a decision."""
    return ("approved", "rejected")


NODE_TYPE = NodeType(
    name="approval",
    label="Approval",
    description="Waits until someone approves or rejects.",
    config=ApprovalConfig,
    run=run,
    kind=Kind.DECISION,
    handles=handles,
    default_timeout_seconds=MAX_RUN_SECONDS,
)
