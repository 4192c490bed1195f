"""fail: ends the run as failed, with a message."""

from __future__ import annotations

from typing import NoReturn

from pydantic import StrictStr

from chalicelib.compiler.node_type import Config, Context, NodeFailure, NodeType


class FailConfig(Config):
    """`message`: what the run's error says."""

    message: StrictStr = "the workflow ended at a fail node"


def handles(_config: object) -> tuple[str, ...]:
    """Nothing follows it."""
    return ()


def run(config: FailConfig, _context: Context) -> NoReturn:
    """Fails."""
    raise NodeFailure("failed_on_purpose", config.message)


NODE_TYPE = NodeType(
    name="fail",
    label="Fail",
    description="Ends the run as failed, with a message.",
    config=FailConfig,
    run=run,
    handles=handles,
)
