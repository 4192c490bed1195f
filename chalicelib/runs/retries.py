"""Runs that go on from what another one left: what of it holds, and the copies that they begin with.

It makes no difference who asks for it: a user who retries a run, or a node of such a retry, whose run goes on then from
the one that the node had started before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from .items import ItemRepository
from .records import RecordRepository
from .reuse import Reuse, compare

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph
    from chalicelib.db import Connection
    from chalicelib.workflows.schemas import VersionDetail
    from chalicelib.workflows.service import WorkflowService

    from .schemas import RunDetail


def plan_reuse(workflows: WorkflowService, run: RunDetail, number: int | None) -> tuple[VersionDetail, Reuse]:
    """What of a run holds on a version of its workflow, and that version; without a number, that of the run."""
    ids = (run["workspace_id"], run["workflow_id"])
    old = workflows.get_version(*ids, run["version"])
    new = workflows.get_version(*ids, number) if number else old
    graph = workflows.plan(new["id"]).graph
    return new, compare(old["graph_definition"], run["node_results"], new["graph_definition"], graph)


def take_over(connection: Connection, run_id: UUID, retry_id: UUID, reuse: Reuse) -> None:
    """From the outside in: what becomes of a container and its items decides what becomes of what they hold."""
    records, items = RecordRepository(connection), ItemRepository(connection)
    unchanged, dealt_with = reuse.unchanged, reuse.dealt_with

    def enter(scope: Graph, outer: str | None) -> None:
        for container, body in scope.bodies.items():
            if container in reuse.same_items:
                records.copy_begun(run_id, retry_id, container, outer)
                items.copy(run_id, retry_id, container, reuse.kept_items(scope.nodes[container]))
                records.copy_inside(run_id, retry_id, container, body.nodes, unchanged, dealt_with)
                enter(body, container)

    records.copy(run_id, retry_id, unchanged, dealt_with)
    enter(reuse.graph, None)
