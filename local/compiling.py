"""`python -m local compile FILE`: what graphs compile to, one JSON object a graph, without a stack."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chalicelib.compiler.asl import Emission, emit, emit_items
from chalicelib.compiler.certificate import certify
from chalicelib.compiler.parsing import parse
from chalicelib.compiler.plan import Plan, make_plan
from chalicelib.compiler.problems import GraphRejectedError
from chalicelib.nodes import node_types

FUNCTION = "run_unit"
"""The name of the Lambda in the definitions; in an account it is an ARN."""


def main(file: str) -> int:
    """Compile a file, `-` for standard input; the exit code is 1 where a graph is refused."""
    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    refused = 0
    for where, graph in _graphs(text):
        answer = _answer(graph)
        for problem in answer.get("errors", ()):
            print(f"{where}: {problem['message']}", file=sys.stderr)
        refused += "errors" in answer
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    return int(refused > 0)


def _graphs(text: str) -> Iterator[tuple[str, str]]:
    """The texts of one graph over any number of lines, or of one a line, each with where it is."""
    lines = [(f"line {number}", line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    is_json_lines = len(lines) > 1 and lines[0][1].rstrip().endswith("}")
    return iter(lines if is_json_lines else [("graph", text)])


def _answer(text: str) -> dict[str, Any]:
    try:
        return compiled(json.loads(text))
    except ValueError as error:
        return {"errors": [{"code": "not_json", "message": f"this is not JSON: {error}", "path": ""}]}


def compiled(drawn: Any) -> dict[str, Any]:
    """`{definition, units, gates, certificate}` of a graph, or `{errors}` of one that is refused.

    `units` has the nodes that each Task state runs, `gates` those that each gate waits for, and `items`, of a graph
    with containers, the definitions that run ranges of their items in executions of their own.
    """
    if isinstance(drawn, Mapping) and "graph_definition" in drawn:
        drawn = drawn["graph_definition"]
    try:
        plan = make_plan(parse(drawn, node_types(), max_nodes=sys.maxsize))
        emission = emit(plan, FUNCTION)
        certificate = certify(plan, emission)
    except GraphRejectedError as rejection:
        return {"errors": [problem.as_json() for problem in rejection.problems]}
    items = {node_id: definition for part in plan.walk() for node_id, definition in _elsewhere(part)}
    return _shown(emission) | {"certificate": certificate} | ({"items": items} if items else {})


def _elsewhere(plan: Plan) -> Iterator[tuple[str, Any]]:
    for node_id, body in plan.bodies.items():
        if not body.graph.is_light:
            yield node_id, emit_items(plan, node_id, FUNCTION).definition


def _shown(emission: Emission) -> dict[str, Any]:
    return {"definition": emission.definition, "units": emission.units, "gates": emission.gates}
