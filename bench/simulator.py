"""Simulates an execution of a state machine: its times, its transitions, and what it does to each drawn node.

Apart from the compiler: it reads the definition as Step Functions would, and the drawing by its rules. A unit runs its
nodes in order; what is dead by what they decided is decided when it ends. Nothing fails and nothing is retried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock, Process
from .rules import Choices, Drawing, Json, Ran
from .scope import Scope, SimulationError

BATCH_ITEMS = 500
"""How many items of a light body one call runs."""

__all__ = ["Report", "SimulationError", "World", "simulate"]


@dataclass(slots=True)
class Report:
    """What an execution did."""

    makespan: float = 0.0
    transitions: int = 0
    events: int = 2
    calls: int = 0
    skip_calls: int = 0
    """Calls of units that had nothing to run."""
    gates: int = 0
    nodes: dict[str, Ran] = field(default_factory=dict)
    """By its id, for an item of a container behind the indexes of the item: `0/2/n5`."""


@dataclass(frozen=True, slots=True)
class World:
    """What the drawing leaves open."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long nodes take; those that it does not name, none."""
    choices: Choices = field(default_factory=dict)
    items: Mapping[str, int] = field(default_factory=dict)
    """How many items containers have."""
    default_items: int = 3
    latency: float = 0.0
    """Seconds that entering a state takes."""
    seed: int | None = None
    """Draws what comes first of what happens at the same time; without it, what was asked for first."""


def simulate(definition: Json, graph_definition: Json, world: World) -> Report:
    """Run a definition. Raises SimulationError where it hangs, or runs a node twice, too early or never."""
    return _Execution(definition, Drawing.of(graph_definition), world).run(definition)


class _Execution:
    """Interprets a definition."""

    def __init__(self, definition: Json, drawing: Drawing, world: World) -> None:
        self._world = world
        self._drawings: dict[str | None, Drawing] = {None: drawing}
        for scope in drawing.scopes():
            self._drawings.update(scope.bodies)
        self._light = set(_batches(definition))
        self._report = Report()
        self._clock = Clock(world.seed)
        self._scopes: dict[tuple[str | None, str], Scope] = {}
        self._closed: set[str] = set()
        self._kinds: dict[str, Callable[[Json, Json], Process]] = {
            "Task": self._task,
            "Parallel": self._parallel,
            "Choice": self._choice,
            "Wait": self._wait,
            "Map": self._map,
            "Succeed": self._succeed,
        }

    def run(self, definition: Json) -> Report:
        ended = self._clock.start(self._machine(definition, {"run_id": "r", "version_id": "v", "path": ""}))
        self._clock.run()
        if not ended.happened:
            raise SimulationError(f"it hangs: gates that never opened: {', '.join(sorted(self._closed))}")
        self._scope(None, "").check()
        self._report.makespan = self._clock.now
        return self._report

    def _machine(self, machine: Json, data: Json) -> Process:
        """The states of a definition, a branch or an iteration, from the first to the last."""
        name: str | None = machine["StartAt"]
        while name is not None:
            state = machine["States"][name]
            if state["Type"] not in self._kinds:
                raise SimulationError(f"it came to {name}")
            self._report.transitions += 1
            yield self._clock.now + self._world.latency
            name = yield from self._kinds[state["Type"]](state, data)

    def _task(self, state: Json, data: Json) -> Process:
        payload = _filled(state["Parameters"]["Payload"], data)
        self._report.calls += 1
        is_gate = state["Resource"].endswith(".waitForTaskToken")
        self._report.events += 6 if is_gate else 5
        if is_gate:
            answer = yield from self._gate(payload["gate"], payload["path"])
        elif "batch" in payload:
            answer = yield from self._batch(payload["batch"], payload["path"])
        else:
            answer = yield from self._unit(payload["unit"], payload["path"])
        if state["ResultPath"] is not None:
            data[state["ResultPath"].removeprefix("$.")] = _filled(state["ResultSelector"], {"Payload": answer})
        return _next(state)

    def _parallel(self, state: Json, data: Json) -> Process:
        self._report.events += 4
        yield from [self._clock.start(self._machine(branch, dict(data))) for branch in state["Branches"]]
        return _next(state)

    def _choice(self, state: Json, data: Json) -> Process:
        self._report.events += 2
        yield from ()
        rules = state["Choices"]
        chosen = (rule["Next"] for rule in rules if _at(rule["Variable"], data) is rule["BooleanEquals"])
        return next(chosen, state["Default"])

    def _wait(self, state: Json, data: Json) -> Process:
        self._report.events += 2
        yield max(self._clock.now, _at(state["TimestampPath"], data))
        return _next(state)

    def _succeed(self, _state: Json, _data: Json) -> Process:
        self._report.events += 2
        yield from ()

    def _map(self, state: Json, data: Json) -> Process:
        items = _at(state["ItemsPath"], data)
        self._report.events += 4 + 2 * len(items)
        left = iter(items)
        slots = range(min(len(items), state["MaxConcurrency"] or len(items)))
        yield from [self._clock.start(self._slot(state, data, left)) for _ in slots]
        return _next(state)

    def _slot(self, state: Json, data: Json, items: Iterator[Any]) -> Process:
        """One of the iterations that run at once, and those that take its place."""
        for item in items:
            chosen = _filled(state["ItemSelector"], data, item)
            yield from self._machine(state["ItemProcessor"], chosen)

    def _unit(self, unit: Json, path: str) -> Process:
        """What is empty or false is not in the payload."""
        scope = self._scope(unit.get("for_each"), path)
        concluded, begins, ran = unit.get("concludes"), unit.get("begins"), False
        if concluded is not None:
            self._check_items(concluded, path)
            scope.conclude(concluded)
        answer: Json = {"until": self._clock.now, "items": [], "elsewhere": False}
        nodes = unit.get("nodes", [])
        for node_id in nodes:
            if scope.begin(node_id):
                ran = True
                if node_id == begins:
                    answer |= self._begun(node_id)
                else:
                    yield self._clock.now + self._world.seconds.get(node_id, 0.0)
                    scope.end(node_id)
        decided = [*nodes, *([concluded] if concluded is not None else [])]
        scope.tell(decided, last=unit.get("last", False), awaited=unit.get("awaited", False))
        self._report.skip_calls += bool(nodes) and not ran and concluded is None
        return answer | {key: scope.goes_on(*outcome) for key, outcome in unit.get("tells", {}).items()}

    def _begun(self, node_id: str) -> Json:
        """What a paused node tells the states that follow."""
        if node_id not in self._drawings:
            return {"until": self._clock.now + self._world.seconds.get(node_id, 0.0)}
        step = BATCH_ITEMS if node_id in self._light else 1
        return {"items": list(range(0, self._items(node_id), step))}

    def _items(self, container: str) -> int:
        return self._world.items.get(container, self._world.default_items)

    def _check_items(self, node_id: str, path: str) -> None:
        """All items of a container that ends have run; of one that was skipped, none."""
        if node_id in self._drawings:
            items = [key for key in self._scopes if key[0] == node_id and _outer(key[1]) == path]
            for key in items:
                self._scopes[key].check()
            skipped = self._report.nodes.get(path + node_id)
            wanted = 0 if skipped else self._items(node_id)
            if len(items) != wanted:
                raise SimulationError(f"{len(items)} of {wanted} items of {path}{node_id} ran")

    def _batch(self, batch: Json, path: str) -> Process:
        first, container = batch["first"], batch["for_each"]
        for index in range(first, min(first + BATCH_ITEMS, self._items(container))):
            scope = self._scope(container, f"{path}{index}/")
            for node_id in scope.drawing.order:
                if scope.begin(node_id):
                    scope.end(node_id)
            scope.tell(scope.drawing.order, last=True, awaited=False)
        yield self._clock.now
        return {}

    def _gate(self, gate: Json, path: str) -> Process:
        self._report.gates += 1
        self._closed.add(gate["id"])
        yield self._scope(gate["for_each"], path).gate(gate["nodes"])
        self._closed.discard(gate["id"])
        return {}

    def _scope(self, container: str | None, path: str) -> Scope:
        key = (container, path)
        if key not in self._scopes:
            drawing = self._drawings[container]
            self._scopes[key] = Scope(drawing, path, self._clock, self._world.choices, self._report.nodes)
        return self._scopes[key]


def _next(state: Json) -> str | None:
    return None if state.get("End") else str(state["Next"])


def _outer(path: str) -> str:
    return path[: path.rstrip("/").rfind("/") + 1]


def _batches(machine: Json) -> Iterator[str]:
    """The containers whose items run in batches."""
    for state in machine["States"].values():
        payload = state.get("Parameters", {}).get("Payload", {})
        if "batch" in payload:
            yield payload["batch"]["for_each"]
        for inner in (*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())):
            yield from _batches(inner)


def _at(path: str, data: Json) -> Any:
    """What a reference path leads to."""
    found: Any = data
    for key in path.removeprefix("$.").split("."):
        if key not in found:
            raise SimulationError(f"{path} leads nowhere")
        found = found[key]
    return found


def _filled(template: Any, data: Json, item: Any = None) -> Any:
    """A payload template with what its paths lead to."""
    if not isinstance(template, dict):
        return template
    return {
        key.removesuffix(".$"): _value(value, data, item) if key.endswith(".$") else _filled(value, data, item)
        for key, value in template.items()
    }


def _value(text: str, data: Json, item: Any) -> Any:
    if text == "$$.Map.Item.Value":
        return item
    if text.startswith("$$."):
        return text
    if text.startswith("States.Format("):
        pattern, *arguments = text.removeprefix("States.Format(").removesuffix(")").split(", ")
        return pattern.strip("'").format(*(_value(argument, data, item) for argument in arguments))
    return _at(text, data)
