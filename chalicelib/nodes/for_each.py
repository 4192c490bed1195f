"""for_each: runs the nodes inside it once for each item of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.compiler.costs import MAX_ITEMS
from chalicelib.compiler.node_type import Config, Each, Evaluated, Example, Expression, NodeType
from chalicelib.compiler.settings import Whole
from chalicelib.compiler.terms import Kind
from chalicelib.node_contract import Context, EachOf, NodeFailure

MAX_CONCURRENCY = 40
"""An inline Map runs no more iterations at once
(https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html)."""


class ForEachConfig(Config):
    """What to run for, and how."""

    items: list[Any] | Expression | Evaluated = Field(
        description=f"Up to {MAX_ITEMS:,} items. The nodes inside read theirs as `$item`, its place from 0 as `$index`."
    )
    max_concurrency: Annotated[Whole, Field(ge=1, le=MAX_CONCURRENCY)] = Field(
        10, description="How many items run at once."
    )
    on_item_error: Literal["fail", "continue"] = Field(
        "fail",
        description='Whether an item that fails fails the node, or stands as `{"error": …}` among its outputs.',
    )


def run(config: ForEachConfig, _context: Context) -> EachOf:
    """The items. JSONata makes no difference between one value and a list of it, so neither do we."""
    items = config.items if isinstance(config.items, list) else [config.items]
    if config.items is None:
        items = []
    if len(items) > MAX_ITEMS:
        raise NodeFailure("too_many_items", f"items has {len(items):,} items; at most {MAX_ITEMS:,} are allowed")
    return EachOf(items)


def each(config: Mapping[str, Any]) -> Each:
    """How the items run."""
    drawn = ForEachConfig.model_validate(config)
    return Each(drawn.max_concurrency, drawn.on_item_error)


NODE_TYPE = NodeType(
    name="for_each",
    label="For each",
    description="Runs the nodes inside it for each item of a list.",
    config=ForEachConfig,
    run=run,
    output="a list of what its nodes gave for each item, in order",
    example=Example(
        graph={
            "nodes": [
                {"id": "lines", "type": "for_each", "data": {"config": {"items": "{% $input.lines %}"}}},
                {
                    "id": "price",
                    "type": "transform",
                    "parentId": "lines",
                    "data": {"config": {"value": "{% $item.price * $item.quantity %}"}},
                },
                {"id": "total", "type": "transform", "data": {"config": {"value": "{% $sum($nodes.lines.output) %}"}}},
            ],
            "edges": [{"id": "e1", "source": "lines", "target": "total"}],
        },
        input={"lines": [{"price": 20, "quantity": 2}, {"price": 5, "quantity": 1}]},
        output=45,
    ),
    kind=Kind.EACH,
    each=each,
)
