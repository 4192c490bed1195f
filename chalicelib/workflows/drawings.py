"""Drawn graphs: what they must be to be saved, what is found out about them then, and their plans."""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib.compiler.asl import emit
from chalicelib.compiler.certificate import certify
from chalicelib.compiler.parsing import parse
from chalicelib.compiler.plan import make_plan
from chalicelib.compiler.problems import GraphRejectedError, InvalidGraphError, MalformedGraphError
from chalicelib.errors import InvalidError, MalformedError, NotFoundError, TooLargeError, summary
from chalicelib.nodes import node_types

from .references import References
from .repository import WorkflowRepository
from .schemas import NewVersion

if TYPE_CHECKING:
    from uuid import UUID

    from chalicelib.compiler.graph import Graph
    from chalicelib.compiler.plan import Plan
    from chalicelib.db import Database
    from chalicelib.settings import Settings

CACHED_PLANS = 256
TOLD_PROBLEMS = 3
"""How many of a graph's problems the summary tells; `errors` has them all."""


class Drawings:
    """Checks what is drawn, and plans what was saved."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self.plan = lru_cache(maxsize=CACHED_PLANS)(self._load_plan)
        """The plan of a version, by the version's own id; versions never change. Raises NotFoundError, InvalidError or
        MalformedError."""
        self._references = References(database, self.plan)

    def graph(self, graph_definition: dict[str, Any]) -> Graph:
        """The graph of a drawing. Raises GraphRejectedError."""
        return parse(graph_definition, node_types(), self._settings.max_graph_nodes)

    def checked(
        self,
        graph_definition: dict[str, Any],
        workspace_id: UUID,
        workflow_id: UUID | None = None,
        name: str = "graph_definition",
    ) -> NewVersion:
        """What is saved of a graph; `workflow_id` is None where there is no workflow yet.

        Raises InvalidError, MalformedError or TooLargeError for a graph that can't run.
        """
        size = len(json.dumps(graph_definition, separators=(",", ":"), ensure_ascii=False).encode())
        if size > (limit := self._settings.max_graph_bytes):
            raise TooLargeError(f"the graph has {size:,} bytes; at most {limit:,} are allowed")
        try:
            graph = self.graph(graph_definition)
            self._check_references(workspace_id, workflow_id, graph)
            plan = make_plan(graph)
            certificate = certify(plan, emit(plan, self._settings.run_unit_function))
        except GraphRejectedError as rejection:
            raise _told(rejection, name) from None
        webhook = next((node.webhook for node in graph.walk() if node.webhook), None)
        return NewVersion(graph_definition, certificate, _secrets(graph), webhook)

    def check_again(self, workspace_id: UUID, workflow_id: UUID, version_id: UUID) -> None:
        """What a version refers to may be gone since it was saved. Raises InvalidError."""
        try:
            self._check_references(workspace_id, workflow_id, self.plan(version_id).graph)
        except GraphRejectedError as rejection:
            raise _told(rejection) from None

    def _check_references(self, workspace_id: UUID, workflow_id: UUID | None, graph: Graph) -> None:
        if problems := self._references.problems(workspace_id, workflow_id, graph):
            raise InvalidGraphError(problems)

    def _load_plan(self, version_id: UUID) -> Plan:
        with self._database.connection() as connection:
            graph_definition = WorkflowRepository(connection).find_graph(version_id)
        if graph_definition is None:
            raise NotFoundError(f"there is no version {version_id}")
        try:
            return make_plan(parse(graph_definition, node_types(), max_nodes=sys.maxsize))
        except GraphRejectedError as rejection:
            raise _told(rejection) from None


def _secrets(graph: Graph) -> dict[str, list[str]]:
    """The secrets that a graph takes, each with the ids of the nodes that do."""
    takers: dict[str, list[str]] = {}
    for node in graph.walk():
        hmac = node.webhook and node.webhook.hmac
        for name in {*node.secrets, *([hmac.secret] if hmac else [])}:
            takers.setdefault(name, []).append(node.id)
    return takers


def _told(rejection: GraphRejectedError, name: str = "graph_definition") -> MalformedError | InvalidError:
    """A graph that was refused, as callers are told of it."""
    problems = [{**problem.as_json(), "path": f"{name}.{problem.path}".rstrip(".")} for problem in rejection.problems]
    detail = summary([problem.message for problem in rejection.problems], TOLD_PROBLEMS)
    return (MalformedError if isinstance(rejection, MalformedGraphError) else InvalidError)(detail, problems)
