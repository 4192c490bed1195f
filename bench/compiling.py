"""What the compiler costs and what it saves, apart from any stack."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random
from typing import Any

from chalicelib import compiler
from chalicelib.compiler.order import Block, Par, Seq
from chalicelib.nodes import node_types
from tests.real_graphs import real_graphs

from .graphs import Graph, edge, graph, node
from .wanted import judged

REPETITIONS = 5


def compiled() -> Iterator[dict[str, Any]]:
    """The best time of some compilations of a random graph, half of it requests."""
    for size in (10, 100, 500):
        drawn = _random(size, links=1.5)
        best = min(_seconds(drawn) for _ in range(REPETITIONS))
        yield judged("compile", {"nodes": size}, {"ms": round(best * 1000, 2)})


def transitions() -> Iterator[dict[str, Any]]:
    """The states that a run of every real graph enters at most, for each of its nodes."""
    drawn = [line["graph_definition"] for line in real_graphs()]
    plans = [compiler.plan(compiler.parse(item, node_types())) for item in drawn]
    if not plans:
        return
    nodes = sum(len(plan.graph.nodes) for plan in plans)
    entered = sum(_states(plan.block, plan) for plan in plans)
    measured = {"nodes": nodes, "transitions_per_node": round(entered / nodes, 3)}
    yield judged("transitions", {"graphs": len(plans)}, measured)


def _seconds(drawn: Graph) -> float:
    began = time.perf_counter()
    compiler.plan(compiler.parse(drawn, node_types())).state_machine("function")
    return time.perf_counter() - began


def _states(block: Block, plan: compiler.Plan) -> int:
    if isinstance(block, Seq):
        return sum(_states(part, plan) for part in block.blocks)
    if isinstance(block, Par):
        return 1 + sum(_states(branch, plan) for branch in block.branches)
    waits = hasattr(block, "unit") and plan.units[block.unit].waits
    return 2 if waits else 1


def _random(size: int, links: float) -> Graph:
    random = Random(size)
    names = [f"n{index}" for index in range(size)]
    nodes = [
        node(name, "http_request", {"url": "https://api.example.com"})
        if random.random() < 0.5
        else node(name, "transform", {"value": 1})
        for name in names
    ]
    drawn = {tuple(sorted(random.sample(range(size), 2))) for _ in range(int(size * links))}
    return graph(nodes, (edge(names[source], names[target]) for source, target in sorted(drawn)))
