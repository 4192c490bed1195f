"""From a drawn graph to a Step Functions state machine.

    graph_definition --shape--> GraphShape --validate--> Graph --units--> UnitGraph --order--> Block --asl--> definition

Pure: values in, values out; no clock, environment, network or database, and no node type is known by name.

- `shape` reads the parts of React Flow's `toObject()` that mean something; a value of another shape is malformed.
- `validate` finds everything that is wrong with the meaning, all at once, and strips the layout.
- `units` groups nodes into the Lambda calls that run them.
- `order` nests the units in sequences and parallels, with gates where nesting can't say the order.
- `asl` writes the nesting as an Amazon States Language definition, named by its content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .asl import StateMachine, content_addressed, emit
from .graph import Graph
from .node_type import NodeType
from .order import Block, nest
from .shape import check_size, parse_shape
from .units import Unit, fuse
from .validate import validate

MAX_NODES = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """A graph and how it will run."""

    graph: Graph
    units: tuple[Unit, ...]
    block: Block

    def state_machine(self, function: str, role: str = "") -> StateMachine:
        """The state machine that runs it through the Lambda `function` (an ARN or a name), as `role`."""
        return content_addressed(emit(self.graph, self.units, self.block, function), role)


def parse(graph_definition: Any, node_types: Mapping[str, NodeType], max_nodes: int = MAX_NODES) -> Graph:
    """Read and check a drawn graph. Raises MalformedGraphError or InvalidGraphError with all problems."""
    check_size(graph_definition, max_nodes)
    return validate(parse_shape(graph_definition), node_types)


def plan(graph: Graph) -> Plan:
    """Decide how a valid graph runs. An empty graph runs as one unit of no nodes."""
    fused = fuse(graph)
    if not fused.units:
        return Plan(graph, (Unit(()),), nest([frozenset()]))
    return Plan(graph, fused.units, nest(fused.predecessors))
