"""condition: goes one of two ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import StrictBool

from chalicelib.compiler.node_type import Config, Context, Evaluated, Expression, NodeFailure, NodeType, Result


class ConditionConfig(Config):
    """`expression`: gives true or false. Anything else fails the node rather than guess."""

    expression: Expression | StrictBool | Evaluated


def handles(_config: Mapping[str, Any]) -> tuple[str, ...]:
    """Both ways."""
    return ("true", "false")


def run(config: ConditionConfig, _context: Context) -> Result:
    """The output is `{result}`."""
    if not isinstance(config.expression, bool):
        found = type(config.expression).__name__.replace("NoneType", "nothing").replace("str", "text")
        raise NodeFailure(
            "not_a_boolean",
            f"expression must give true or false; it gave {found}. $boolean(…) or $exists(…) turns a value into one",
        )
    return Result({"result": config.expression}, "true" if config.expression else "false")


NODE_TYPE = NodeType(
    name="condition",
    label="Condition",
    description="Continues on `true` or on `false`.",
    config=ConditionConfig,
    run=run,
    handles=handles,
)
