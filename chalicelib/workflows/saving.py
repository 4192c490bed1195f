"""What a drawn graph must be to be saved, and what is found out about it then."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from chalicelib import compiler
from chalicelib.compiler.asl import emit
from chalicelib.compiler.certificate import certify
from chalicelib.compiler.graph import Graph
from chalicelib.compiler.problems import GraphRejectedError, InvalidGraphError, MalformedGraphError, Problem
from chalicelib.errors import InvalidError, MalformedError, TooLargeError, summary
from chalicelib.nodes import node_types
from chalicelib.settings import Settings

from .schemas import NewVersion

TOLD_PROBLEMS = 3
"""How many of a graph's problems the summary tells; `errors` has them all."""


def checked(
    graph_definition: dict[str, Any],
    settings: Settings,
    more_problems: Callable[[Graph], Sequence[Problem]],
    name: str = "graph_definition",
) -> NewVersion:
    """What is saved of a graph. `more_problems` finds those that are not in the graph alone.

    Raises InvalidError, MalformedError or TooLargeError for a graph that can't run.
    """
    size = len(json.dumps(graph_definition, separators=(",", ":"), ensure_ascii=False).encode())
    if size > (limit := settings.max_graph_bytes):
        raise TooLargeError(f"the graph has {size:,} bytes; at most {limit:,} are allowed")
    try:
        graph = compiler.parse(graph_definition, node_types(), settings.max_graph_nodes)
        if problems := more_problems(graph):
            raise InvalidGraphError(problems)
        plan = compiler.plan(graph)
        certificate = certify(plan, emit(plan, settings.run_unit_function))
    except GraphRejectedError as rejection:
        raise told(rejection, name) from None
    webhook = next((node.webhook for node in graph.walk() if node.webhook), None)
    return NewVersion(graph_definition, certificate, _secrets(graph), webhook)


def _secrets(graph: Graph) -> dict[str, list[str]]:
    """The secrets that a graph takes, each with the ids of the nodes that do."""
    takers: dict[str, list[str]] = {}
    for node in graph.walk():
        hmac = node.webhook and node.webhook.hmac
        for name in {*node.secrets, *([hmac.secret] if hmac else [])}:
            takers.setdefault(name, []).append(node.id)
    return takers


def told(rejection: GraphRejectedError, name: str = "graph_definition") -> MalformedError | InvalidError:
    """A graph that was refused, as callers are told of it."""
    problems = [{**problem.as_json(), "path": f"{name}.{problem.path}".rstrip(".")} for problem in rejection.problems]
    detail = summary([problem.message for problem in rejection.problems], TOLD_PROBLEMS)
    return (MalformedError if isinstance(rejection, MalformedGraphError) else InvalidError)(detail, problems)
