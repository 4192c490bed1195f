"""What the compiler costs and what it saves, apart from any stack."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from statistics import median
from typing import Any

from chalicelib.compiler import asl
from chalicelib.compiler.blocks import Block, Choice, Gate, Par, Task, inner
from chalicelib.compiler.certificate import certify
from chalicelib.compiler.graph import Graph as Parsed
from chalicelib.compiler.parsing import parse
from chalicelib.compiler.plan import Plan, make_plan
from chalicelib.nodes import node_types
from tests.real_graphs import real_graphs

from .concurrency import series_parallel
from .graphs import Graph, edge, graph, node
from .wanted import judged

REPETITIONS = 5
SEEDS = range(5)
MAX_NODES = 1_000


def compiled() -> Iterator[dict[str, Any]]:
    """From a checked graph to its certificate: of each of some graphs the best time of some, of these the median."""
    kinds: dict[str, Callable[[int, int], Graph]] = {
        "random": partial(_random, links=1.5),
        "random_requests": partial(_random, links=1.5, requests=1.0),
        "series_parallel": series_parallel,
    }
    for kind, made in kinds.items():
        took = {size: median(_seconds(made(size, seed)) for seed in SEEDS) for size in (10, 100, 250, 1000)}
        for size, seconds in took.items():
            yield judged("compile", {"graphs": f"{kind}_{size}"}, {"ms": round(seconds * 1000, 2)})
        growth = took[1000] / took[250]
        yield judged("compile_growth", {"graphs": kind}, {"of_1000_over_250": round(growth, 2)})


def transitions() -> Iterator[dict[str, Any]]:
    """The states that a run of every real graph enters at most, for each of its nodes."""
    drawn = [line["graph_definition"] for line in real_graphs()]
    plans = [make_plan(parse(item, node_types())) for item in drawn]
    if not plans:
        return
    nodes = sum(len(plan.graph.nodes) for plan in plans)
    entered = sum(_states(plan.block, plan) for plan in plans)
    measured = {"nodes": nodes, "transitions_per_node": round(entered / nodes, 3)}
    yield judged("transitions", {"graphs": len(plans)}, measured)


def _seconds(drawn: Graph) -> float:
    parsed = parse(drawn, node_types(), MAX_NODES)
    return min(_once(parsed) for _ in range(REPETITIONS))


def _once(parsed: Parsed) -> float:
    began = time.perf_counter()
    plan = make_plan(parsed)
    emission = asl.emit(plan, "function")
    certify(plan, emission)
    emission.state_machine()
    return time.perf_counter() - began


def _states(block: Block, plan: Plan) -> int:
    """With each Choice and all that it may lead to, though a run takes only one way."""
    if isinstance(block, Task):
        return 2 if plan.units[block.unit].begins else 1
    itself = isinstance(block, Par | Choice | Gate)
    return itself + sum(_states(part, plan) for part in inner(block))


def _random(size: int, seed: int, links: float, requests: float = 0.5) -> Graph:
    random = Random(seed)
    names = [f"n{index}" for index in range(size)]
    nodes = [
        node(name, "http_request", {"url": "https://api.example.com"})
        if random.random() < requests
        else node(name, "transform", {"value": 1})
        for name in names
    ]
    drawn = {tuple(sorted(random.sample(range(size), 2))) for _ in range(int(size * links))}
    return graph(nodes, (edge(names[source], names[target]) for source, target in sorted(drawn)))
