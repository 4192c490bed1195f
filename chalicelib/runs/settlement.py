"""What the rules of edges and joins make of a run: which nodes are due, how it ended, what it leaves undone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from chalicelib.compiler.graph import Graph, Node

from .schemas import NodeRecord, NodeStatus

Records = Mapping[str, NodeRecord]


def is_due(graph: Graph, node: Node, records: Records) -> bool:
    """Whether a node runs, once the sources of its edges are decided: not disabled, and its join is met."""
    live = [records[edge.source].makes_live(edge, graph.nodes[edge.source]) for edge in graph.incoming[node.id]]
    joined = all(live) if node.join == "all" else any(live) or not live
    return joined and not node.disabled


def is_complete(graph: Graph, records: Records) -> bool:
    """Whether every node is decided."""
    return are_decided(graph, graph.nodes, records)


def are_decided(graph: Graph, nodes: Iterable[str], records: Records) -> bool:
    """Whether these nodes are decided."""
    return all(node_id in records and records[node_id].decided(graph.nodes[node_id]) for node_id in nodes)


def ends(graph: Graph, records: Records) -> Iterator[str]:
    """The nodes that ended a complete run: they ran, and nothing went on from them."""
    for node in graph.nodes.values():
        record = records[node.id]
        goes_on = any(record.makes_live(edge, node) for edge in graph.outgoing[node.id])
        if record.status != "skipped" and not goes_on:
            yield node.id


def stopped(graph: Graph, records: Records, now: datetime) -> Iterator[NodeRecord]:
    """New records for the undecided nodes of a run that ends early.

    Skipped are those that would not have run anyway; cancelled those that would have, that were running, or
    of which no one knows because a node before them was cancelled.
    """
    known = dict(records)
    for node in graph.nodes.values():
        record = known.get(node.id)
        if record is None:
            unknown = any(known[source].status == "cancelled" for source in graph.predecessors(node.id))
            status: NodeStatus = "cancelled" if unknown or is_due(graph, node, known) else "skipped"
            known[node.id] = NodeRecord(node.id, status, completed_at=now)
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
