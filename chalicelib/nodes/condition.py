"""condition: goes one of two ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, StrictBool

from chalicelib.compiler.node_type import Config, Evaluated, Example, Expression, NodeType
from chalicelib.compiler.words import kind
from chalicelib.node_contract import Context, NodeFailure, Result


class ConditionConfig(Config):
    """What decides."""

    expression: Expression | StrictBool | Evaluated = Field(
        description="Gives true or false. Anything else fails the node rather than guess."
    )


def run(config: ConditionConfig, _context: Context) -> Result:
    """The output is `{result}`."""
    if not isinstance(config.expression, bool):
        found = "nothing" if config.expression is None else kind(config.expression)
        raise NodeFailure(
            "not_a_boolean",
            f"expression must give true or false; it gave {found}. $boolean(…) or $exists(…) turns a value into one",
        )
    return Result({"result": config.expression}, "true" if config.expression else "false")


def branch_of(_config: Mapping[str, Any], output: Any) -> str | None:
    """By the `result` of an output."""
    result = output.get("result") if isinstance(output, Mapping) else None
    return {True: "true", False: "false"}[result] if isinstance(result, bool) else None


NODE_TYPE = NodeType(
    name="condition",
    label="Condition",
    description="Continues on `true` or on `false`.",
    config=ConditionConfig,
    run=run,
    output="`{result}`",
    example=Example(
        graph={
            "nodes": [
                {"id": "large", "type": "condition", "data": {"config": {"expression": "{% $input.total > 100 %}"}}},
                {"id": "review", "type": "transform", "data": {"config": {"value": "someone looks at it"}}},
                {"id": "ship", "type": "transform", "data": {"config": {"value": "it is on its way"}}},
            ],
            "edges": [
                {"id": "e1", "source": "large", "sourceHandle": "true", "target": "review"},
                {"id": "e2", "source": "large", "sourceHandle": "false", "target": "ship"},
            ],
        },
        input={"total": 250},
        output="someone looks at it",
    ),
    handles=("true", "false"),
    branch_of=branch_of,
)
