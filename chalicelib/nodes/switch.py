"""switch: goes the way that is named like a value."""

from __future__ import annotations

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
    key = as_text(config.value)
    return Result({"value": config.value}, f"case:{key}" if key in config.cases else "default")


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
)
