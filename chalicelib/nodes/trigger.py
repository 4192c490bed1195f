"""trigger: where a run begins; passes on the run's input."""

from __future__ import annotations

from chalicelib.compiler.node_type import Config, Context, Example, NodeType, Result


class TriggerConfig(Config):
    """A trigger has nothing to set."""


def run(_config: TriggerConfig, context: Context) -> Result:
    """The run's input is the output."""
    return Result(context.input)


NODE_TYPE = NodeType(
    name="trigger",
    label="Trigger",
    description="Starts the workflow and passes on the input of the run.",
    config=TriggerConfig,
    run=run,
    output="the run's input",
    example=Example(
        graph={
            "nodes": [
                {"id": "order", "type": "trigger"},
                {
                    "id": "thanks",
                    "type": "transform",
                    "data": {"config": {"value": "Thank you for order {% $nodes.order.output.id %}"}},
                },
            ],
            "edges": [{"id": "e1", "source": "order", "target": "thanks"}],
        },
        input={"id": 7},
        output="Thank you for order 7",
    ),
)
