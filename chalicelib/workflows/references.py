"""Workflows that run workflows: whether what a graph runs is there, and whether it would run itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from chalicelib.compiler.problems import Problem
from chalicelib.errors import InvalidError, MalformedError

from .repository import WorkflowRepository

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph, Node
    from chalicelib.compiler.node_type import WorkflowReference
    from chalicelib.compiler.plan import Plan
    from chalicelib.db import Database

    from .schemas import ReferencedVersion


class References:
    """Follows what the drawings say; what an expression names is known only in the run. `plan` gives the plan of a
    version by its id."""

    def __init__(self, database: Database, plan: Callable[[UUID], Plan]) -> None:
        self._database = database
        self._plan = plan

    def problems(self, workspace_id: UUID, workflow_id: UUID | None, graph: Graph) -> list[Problem]:
        """What is wrong with the references in the graph of a workflow; None of one that is not there yet."""
        return [
            Problem(code, f'node "{node.id}": {message}', "nodes", node_id=node.id)
            for node, reference in _references(graph)
            for code, message in self._wrong(workspace_id, workflow_id, reference)
        ]

    def _wrong(
        self, workspace_id: UUID, origin: UUID | None, reference: WorkflowReference
    ) -> Iterator[tuple[str, str]]:
        if reference.workflow_id == origin:
            yield "workflow_cycle", "the workflow would run itself"
            return
        found = self._find(workspace_id, reference)
        if found is None:
            version = f" with a version {reference.version}" if reference.version else ""
            yield "unknown_workflow", f"the workspace has no workflow {reference.workflow_id}{version}"
        elif way := self._way_back(workspace_id, origin, found):
            yield "workflow_cycle", f"the workflow would run itself, through {' → '.join(way)}"

    def _way_back(self, workspace_id: UUID, origin: UUID | None, start: ReferencedVersion) -> list[str] | None:
        """The names of the workflows by which one leads to the origin; None where it does not."""
        pending, seen = [(start, [f'"{start["name"]}"'])], {start["id"]}
        while pending:
            version, way = pending.pop()
            for _, reference in _references(self._graph(version["id"])):
                if reference.workflow_id == origin:
                    return way
                found = self._find(workspace_id, reference)
                if found and found["id"] not in seen:
                    seen.add(found["id"])
                    pending.append((found, [*way, f'"{found["name"]}"']))
        return None

    def _find(self, workspace_id: UUID, reference: WorkflowReference) -> ReferencedVersion | None:
        with self._database.connection() as connection:
            return WorkflowRepository(connection).find_referenced(workspace_id, reference)

    def _graph(self, version_id: UUID) -> Graph | None:
        try:
            return self._plan(version_id).graph
        except (InvalidError, MalformedError):
            return None


def _references(graph: Graph | None) -> list[tuple[Node, WorkflowReference]]:
    return [(node, node.runs) for node in graph.walk() if node.runs and not node.disabled] if graph else []
