"""Emitting a plan as an Amazon States Language definition (https://states-language.net/spec.html), in JSONPath.

Only structure, retries, time limits and how many items run at once are in it, never a config or a label: editing a URL
changes no state machine. The state is `{run_id, version_id, path}`, where `path` says which item of which containers;
what a Task returns is dropped, but for the end of a wait, how long to wait for an answer, the indexes of items, and
which outcomes came true.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .blocks import Block, Choice, Gate, Par, Seq, Task, gates, inner, tasks
from .states import (
    ITEM_SCOPE,
    NOT_IN_TIME,
    SCOPE,
    Fragment,
    Names,
    State,
    call,
    call_for_token,
    catch_all,
    node_retries,
    time_limit,
)
from .terms import Kind
from .units import Unit, decided_by, name_of

if TYPE_CHECKING:
    from .conditions import Outcome
    from .graph import Node
    from .plan import Plan


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A definition and the name that its content gives it."""

    name: str
    definition: str
    """JSON."""


@dataclass(slots=True)
class Emission:
    """A definition and which of its states are what."""

    definition: State = field(default_factory=dict)
    units: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The nodes that each Task state runs."""
    gates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The nodes that each gate waits for."""
    holds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The nodes that each gate holds back, each for the unit that it is in."""

    @property
    def text(self) -> str:
        """The definition as it is sent."""
        return json.dumps(self.definition, separators=(",", ":"))

    def state_machine(self, role: str = "") -> StateMachine:
        """Named by its content and its role, so that equal graphs share one state machine that never changes."""
        text = self.text
        return StateMachine(f"stepgraph-{hashlib.sha256(f'{role}{text}'.encode()).hexdigest()[:40]}", text)


def emit(plan: Plan, function: str) -> Emission:
    """The definition that runs a plan; `function` is the ARN or name of the Lambda that runs a unit."""
    emitter = _Emitter(function)
    start, states, failure = emitter.scope(plan, None)
    failed = emitter.names.take("Run failed")
    states[failure]["Next"] = failed
    states[failed] = {"Type": "Fail", "Error": "RunFailed", "Cause": "A node failed; the run tells which."}
    limit = plan.graph.settings.timeout_seconds
    emitter.emission.definition = {"StartAt": start, "States": states} | ({"TimeoutSeconds": limit} if limit else {})
    return emitter.emission


def emit_items(plan: Plan, container: str, function: str) -> Emission:
    """The definition that runs a range of a container's items in an execution of their own.

    Its input is the state of the container's scope with `items`, their indexes, `execution`, the name of the one that
    waits, and the token by which that one waits.
    """
    emitter = _Emitter(function)
    items = emitter.items(plan, plan.graph.nodes[container], "$.items")
    waiting = {"execution.$": "$.execution", "token.$": "$.token", "ended.$": "$$.Execution.Name"}
    go_on = call(function, SCOPE | {"items": {"for_each": container}} | waiting)
    whole = items.then(Fragment.of(emitter.names.take("Next items"), go_on, "Next"))
    emitter.emission.definition = {"StartAt": whole.start, "States": whole.ended(emitter.names)}
    return emitter.emission


class _Emitter:
    """Makes the states of one definition."""

    def __init__(self, function: str) -> None:
        self.function = function
        self.names = Names()
        self.emission = Emission()

    def scope(self, plan: Plan, container: str | None) -> tuple[str, dict[str, State], str]:
        """The states of a run, or of an item of a container: the first, all, and the one that every error leads to."""
        body = _Scope(self, plan, container).chain(plan.block, last=True)
        states = body.ended(self.names)
        failure = self.names.take("Fail run" if container is None else f"Fail item of {container}")
        catch = [catch_all(failure, "$.failure")]
        for state in states.values():
            if state["Type"] in ("Task", "Parallel"):
                state.setdefault("Catch", catch)
        states[failure] = call(self.function, SCOPE | {"failure.$": "$.failure", "for_each": container})
        return body.start, states, failure

    def items(self, plan: Plan, node: Node, items_path: str) -> Fragment:
        """A Map over a container's items. Each runs the states of the body; of a light body, a batch of items does."""
        assert node.each is not None
        body = plan.bodies[node.id]
        name = self.names.take(f"{node.id} items")
        state: State = {
            "Type": "Map",
            "ItemsPath": items_path,
            "MaxConcurrency": node.each.max_concurrency,
            "ResultPath": None,
            "ItemSelector": SCOPE | {"first.$": "$$.Map.Item.Value"} if body.graph.is_light else ITEM_SCOPE,
            "ItemProcessor": self._batch(node, body) if body.graph.is_light else self._item(node, body),
        }
        return Fragment.of(name, state, "Next", "Catch")

    def _item(self, node: Node, body: Plan) -> State:
        start, states, failure = self.scope(body, node.id)
        states[failure]["End"] = True
        return {"StartAt": start, "States": states}

    def _batch(self, node: Node, body: Plan) -> State:
        name = self.names.take(f"{node.id} batch")
        self.emission.units[name] = tuple(body.graph.nodes)
        payload = SCOPE | {"batch": {"for_each": node.id, "first.$": "$.first"}}
        task = call(self.function, payload) | {"TimeoutSeconds": time_limit(None), "End": True}
        return {"StartAt": name, "States": {name: task}}


class _Scope:
    """Makes the states of the blocks of a run, or of an item of a container."""

    def __init__(self, emitter: _Emitter, plan: Plan, container: str | None) -> None:
        self._emitter = emitter
        self._function = emitter.function
        self._names = emitter.names
        self._plan = plan
        self._container = container
        self._awaited = _awaited(plan)
        self._told = plan.told
        self._variables: dict[int, str] = {}
        """Where the state tells of an outcome."""

    def chain(self, block: Block, *, last: bool) -> Fragment:
        """The states of a block. `last`: nothing that must run comes after it in its scope."""
        parts = block.blocks if isinstance(block, Seq) else (block,)
        must_run = max((index for index, part in enumerate(parts) if _must_run(part)), default=0)
        behind = (*parts[1:], parts[-1])
        first, *more = [
            self._gate(part, behind[index])
            if isinstance(part, Gate)
            else self._part(part, last=last and index >= must_run)
            for index, part in enumerate(parts)
        ]
        for fragment in more:
            first = first.then(fragment)
        return first

    def _part(self, block: Block, *, last: bool) -> Fragment:
        if isinstance(block, Task):
            return self._unit(block.unit, last=last)
        if isinstance(block, Choice):
            return self._choice(block, last=last)
        assert isinstance(block, Par)
        name = self._names.take("Parallel")
        branches = [self.chain(branch, last=last) for branch in block.branches]
        states = [{"StartAt": branch.start, "States": branch.ended(self._names)} for branch in branches]
        return Fragment.of(name, {"Type": "Parallel", "ResultPath": None, "Branches": states}, "Next")

    def _choice(self, block: Choice, *, last: bool) -> Fragment:
        name = self._names.take("Choice")
        state: State = {"Type": "Choice", "Choices": []}
        choice = Fragment.of(name, state, "Default")
        for outcome, part in block.rules:
            chosen = self.chain(part, last=last)
            rule = {"Variable": self._variables[outcome], "BooleanEquals": True, "Next": chosen.start}
            state["Choices"].append(rule)
            choice = Fragment(name, choice.states | chosen.states, choice.exits + chosen.exits)
        return choice

    def _unit(self, position: int, *, last: bool) -> Fragment:
        unit = self._plan.units[position]
        name = self._names.take(name_of(unit) or "empty")
        self._emitter.emission.units[name] = unit.nodes
        node = self._plan.graph.nodes[unit.anchor] if unit.anchor else None
        tells = self._tells(position)
        payload = {
            "for_each": self._container,
            "nodes": list(unit.nodes),
            "concludes": unit.concludes,
            "begins": unit.begins,
            "tells": {key: [outcome.node_id, outcome.handle] for key, outcome in tells.items()},
            "last": last,
            "awaited": position in self._awaited,
        }
        payload = {key: value for key, value in payload.items() if value}
        task = call(self._function, SCOPE | {"unit": payload}, node_retries(node))
        task["TimeoutSeconds"] = time_limit(node)
        if kept := [*tells, *_KEPT.get(self._kind(unit), ())]:
            task["ResultSelector"] = {f"{key}.$": f"$.Payload.{key}" for key in kept}
            task["ResultPath"] = f"$.u{position}"
        fragment = Fragment.of(name, task, "Next")
        return fragment.then(self._pause(unit.begins, name, position)) if unit.begins else fragment

    def _kind(self, unit: Unit) -> Kind | None:
        return self._plan.graph.nodes[unit.begins].type.kind if unit.begins else None

    def _tells(self, position: int) -> dict[str, Outcome]:
        """The outcomes of a unit that a Choice asks for, by the key under which the unit tells of them."""
        conditions = self._plan.conditions
        told = [number for number in self._told if conditions.decides[position] >> number & 1]
        self._variables |= {number: f"$.u{position}.o{number}" for number in told}
        return {f"o{number}": conditions.outcomes[number] for number in told}

    def _pause(self, node_id: str, name: str, position: int) -> Fragment:
        """What follows a unit that begins a node: a Wait, a Task that waits for an answer, or a Map over items."""
        node = self._plan.graph.nodes[node_id]
        if node.type.kind in (Kind.DECISION, Kind.RUN):
            return self._answer(node_id, name, position)
        if node.type.kind is Kind.WAIT:
            wait = {"Type": "Wait", "TimestampPath": f"$.u{position}.until"}
            return Fragment.of(self._names.take(f"{name} until"), wait, "Next")
        items = self._emitter.items(self._plan, node, f"$.u{position}.items")
        if self._plan.bodies[node_id].graph.is_light:
            return items
        ranges = {"items": {"for_each": node_id}, "execution.$": "$$.Execution.Name"}
        elsewhere = call_for_token(self._function, SCOPE | ranges)
        chunks = Fragment.of(self._names.take(f"{node_id} items elsewhere"), elsewhere, "Next", "Catch")
        variable = f"$.u{position}.elsewhere"
        state = {
            "Type": "Choice",
            "Choices": [{"Variable": variable, "BooleanEquals": True, "Next": chunks.start}],
            "Default": items.start,
        }
        choice = self._names.take(f"{node_id} where")
        return Fragment(choice, {choice: state} | items.states | chunks.states, items.exits + chunks.exits)

    def _answer(self, node_id: str, name: str, position: int) -> Fragment:
        """A Task that the runner ends, by its token, when the node has its answer. The unit that concludes the node
        follows in any case, and tells an answer from none."""
        payload = SCOPE | {"answer": {"node_id": node_id, "for_each": self._container}}
        task = call_for_token(self._function, payload)
        task["Retry"] = [NOT_IN_TIME, *task["Retry"]]
        task["TimeoutSecondsPath"] = f"$.u{position}.timeout"
        return Fragment.of(self._names.take(f"{name} answer"), task, "Next", "Catch")

    def _gate(self, gate: Gate, behind: Block) -> Fragment:
        """A Task that the runner ends, by its token, when the nodes that it waits for are decided."""
        name = self._names.take("Gate")
        nodes = [node_id for unit in gate.waits for node_id in decided_by(self._plan.units[unit])]
        self._emitter.emission.gates[name] = tuple(nodes)
        self._emitter.emission.holds[name] = tuple(name_of(self._plan.units[unit]) for unit in tasks(behind))
        payload = SCOPE | {"gate": {"id": name, "for_each": self._container, "nodes": nodes}}
        return Fragment.of(name, call_for_token(self._function, payload), "Next")


_KEPT: Mapping[Kind | None, tuple[str, ...]] = {
    Kind.WAIT: ("until",),
    Kind.EACH: ("items", "elsewhere"),
    Kind.DECISION: ("timeout",),
    Kind.RUN: ("timeout",),
}
"""What the state keeps of the answer of a unit that begins a node of this kind."""


def _must_run(block: Block) -> bool:
    """Whether a unit in it runs whatever the outcomes are."""
    return isinstance(block, Task) or (not isinstance(block, Choice) and any(map(_must_run, inner(block))))


def _awaited(plan: Plan) -> frozenset[int]:
    """The units that may open a gate: those it waits for, and those by whose outcomes a Choice passes these by."""
    waited = {unit for gate in gates(plan.block) for unit in gate.waits}
    needs, decides = plan.conditions.needs, plan.conditions.decides
    needed = 0
    for unit in waited:
        needed |= needs[unit]
    return frozenset(waited | {unit for unit, mask in enumerate(decides) if mask & needed})
