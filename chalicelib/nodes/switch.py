"""switch: goes the way that is named like a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StrictStr, field_validator

from chalicelib.compiler.node_type import Config, Context, NodeType, Result
from chalicelib.compiler.template import as_text


class SwitchConfig(Config):
    """`value` is compared, as text, with each of `cases`."""

    value: Any
    cases: Annotated[list[Annotated[StrictStr, Field(min_length=1)]], Field(max_length=100)]

    @field_validator("cases")
    @classmethod
    def _each_once(cls, cases: list[str]) -> list[str]:
        if len(set(cases)) < len(cases):
            raise ValueError("must name each case once")
        if any("{%" in case for case in cases):
            raise ValueError("must be plain texts: an edge leaves by a case as it is drawn")
        return cases


def handles(config: Mapping[str, Any]) -> tuple[str, ...]:
    """One handle a case, and `default` for all other values."""
    return (*(f"case:{key}" for key in config["cases"]), "default")


def run(config: SwitchConfig, _context: Context) -> Result:
    """The output is `{value}`."""
    key = as_text(config.value)
    return Result({"value": config.value}, f"case:{key}" if key in config.cases else "default")


NODE_TYPE = NodeType(
    name="switch",
    label="Switch",
    description="Continues on the case that equals the value, or on `default`.",
    config=SwitchConfig,
    run=run,
    handles=handles,
)
