"""What compiling loses of a drawing's concurrency, and what it costs in states: real graphs, run in the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from random import Random
from statistics import fmean, quantiles
from typing import Any

from chalicelib.compiler.asl import Emission, emit
from chalicelib.compiler.parsing import parse
from chalicelib.compiler.plan import make_plan
from chalicelib.nodes import node_types
from tests.real_graphs import real_graphs

from .graphs import Graph
from .rules import Choices, Drawing, evaluate
from .simulator import Report, World, simulate
from .wanted import judged

Line = dict[str, Any]
LATENCY = 0.025
"""Seconds that entering a state takes."""
SIGMA = 1.0
"""Nodes take lognormal seconds around a median of one."""
DRAWS = 20
"""How often decisions are drawn for each conditional graph."""
DECIDING = ("condition", "switch")
CORPORA = {"n8n": "n8n-", "all": ""}
REQUEST: dict[str, Any] = {"type": "http_request", "data": {"config": {"url": "https://api.example.com"}}}


class Measured:
    """A graph, its definition and how long its nodes take."""

    def __init__(self, graph: Graph, choices: Choices, seed: int) -> None:
        self._graph = graph
        self._choices = choices
        self._emission = emission_of(graph)
        random = Random(seed)
        slow = [node["id"] for node in graph["nodes"] if node["type"] in ("http_request", "wait")]
        self._seconds = {node_id: random.lognormvariate(0, SIGMA) for node_id in slow}

    @property
    def gates(self) -> int:
        return len(self._emission.gates)

    def run(self, latency: float = 0.0, choices: Choices | None = None) -> Report:
        world = World(self._seconds, self._choices if choices is None else choices, latency=latency)
        return simulate(self._emission.definition, self._graph, world)

    def critical_path(self, latency: float = 0.0) -> float:
        """With the latency of a state for each node that takes its time: no state machine could do with less."""
        seconds = {node_id: each + latency for node_id, each in self._seconds.items()}
        found = evaluate(Drawing.of(self._graph), seconds, self._choices, {})
        return max((each.end for each in found.values()), default=0.0)

    def stretch(self, latency: float = 0.0) -> float:
        """How many times its critical path a run takes."""
        return self.run(latency).makespan / self.critical_path(latency)


def emission_of(graph: Graph) -> Emission:
    parsed = parse(graph, node_types(), max_nodes=10_000)
    return emit(make_plan(parsed), "function")


def makespan() -> Iterator[Line]:
    """A run over its critical path: as drawn, with the decisions of the collection, and with each node a request."""
    for variant, change in (("drawn", _as_drawn), ("requests", _requests)):
        for corpus in CORPORA:
            found = [each for each in _measured(corpus, change) if each.critical_path()]
            if not found:
                return
            exact, late = [each.stretch() for each in found], [each.stretch(LATENCY) for each in found]
            parameter = {"graphs": f"{corpus}_{variant}", "count": len(found)}
            yield judged("makespan", parameter, {"mean": round(fmean(exact), 6), "max": round(max(exact), 6)})
            p95 = quantiles(late, n=20, method="inclusive")[-1]
            measured = {"mean": round(fmean(late), 5), "p95": round(p95, 5), "max": round(max(late), 5)}
            yield judged("makespan_with_latency", parameter, measured)


def states() -> Iterator[Line]:
    """The states that a run enters for each of its nodes, before fusion: with each node a request."""
    for corpus in CORPORA:
        runs = [each.run() for each in _measured(corpus, _requests)]
        if not runs:
            return
        ratios = [run.transitions / len(run.nodes) for run in runs]
        total = sum(run.transitions for run in runs) / sum(len(run.nodes) for run in runs)
        measured = {"total": round(total, 4), "mean": round(fmean(ratios), 4), "gates": sum(run.gates for run in runs)}
        yield judged("states_before_fusion", {"graphs": corpus, "count": len(runs)}, measured)


def conditional() -> Iterator[Line]:
    """What a run of a graph with conditions costs, over decisions drawn uniformly: as drawn, with all other nodes
    requests, and with a call of its own for each decision, too."""
    variants = {"drawn": _as_drawn, "requests": _requests_but_decisions, "apart": _each_apart}
    for variant, change in variants.items():
        for corpus in CORPORA:
            runs = [run for each in _conditional(corpus, change) for run in each]
            if not runs:
                return
            entered = fmean(run.transitions for run in runs)
            ran = fmean(sum(each.status == "ran" for each in run.nodes.values()) for run in runs)
            measured = {
                "transitions": round(entered, 3),
                "nodes_run": round(ran, 3),
                "transitions_per_node_run": round(entered / ran, 4),
                "skip_calls": round(fmean(run.skip_calls for run in runs), 3),
            }
            parameter = {"graphs": f"{corpus}_{variant}", "count": len(runs) // DRAWS}
            yield judged("conditional", parameter, measured)


def gates() -> Iterator[Line]:
    """On orders that nesting can say: random ones, and the real ones that are so with each node a request."""
    random = [Measured(series_parallel(size, seed), {}, 0).gates for size in (10, 100, 500) for seed in range(10)]
    yield judged("gates", {"graphs": "random_series_parallel", "count": len(random)}, {"gates": sum(random)})
    lines = [line for line in real_graphs() if is_series_parallel(line["graph_definition"])]
    real = [Measured(_requests(line["graph_definition"]), {}, 0).gates for line in lines]
    if real:
        yield judged("gates", {"graphs": "real_series_parallel", "count": len(real)}, {"gates": sum(real)})


def _measured(corpus: str, change: Callable[[Graph], Graph]) -> list[Measured]:
    return [
        Measured(change(line["graph_definition"]), {} if change is _requests else _decisions(line), seed)
        for seed, line in enumerate(real_graphs())
        if line["name"].startswith(CORPORA[corpus])
    ]


def _conditional(corpus: str, change: Callable[[Graph], Graph]) -> Iterator[list[Report]]:
    for seed, line in enumerate(real_graphs()):
        graph = line["graph_definition"]
        deciding = {node["id"]: _handles(node) for node in graph["nodes"] if node["type"] in DECIDING}
        if deciding and line["name"].startswith(CORPORA[corpus]):
            measured, random = Measured(change(graph), {}, seed), Random(seed)
            draws = [{name: random.choice(handles) for name, handles in deciding.items()} for _ in range(DRAWS)]
            yield [measured.run(choices=draw) for draw in draws]


def _handles(node: dict[str, Any]) -> Sequence[str]:
    if node["type"] == "condition":
        return ("true", "false")
    return (*(f"case:{case}" for case in node["data"]["config"]["cases"]), "default")


def _decisions(line: dict[str, Any]) -> Choices:
    """The handles that a line of the collection decides for; a node that fails goes on by `error`."""
    nodes = {node["id"]: node for node in line["graph_definition"]["nodes"]}
    found = dict.fromkeys(line["fails"], "error")
    for node_id, value in line["decisions"].items():
        wish = str(value).lower() if isinstance(value, bool) else f"case:{value}"
        found[node_id] = wish if wish in _handles(nodes[node_id]) else "default"
    return found


def _as_drawn(graph: Graph) -> Graph:
    return graph


def _requests(graph: Graph) -> Graph:
    """Each node a request; edges leave by the only handle."""
    nodes = [{"id": node["id"], **REQUEST} for node in graph["nodes"]]
    return {"nodes": nodes, "edges": [edge | {"sourceHandle": None} for edge in graph["edges"]]}


def _requests_but_decisions(graph: Graph) -> Graph:
    nodes = [
        node if node["type"] in DECIDING else node | {"type": "http_request", "data": node["data"] | REQUEST["data"]}
        for node in graph["nodes"]
    ]
    return graph | {"nodes": nodes}


def _each_apart(graph: Graph) -> Graph:
    """What asks for a retry gets a call of its own."""
    changed = _requests_but_decisions(graph)
    nodes = [node | {"data": node["data"] | {"retry": {"max_attempts": 2}}} for node in changed["nodes"]]
    return changed | {"nodes": nodes}


def series_parallel(size: int, seed: int) -> Graph:
    """Requests one after another or side by side, at random, with at most five forks inside one another."""
    links = _Growth(Random(seed)).links(size)
    edges = [{"id": f"e{n}", "source": f"n{low}", "target": f"n{high}"} for n, (low, high) in enumerate(links)]
    return {"nodes": [{"id": f"n{index}", **REQUEST} for index in range(size)], "edges": edges}


class _Growth:
    """Makes a series-parallel order by cutting a range of nodes into parts, and these again."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._links: list[tuple[int, int]] = []

    def links(self, size: int) -> list[tuple[int, int]]:
        self._part(range(size), forks=5)
        return self._links

    def _part(self, nodes: range, forks: int) -> tuple[list[int], list[int]]:
        """The first and the last nodes of a part."""
        if len(nodes) == 1:
            return [nodes[0]], [nodes[0]]
        in_a_row = not forks or self._random.random() < 0.5
        if in_a_row:
            return self._row([self._part(part, forks) for part in self._cut(nodes)])
        parts = [self._part(part, forks - 1) for part in self._cut(nodes)]
        return [one for firsts, _ in parts for one in firsts], [one for _, lasts in parts for one in lasts]

    def _row(self, parts: list[tuple[list[int], list[int]]]) -> tuple[list[int], list[int]]:
        for (_, lasts), (firsts, _) in pairwise(parts):
            self._links += [(low, high) for low in lasts for high in firsts]
        return parts[0][0], parts[-1][1]

    def _cut(self, nodes: range) -> Iterator[range]:
        cuts = sorted(self._random.sample(range(1, len(nodes)), min(len(nodes) - 1, self._random.choice((1, 2, 3)))))
        return (nodes[low:high] for low, high in pairwise([0, *cuts, len(nodes)]))


def is_series_parallel(graph: Graph) -> bool:
    """Whether the relation of all nodes that are ordered, and that of all that are not, fall apart in turn to the end:
    the orders without the letter N."""
    drawing = Drawing.of(graph)
    above: dict[str, set[str]] = {}
    for node_id in drawing.order:
        sources = {source for source, _ in drawing.incoming[node_id]}
        above[node_id] = sources.union(*(above[source] for source in sources))
    ordered = {node_id: set(found) for node_id, found in above.items()}
    for node_id, found in above.items():
        for source in found:
            ordered[source].add(node_id)
    return _falls_apart(set(ordered), ordered)


def _falls_apart(nodes: set[str], ordered: dict[str, set[str]]) -> bool:
    if len(nodes) <= 1:
        return True
    for inverted in (False, True):
        parts = _components(nodes, ordered, inverted=inverted)
        if len(parts) > 1:
            return all(_falls_apart(part, ordered) for part in parts)
    return False


def _components(nodes: set[str], ordered: dict[str, set[str]], *, inverted: bool) -> list[set[str]]:
    left, parts = set(nodes), []
    while left:
        pending = [left.pop()]
        part = set(pending)
        while pending:
            node_id = pending.pop()
            near = (left - ordered[node_id]) if inverted else (left & ordered[node_id])
            left -= near
            part |= near
            pending += near
        parts.append(part)
    return parts
