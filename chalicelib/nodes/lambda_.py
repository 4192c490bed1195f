"""lambda: calls a Lambda function and goes on with what it returns."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictStr, StringConstraints

from chalicelib.compiler.node_type import Config, Example, NodeType
from chalicelib.compiler.terms import Kind
from chalicelib.node_contract import Context, Result


class LambdaConfig(Config):
    """What to call, and with what."""

    function_name: Annotated[StrictStr, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="A name, or an ARN with or without a version or an alias."
    )
    payload: Any = Field(default_factory=dict, description="Any JSON; the event of the function.")


def run(config: LambdaConfig, context: Context) -> Result:
    """Call it and wait. An error of the function is the node's."""
    return Result(context.targets.invoke(config.function_name, config.payload, context.timeout_seconds))


NODE_TYPE = NodeType(
    name="lambda",
    label="Lambda function",
    description="Calls a Lambda function and goes on with what it returns.",
    config=LambdaConfig,
    run=run,
    output="what the function returns",
    example=Example(
        graph={
            "nodes": [
                {
                    "id": "price",
                    "type": "lambda",
                    "data": {"config": {"function_name": "price-of", "payload": {"sku": "{% $input.sku %}"}}},
                },
                {
                    "id": "offer",
                    "type": "transform",
                    "data": {"config": {"value": "{% $input.sku %} for {% $nodes.price.output.price %}"}},
                },
            ],
            "edges": [{"id": "e1", "source": "price", "target": "offer"}],
        },
        needs='The function `price-of` returns `{"price": 20}`, and `ALLOWED_TARGETS` names it.',
        input={"sku": "A-7"},
        output="A-7 for 20",
    ),
    kind=Kind.IO,
    default_attempts=3,
)
