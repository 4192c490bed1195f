"""lambda: calls a Lambda function and goes on with what it returns."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictStr, StringConstraints

from chalicelib.compiler.node_type import Config, Context, Kind, NodeType, Result


class LambdaConfig(Config):
    """`function_name`: a name, or an ARN with or without a version or an alias. `payload`: any JSON."""

    function_name: Annotated[StrictStr, StringConstraints(min_length=1, max_length=2048)]
    payload: Any = Field(default_factory=dict)


def run(config: LambdaConfig, context: Context) -> Result:
    """Call it and wait. An error of the function is the node's."""
    return Result(context.targets.invoke(config.function_name, config.payload, context.timeout_seconds))


NODE_TYPE = NodeType(
    name="lambda",
    label="Lambda function",
    description="Calls a Lambda function and goes on with what it returns.",
    config=LambdaConfig,
    run=run,
    kind=Kind.IO,
    default_attempts=3,
)
