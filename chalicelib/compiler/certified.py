"""What a certificate tells of a graph."""

from __future__ import annotations

from typing_extensions import TypedDict


class Bounds(TypedDict):
    """Of a run that succeeds, with the retries that its nodes ask for."""

    least: float
    most: float


class GateFact(TypedDict):
    """A gate: its state, the nodes that it waits for, and those that it holds back."""

    state: str
    waits_for: list[str]
    holds: list[str]


class Region(TypedDict):
    """Nodes that only gates keep apart, and why."""

    nodes: list[str]
    gates: int
    why: str


class ContainerFact(TypedDict):
    """How the items of a container run."""

    items_at_most: int
    items_a_call: int
    items_in_its_execution: int
    items_in_one_elsewhere: int
    transitions_each: Bounds


class Certificate(TypedDict):
    """What a run costs. `transitions`, `calls` of the runner and `dollars` are those of a whole run, `events` those of
    its own execution; `bytes` are the definition's, `depth` its nesting. `longest_path` are the most nodes that come
    one after another."""

    transitions: Bounds
    events: Bounds
    calls: Bounds
    dollars: Bounds
    bytes: int
    depth: int
    longest_path: list[str]
    gates: list[GateFact]
    regions: list[Region]
    containers: dict[str, ContainerFact]
