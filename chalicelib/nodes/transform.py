"""transform: any JSON, made with expressions."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.compiler.node_type import Config, Example, NodeType
from chalicelib.node_contract import Context, Result


class TransformConfig(Config):
    """What to build."""

    value: Any = Field(description="Any JSON, with expressions anywhere in it.")


def run(config: TransformConfig, _context: Context) -> Result:
    """The value is the output."""
    return Result(config.value)


NODE_TYPE = NodeType(
    name="transform",
    label="Transform",
    description="Builds a value from the outputs of other nodes.",
    config=TransformConfig,
    run=run,
    output="the value",
    example=Example(
        graph={
            "nodes": [
                {
                    "id": "bill",
                    "type": "transform",
                    "data": {
                        "config": {
                            "value": {
                                "customer": "{% $uppercase($input.customer) %}",
                                "total": "{% $sum($input.lines.(price * quantity)) %}",
                                "due": "{% $dateAdd($input.date, 1, 'months') ~> $dateFormat('d MMMM yyyy') %}",
                            }
                        }
                    },
                }
            ],
            "edges": [],
        },
        input={
            "customer": "Ada",
            "date": "2030-01-31",
            "lines": [{"price": 20, "quantity": 2}, {"price": 5, "quantity": 1}],
        },
        output={"customer": "ADA", "total": 45, "due": "28 February 2030"},
    ),
)
