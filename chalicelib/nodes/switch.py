"""switch: goes the way that is named like a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, StrictStr, field_validator

from chalicelib.compiler.node_type import Config, Example, NodeType
from chalicelib.compiler.template import as_text
from chalicelib.node_contract import Context, Result


class SwitchConfig(Config):
    """What is compared with what."""

    value: Any = Field(description="Compared, as text, with each of the cases.")
    cases: Annotated[list[Annotated[StrictStr, Field(min_length=1)]], Field(max_length=100)] = Field(
        description="Plain texts, each once; an edge leaves by `case:<text>`."
    )

    @field_validator("cases")
    @classmethod
    def _each_once(cls, cases: list[str]) -> list[str]:
        if len(set(cases)) < len(cases):
            raise ValueError("must name each case once")
        if any("{%" in case for case in cases):
            raise ValueError("must be plain texts: an edge leaves by a case as it is drawn")
        return cases


def run(config: SwitchConfig, _context: Context) -> Result:
    """The output is `{value}`."""
    return Result({"value": config.value}, _branch(config.cases, config.value))


def branch_of(config: Mapping[str, Any], output: Any) -> str | None:
    """By the `value` of an output."""
    return _branch(config["cases"], output["value"]) if isinstance(output, Mapping) and "value" in output else None


def _branch(cases: Sequence[str], value: Any) -> str:
    key = as_text(value)
    return f"case:{key}" if key in cases else "default"


NODE_TYPE = NodeType(
    name="switch",
    label="Switch",
    description="Continues on the case that equals the value, or on `default`.",
    config=SwitchConfig,
    run=run,
    output="`{value}`",
    example=Example(
        graph={
            "nodes": [
                {
                    "id": "region",
                    "type": "switch",
                    "data": {"config": {"value": "{% $input.country %}", "cases": ["DE", "FR"]}},
                },
                {"id": "german", "type": "transform", "data": {"config": {"value": "Guten Tag"}}},
                {"id": "french", "type": "transform", "data": {"config": {"value": "Bonjour"}}},
                {"id": "english", "type": "transform", "data": {"config": {"value": "Hello"}}},
            ],
            "edges": [
                {"id": "e1", "source": "region", "sourceHandle": "case:DE", "target": "german"},
                {"id": "e2", "source": "region", "sourceHandle": "case:FR", "target": "french"},
                {"id": "e3", "source": "region", "sourceHandle": "default", "target": "english"},
            ],
        },
        input={"country": "FR"},
        output="Bonjour",
    ),
    handles=("default",),
    case_handles="cases",
    branch_of=branch_of,
)
