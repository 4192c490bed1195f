"""Whether a JSON value is a React Flow graph at all. Meaning is `validate.py`'s."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from chalicelib.model import Model

from .problems import InvalidGraphError, MalformedGraphError, Problem
from .words import by_field

EDGES_PER_NODE = 20


class _Shape(Model):
    model_config = ConfigDict(extra="ignore", strict=True, json_schema_extra={"additionalProperties": True})


OptionalObject = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: {} if value is None else value),
    WithJsonSchema({"type": ["object", "null"], "additionalProperties": True}),
]


class NodeShape(_Shape):
    """A node as React Flow keeps it; keys that are layout are not read."""

    id: str = Field(min_length=1, max_length=200)
    type: str | None = None
    parent_id: str | None = Field(default=None, alias="parentId")
    data: OptionalObject = Field(default_factory=dict)


class EdgeShape(_Shape):
    """An edge as React Flow keeps it."""

    id: str = Field(min_length=1, max_length=200)
    source: str
    target: str
    source_handle: str | None = Field(default=None, alias="sourceHandle")


class GraphShape(_Shape):
    """`{nodes, edges, viewport, settings}`, as `toObject()` gives it."""

    nodes: list[NodeShape]
    edges: list[EdgeShape]
    viewport: OptionalObject = Field(default_factory=dict)
    settings: OptionalObject = Field(default_factory=dict)


def check_size(graph_definition: Any, max_nodes: int) -> None:
    """Told before and alone: looking for all else in a graph of any size would take any time."""
    limits = {"nodes": max_nodes, "edges": max_nodes * EDGES_PER_NODE}
    for key, limit in limits.items():
        found = graph_definition.get(key) if isinstance(graph_definition, dict) else None
        if isinstance(found, list) and len(found) > limit:
            message = f"the graph has {len(found)} {key}; at most {limit} are allowed"
            raise InvalidGraphError([Problem(f"too_many_{key}", message, key)])


def parse_shape(graph_definition: Any) -> GraphShape:
    """Read the parts that mean something. Raises MalformedGraphError with every misshapen part."""
    try:
        return GraphShape.model_validate(graph_definition)
    except ValidationError as error:
        found = by_field(error, graph_definition)
        raise MalformedGraphError(
            [
                Problem("malformed_graph", f"{json_path(place)} {rule}".strip(), json_path(place))
                for place, rule in found.items()
            ]
        ) from None


def json_path(location: tuple[int | str, ...]) -> str:
    """Pydantic's location as a JSON path: `("nodes", 2, "id")` is `nodes[2].id`."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".")
