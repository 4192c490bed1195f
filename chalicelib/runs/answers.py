"""What the gates of a run wait for: nodes that are decided, or the answer to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.compiler.terms import Kind

from .children import ChildRepository
from .settlement import Records, are_decided

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph, Node
    from chalicelib.db import Connection

    from .state import ClosedGate, NodeRecord, Scope


def is_open(connection: Connection, graph: Graph, scope: Scope, gate: ClosedGate, records: Records) -> bool:
    """Whether a gate of a run or an item is to be opened; `records` has those of the nodes that it waits for."""
    if gate.answers is None:
        return are_decided(graph, gate.nodes, records)
    return is_answered(connection, graph.nodes[gate.answers], scope, records.get(gate.answers))


def is_answered(connection: Connection, node: Node, scope: Scope, record: NodeRecord | None) -> bool:
    """Whether nothing more is to be waited for by a node that was begun, or was not."""
    if record is None or not record.begun(node):
        return True
    return node.type.kind is Kind.RUN and not ChildRepository(connection).goes_on(scope, node.id)
