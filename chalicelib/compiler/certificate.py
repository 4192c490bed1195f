"""What a plan costs to run and how it is nested, told on save; a graph that could break a limit is refused.

Limits and prices are those of Step Functions Standard workflows
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html, https://aws.amazon.com/step-functions/pricing/).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .blocks import Block, Choice, Gate, Par, Seq, inner, tasks, walk
from .costs import EXECUTION_EVENTS, MAX_ITEMS, Cost, Counting
from .order import MAX_DEPTH, letter_n
from .problems import InvalidGraphError, Problem
from .units import name_of

if TYPE_CHECKING:
    from .asl import Emission
    from .certified import Certificate, ContainerFact, Region
    from .plan import Plan

MAX_EVENTS = 25_000
"""Of one execution's history."""
MAX_BYTES = 1024 * 1024
"""Of a definition."""
DOLLARS_A_TRANSITION = 0.025 / 1_000
"""In us-east-1; retries count, calls of Lambda come on top."""


def certify(plan: Plan, emission: Emission) -> Certificate:
    """The certificate of a graph and its definition.

    Raises InvalidGraphError for a graph that could break a limit, naming the node at which it would.
    """
    size = len(emission.text)
    problems = [*_too_many_events(plan), *_too_large(plan, size)]
    if problems:
        raise InvalidGraphError(problems)
    cost = plan.cost
    return {
        "transitions": {"least": cost.least.transitions, "most": cost.most.transitions},
        "events": {"least": cost.least.events, "most": cost.most.events},
        "calls": {"least": cost.least.calls, "most": cost.most.calls},
        "dollars": {"least": _dollars(cost.least), "most": _dollars(cost.most)},
        "bytes": size,
        "depth": plan.depth,
        "longest_path": _longest_path(plan),
        "gates": [
            {"state": state, "waits_for": list(nodes), "holds": list(emission.holds[state])}
            for state, nodes in emission.gates.items()
        ],
        "regions": [region for part in plan.walk() for region in _regions(part)],
        "containers": {node_id: told for part in plan.walk() for node_id, told in _containers(part)},
    }


def _dollars(cost: Cost) -> float:
    return round(cost.transitions * DOLLARS_A_TRANSITION, 9)


def _too_many_events(plan: Plan) -> Iterator[Problem]:
    if plan.cost.most.events > MAX_EVENTS:
        node_id = _where_it_passes(plan, MAX_EVENTS)
        yield _problem(
            "too_many_events",
            f"a run could make {plan.cost.most.events:,} events, and Step Functions ends an execution at "
            f'{MAX_EVENTS:,}: it is passed at "{node_id}"; fewer nodes or retries are needed',
            node_id,
        )
    for part in plan.walk():
        for node_id, loop in part.loops.items():
            if loop.elsewhere == 0:
                yield _problem(
                    "too_many_events",
                    f'one item of "{node_id}" could make {loop.item.most.events:,} events, and an execution may plan '
                    f"with {EXECUTION_EVENTS:,}; fewer nodes or retries are needed in it",
                    node_id,
                )


def _too_large(plan: Plan, size: int) -> Iterator[Problem]:
    if size > MAX_BYTES:
        nodes = list(plan.graph.walk())
        node_id = nodes[len(nodes) * MAX_BYTES // size].id
        yield _problem(
            "definition_too_large",
            f"the definition has {size:,} bytes, and Step Functions takes {MAX_BYTES:,}: it is passed at about "
            f'"{node_id}", node {len(nodes) * MAX_BYTES // size + 1} of {len(nodes)}',
            node_id,
        )


def _problem(code: str, message: str, node_id: str) -> Problem:
    return Problem(code, message, "nodes", node_id=node_id)


def _where_it_passes(plan: Plan, limit: int) -> str:
    """The node with which a run, in the order of a walk, comes past so many events."""
    counting = Counting(plan.graph, plan.units, plan.conditions)
    events = 0
    node_id = ""
    for position in tasks(plan.block):
        unit = plan.units[position]
        node_id = name_of(unit)
        events += counting.unit(unit, plan.loops).most.events
        if events > limit:
            break
    return node_id


def _longest_path(plan: Plan) -> list[str]:
    """The most nodes that come one after another, those in a container behind it."""
    longest: dict[str, list[str]] = {}
    for node in plan.graph.nodes.values():
        before = max((longest[source] for source in plan.graph.predecessors(node.id)), key=len, default=[])
        inside = _longest_path(plan.bodies[node.id]) if node.id in plan.bodies else []
        longest[node.id] = [*before, node.id, *inside]
    return max(longest.values(), key=len, default=[])


def _regions(plan: Plan) -> Iterator[Region]:
    """The Parallels with a gate right in a branch, and the reason."""
    for part in walk(plan.block):
        count = sum(map(_own_gates, part.branches)) if isinstance(part, Par) else 0
        if count:
            units = sorted(tasks(part))
            names = dict.fromkeys(name_of(plan.units[unit]) for unit in units)
            yield {"nodes": list(names), "gates": count, "why": _why(plan, units)}


def _own_gates(block: Block) -> int:
    """The gates of a branch that are not in a Parallel of their own."""
    if isinstance(block, Gate):
        return 1
    return sum(map(_own_gates, inner(block))) if isinstance(block, Seq | Choice) else 0


def _why(plan: Plan, units: list[int]) -> str:
    found = letter_n(units, plan.predecessors)
    if found is None:
        return f"nesting says it only deeper than {MAX_DEPTH} levels"
    a, b, c, d = (f'"{name_of(plan.units[unit])}"' for unit in found)
    return f"{c} comes after {a} and {b}, but {d} after {b} and not after {a}: no nesting says both"


def _containers(plan: Plan) -> Iterator[tuple[str, ContainerFact]]:
    for node_id, loop in plan.loops.items():
        item = loop.item
        yield (
            node_id,
            {
                "items_at_most": MAX_ITEMS,
                "items_a_call": loop.batch,
                "items_in_its_execution": loop.here,
                "items_in_one_elsewhere": loop.elsewhere,
                "transitions_each": {"least": item.least.transitions, "most": item.most.transitions},
            },
        )
