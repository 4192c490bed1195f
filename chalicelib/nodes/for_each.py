"""for_each: runs the nodes inside it once for each item of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.compiler.costs import MAX_ITEMS
from chalicelib.compiler.node_type import (
    Config,
    Context,
    Each,
    EachOf,
    Evaluated,
    Expression,
    Kind,
    NodeFailure,
    NodeType,
)
from chalicelib.compiler.settings import Whole

MAX_CONCURRENCY = 40
"""An inline Map runs no more iterations at once
(https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html)."""


class ForEachConfig(Config):
    """`items`: a list. `max_concurrency`: how many of them run at once. `on_item_error`: whether an item that fails
    fails the node, or stands as `{"error": …}` among its outputs."""

    items: list[Any] | Expression | Evaluated
    max_concurrency: Annotated[Whole, Field(ge=1, le=MAX_CONCURRENCY)] = 10
    on_item_error: Literal["fail", "continue"] = "fail"


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
    kind=Kind.EACH,
    each=each,
)
