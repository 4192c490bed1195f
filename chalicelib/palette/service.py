"""What a canvas needs to know of every type of node: how to show it, what to ask for, where edges may leave."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from typing_extensions import TypedDict

from chalicelib.compiler.terms import Kind
from chalicelib.nodes import node_types

if TYPE_CHECKING:
    from chalicelib.compiler.node_type import NodeType


class NodeTypeRow(TypedDict):
    """A type of node."""

    type: str
    label: str
    description: str
    config_schema: dict[str, Any]
    """A JSON Schema (draft 2020-12) that every config which can be saved fits."""
    output: str
    handles: list[str]
    case_handles: str | None
    """The config's key whose texts are handles, too."""
    is_container: bool
    default_attempts: int
    default_timeout_seconds: int | None
    example: dict[str, Any]


class NodeTypes(TypedDict):
    """All types of nodes, by their names."""

    items: list[NodeTypeRow]


@cache
def list_node_types() -> list[NodeTypeRow]:
    """Every type by its name. `config_schema` is a JSON Schema (draft 2020-12) that every config which can be saved
    fits; some that fit it are refused on save all the same."""
    return [_described(node_type) for _, node_type in sorted(node_types().items())]


def _described(node_type: NodeType) -> NodeTypeRow:
    example = node_type.example
    ending = {"output": example.output} if example.error is None else {"error": example.error}
    return {
        "type": node_type.name,
        "label": node_type.label,
        "description": node_type.description,
        "config_schema": node_type.config.model_json_schema(schema_generator=_ConfigSchema),
        "output": node_type.output,
        "handles": list(node_type.handles),
        "case_handles": node_type.case_handles,
        "is_container": node_type.kind is Kind.EACH,
        "default_attempts": node_type.default_attempts,
        "default_timeout_seconds": None if node_type.kind in _NO_TIMEOUT else node_type.default_timeout_seconds,
        "example": {"graph_definition": example.graph, "needs": example.needs, "input": example.input, **ending},
    }


_NO_TIMEOUT = (Kind.PURE, Kind.WAIT, Kind.EACH)
"""What these do ends by itself."""


_BOUNDS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}


class _ConfigSchema(GenerateJsonSchema):
    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """pydantic calls a bound by its own name where it is checked after a function of ours."""
        return {_BOUNDS.get(key, key): value for key, value in super().generate_inner(schema).items()}

    def get_default_value(self, schema: Any) -> Any:
        """Also where the default is made anew each time."""
        factory = schema.get("default_factory")
        return factory() if factory else super().get_default_value(schema)
