"""What the rules of edges and joins make of a run: which nodes are due, how it ended, what it leaves undone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from .state import NodeRecord

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph, Node

    from .results import NodeStatus

Records = Mapping[str, NodeRecord]


def is_due(graph: Graph, node: Node, records: Records) -> bool:
    """Whether a node runs, once the sources of its edges are decided: not disabled, and its join is met."""
    live = [records[edge.source].goes_on_by(edge.handle, graph.nodes[edge.source]) for edge in graph.incoming[node.id]]
    joined = all(live) if node.join == "all" else any(live) or not live
    return joined and not node.disabled


def is_complete(graph: Graph, records: Records) -> bool:
    """Whether every node is decided."""
    return are_decided(graph, graph.nodes, records)


def are_decided(graph: Graph, nodes: Iterable[str], records: Records) -> bool:
    """Whether these nodes are decided."""
    return all(node_id in records and records[node_id].decided(graph.nodes[node_id]) for node_id in nodes)


def dead_paths(graph: Graph, sources: Iterable[str], records: Records) -> Iterator[str]:
    """The nodes that will not run by what was decided of these sources, and what follows from that.

    A node that no record tells of is undecided, so nothing behind it is known to be dead.
    """
    known = {node_id: record for node_id, record in records.items() if node_id in graph.nodes}
    pending = list(sources)
    while pending:
        for edge in graph.outgoing[pending.pop()]:
            node = graph.nodes[edge.target]
            above = graph.predecessors(node.id)
            if node.id not in known and are_decided(graph, above, known) and not is_due(graph, node, known):
                known[node.id] = NodeRecord(node.id, "skipped")
                pending.append(node.id)
                yield node.id


def ends(graph: Graph, records: Records) -> Iterator[str]:
    """The nodes that ended a complete run: they ran, and nothing went on from them, be it that no one follows or that
    who follows did not run, as a disabled node or a join that was not met."""
    for node in graph.nodes.values():
        record = records[node.id]
        followers = (edge.target for edge in graph.outgoing[node.id] if record.goes_on_by(edge.handle, node))
        if record.status != "skipped" and all(records[follower].status == "skipped" for follower in followers):
            yield node.id


def stopped(graph: Graph, records: Records, now: datetime, path: str = "") -> Iterator[NodeRecord]:
    """New records for the undecided nodes of a run, or of the item at a path, that ends early.

    Skipped are those that would not have run anyway; cancelled those that would have, that were running, or
    of which no one knows because a node before them was cancelled.
    """
    known = dict(records)
    for node in graph.nodes.values():
        record = known.get(node.id)
        if record is None:
            unknown = any(known[source].status == "cancelled" for source in graph.predecessors(node.id))
            status: NodeStatus = "cancelled" if unknown or is_due(graph, node, known) else "skipped"
            known[node.id] = NodeRecord(node.id, status, path, completed_at=now)
            yield known[node.id]
        elif record.status in ("running", "waiting"):
            known[node.id] = replace(record, status="cancelled", completed_at=now)
            yield known[node.id]


def failed_node(graph: Graph, records: Records) -> tuple[Node, str] | None:
    """The first node whose failure ends the run, with its message."""
    for node in graph.nodes.values():
        record = records.get(node.id)
        if record and record.status == "failed" and node.on_error == "fail" and record.error:
            return node, str(record.error["message"])
    return None
