"""transform: any JSON, made with expressions."""

from __future__ import annotations

from typing import Any

from chalicelib.compiler.node_type import Config, Context, NodeType, Result


class TransformConfig(Config):
    """`value`: any JSON with expressions anywhere in it."""

    value: Any


def run(config: TransformConfig, _context: Context) -> Result:
    """The value is the output."""
    return Result(config.value)


NODE_TYPE = NodeType(
    name="transform",
    label="Transform",
    description="Builds a value from the outputs of other nodes.",
    config=TransformConfig,
    run=run,
)
