"""Workflows that run workflows: whether what a graph runs is there, and whether it would run itself."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
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

Ways = Mapping[UUID, list[str]]
"""The names of the workflows by which a version leads to a workflow, by the version's id."""


class References:
    """Follows what the drawings say; what an expression names is known only in the run. `plan` gives the plan of a
    version by its id."""

    def __init__(self, database: Database, plan: Callable[[UUID], Plan]) -> None:
        self._database = database
        self._plan = plan

    def problems(self, workspace_id: UUID, workflow_id: UUID | None, graph: Graph) -> list[Problem]:
        """What is wrong with the references in the graph of a workflow; None of one that is not there yet."""
        drawn = _references(graph)
        found = self._find(workspace_id, {reference for _, reference in drawn})
        ways = self._ways_to(workflow_id, workspace_id, found.values()) if workflow_id else {}
        return [
            Problem(code, f'node "{node.id}": {message}', "nodes", node_id=node.id)
            for node, reference in drawn
            for code, message in _wrong(workflow_id, reference, found.get(reference), ways)
        ]

    def _ways_to(self, origin: UUID, workspace_id: UUID, starts: Iterable[ReferencedVersion]) -> Ways:
        """By which workflows each of the versions leads to a workflow. All versions that a step leads to are found at
        once."""
        callers: dict[UUID, list[ReferencedVersion]] = defaultdict(list)
        last: list[ReferencedVersion] = []
        pending = {version["id"]: version for version in starts}
        seen = set(pending)
        while pending:
            drawn = [(version, reference) for version in pending.values() for reference in self._drawn_in(version)]
            last += [version for version, reference in drawn if reference.workflow_id == origin]
            found = self._find(workspace_id, {reference for _, reference in drawn if reference.workflow_id != origin})
            for version, reference in drawn:
                if run := found.get(reference):
                    callers[run["id"]].append(version)
            pending = {version["id"]: version for version in found.values() if version["id"] not in seen}
            seen |= pending.keys()
        return _ways(last, callers)

    def _find(
        self, workspace_id: UUID, references: Collection[WorkflowReference]
    ) -> dict[WorkflowReference, ReferencedVersion]:
        if not references:
            return {}
        with self._database.connection() as connection:
            return WorkflowRepository(connection).find_referenced(workspace_id, references)

    def _drawn_in(self, version: ReferencedVersion) -> set[WorkflowReference]:
        return {reference for _, reference in _references(self._graph(version["id"]))}

    def _graph(self, version_id: UUID) -> Graph | None:
        try:
            return self._plan(version_id).graph
        except (InvalidError, MalformedError):
            return None


def _references(graph: Graph | None) -> list[tuple[Node, WorkflowReference]]:
    return [(node, node.runs) for node in graph.walk() if node.runs and not node.disabled] if graph else []


def _wrong(
    origin: UUID | None, reference: WorkflowReference, found: ReferencedVersion | None, ways: Ways
) -> Iterator[tuple[str, str]]:
    if reference.workflow_id == origin:
        yield "workflow_cycle", "the workflow would run itself"
    elif found is None:
        version = f" with a version {reference.version}" if reference.version else ""
        yield "unknown_workflow", f"the workspace has no workflow {reference.workflow_id}{version}"
    elif way := ways.get(found["id"]):
        yield "workflow_cycle", f"the workflow would run itself, through {' → '.join(way)}"


def _ways(last: Iterable[ReferencedVersion], callers: Mapping[UUID, Iterable[ReferencedVersion]]) -> Ways:
    """The shortest way from each version to its end, from the callers of each and from those that are last."""
    ways: dict[UUID, list[str]] = {}
    pending = deque((version, list[str]()) for version in last)
    while pending:
        version, rest = pending.popleft()
        if version["id"] not in ways:
            way = ways[version["id"]] = [f'"{version["name"]}"', *rest]
            pending.extend((caller, way) for caller in callers.get(version["id"], ()))
    return ways
