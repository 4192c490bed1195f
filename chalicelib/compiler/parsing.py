"""The first half of the compiler: from what was drawn to a graph that can run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .shape import check_size, parse_shape
from .validate import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .graph import Graph
    from .node_type import NodeType

MAX_NODES = 500


def parse(graph_definition: Any, node_types: Mapping[str, NodeType], max_nodes: int = MAX_NODES) -> Graph:
    """Read and check a drawn graph. Raises MalformedGraphError or InvalidGraphError with all problems."""
    check_size(graph_definition, max_nodes)
    return validate(parse_shape(graph_definition), node_types)
