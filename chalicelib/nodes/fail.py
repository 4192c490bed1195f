"""fail: ends the run as failed, with a message."""

from __future__ import annotations

from typing import NoReturn

from pydantic import Field, StrictStr

from chalicelib.compiler.node_type import Config, Example, NodeType
from chalicelib.node_contract import Context, NodeFailure


class FailConfig(Config):
    """What to say."""

    message: StrictStr = Field("the workflow ended at a fail node", description="What the run's error says.")


def run(config: FailConfig, _context: Context) -> NoReturn:
    """Fails."""
    raise NodeFailure("failed_on_purpose", config.message)


NODE_TYPE = NodeType(
    name="fail",
    label="Fail",
    description="Ends the run as failed, with a message.",
    config=FailConfig,
    run=run,
    output="none: the run ends here",
    example=Example(
        graph={
            "nodes": [
                {"id": "known", "type": "condition", "data": {"config": {"expression": "{% $exists($input.sku) %}"}}},
                {"id": "ship", "type": "transform", "data": {"config": {"value": "it is on its way"}}},
                {
                    "id": "refuse",
                    "type": "fail",
                    "data": {"config": {"message": "order {% $input.id %} names no product"}},
                },
            ],
            "edges": [
                {"id": "e1", "source": "known", "sourceHandle": "true", "target": "ship"},
                {"id": "e2", "source": "known", "sourceHandle": "false", "target": "refuse"},
            ],
        },
        input={"id": 7},
        error='node "refuse" failed: order 7 names no product',
    ),
    handles=(),
)
