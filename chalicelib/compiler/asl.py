"""Emitting a plan as an Amazon States Language definition (https://states-language.net/spec.html), in JSONPath.

Only structure, retries and time limits are in it, never a config or a label: editing a URL changes no state machine.
The state is always `{run_id, version_id}`; what a Task returns is dropped, except the end of a wait.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .graph import Graph, Node, Retry
from .order import Block, Gate, Par, Seq, Task, gates
from .units import Unit, decided_by

NODE_FAILED = "NodeFailed"
RETRY_NODE = "RetryNode"
RUN_ENDED = "RunEnded"

PLATFORM_ATTEMPTS = 6
"""How often a call that died without an answer is made again."""
CALL_MARGIN_SECONDS = 60
"""What a call may take beyond its node's own time limit."""
STATE_NAME_LENGTH = 80
"""Step Functions' limit (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-states.html)."""

FAIL_RUN = "Fail run"
RUN_FAILED = "Run failed"

State = dict[str, Any]

_FINAL: State = {"ErrorEquals": [NODE_FAILED, RUN_ENDED], "MaxAttempts": 0}

_PLATFORM_RETRY: State = {
    "ErrorEquals": ["States.ALL"],
    "IntervalSeconds": 1,
    "MaxAttempts": PLATFORM_ATTEMPTS,
    "BackoffRate": 2,
    "MaxDelaySeconds": 60,
    "JitterStrategy": "FULL",
}


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A definition and the name that its content gives it."""

    name: str
    definition: str
    """JSON."""


def emit(graph: Graph, units: Sequence[Unit], block: Block, function: str) -> State:
    """The definition that runs a plan; `function` is the ARN or name of the Lambda that runs a unit."""
    return _Emitter(graph, units, function).definition(block)


def content_addressed(definition: Mapping[str, Any], role: str = "") -> StateMachine:
    """Name a definition by its content and its role, so that equal graphs share one state machine that never
    changes."""
    text = json.dumps(definition, separators=(",", ":"), sort_keys=True)
    return StateMachine(f"stepgraph-{hashlib.sha256(f'{role}{text}'.encode()).hexdigest()[:40]}", text)


@dataclass(slots=True)
class _Emitter:
    graph: Graph
    units: Sequence[Unit]
    function: str
    names: set[str] = field(default_factory=lambda: {FAIL_RUN, RUN_FAILED})
    awaited: set[int] = field(default_factory=set)
    """The units that a gate waits for."""

    def definition(self, block: Block) -> State:
        self.awaited = {unit for gate in gates(block) for unit in gate.waits}
        start, states = self._chain(block, last=True)
        catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": FAIL_RUN}]
        for state in states.values():
            if state["Type"] in ("Task", "Parallel"):
                state["Catch"] = catch
        return {"StartAt": start, "States": states | self._failure()}

    def _failure(self) -> dict[str, State]:
        payload = {"run_id.$": "$.run_id", "version_id.$": "$.version_id", "failure.$": "$.failure"}
        return {
            FAIL_RUN: self._call(payload) | {"Retry": [_PLATFORM_RETRY], "Next": RUN_FAILED},
            RUN_FAILED: {
                "Type": "Fail",
                "Error": "RunFailed",
                "Cause": "A node failed; the run tells which.",
            },
        }

    def _chain(self, block: Block, *, last: bool) -> tuple[str, dict[str, State]]:
        """The states of a block that end their scope. `last`: nothing of the run comes after them."""
        parts = block.blocks if isinstance(block, Seq) else (block,)
        states: dict[str, State] = {}
        for index, part in enumerate(parts):
            states |= self._states(part, last=last and index == len(parts) - 1)
        names = list(states)
        for name, following in zip(names, names[1:], strict=False):
            states[name]["Next"] = following
        states[names[-1]]["End"] = True
        return names[0], states

    def _states(self, block: Block, *, last: bool) -> dict[str, State]:
        if isinstance(block, Task):
            return self._unit(self.units[block.unit], last=last, awaited=block.unit in self.awaited)
        if isinstance(block, Gate):
            return self._gate(block)
        assert isinstance(block, Par)
        name = self._name("Parallel")
        branches = [self._chain(branch, last=last) for branch in block.branches]
        return {
            name: {
                "Type": "Parallel",
                "ResultPath": None,
                "Branches": [{"StartAt": start, "States": states} for start, states in branches],
            }
        }

    def _unit(self, unit: Unit, *, last: bool, awaited: bool) -> dict[str, State]:
        name = self._name(unit.anchor or unit.waits or (unit.nodes[0] if unit.nodes else unit.concludes or "empty"))
        node = self.graph.nodes[unit.anchor] if unit.anchor else None
        # A wait that ends the run is concluded by a unit of its own, so the one that begins it is never the last.
        call: State = {"nodes": list(unit.nodes), "concludes": unit.concludes, "waits": unit.waits}
        call |= {"last": last, "awaited": awaited}
        payload = {"run_id.$": "$.run_id", "version_id.$": "$.version_id", "unit": call}
        limit = _time_limit(node) + CALL_MARGIN_SECONDS
        task = self._call(payload) | {"TimeoutSeconds": limit, "Retry": _retries(node)}
        if unit.waits is None:
            return {name: task}
        task |= {"ResultSelector": {"until.$": "$.Payload.until"}, "ResultPath": "$.wait"}
        wait = {"Type": "Wait", "TimestampPath": "$.wait.until"}
        return {name: task, self._name(f"{name} until"): wait}

    def _gate(self, gate: Gate) -> dict[str, State]:
        """A Task that the runner ends, by its token, when the nodes that it waits for are decided."""
        name = self._name("Gate")
        nodes = [node_id for unit in gate.waits for node_id in decided_by(self.units[unit])]
        payload = {
            "run_id.$": "$.run_id",
            "version_id.$": "$.version_id",
            "gate": {"id": name, "nodes": nodes},
            "token.$": "$$.Task.Token",
        }
        task = self._call(payload) | {"Retry": [_FINAL, _PLATFORM_RETRY]}
        return {name: task | {"Resource": f"{task['Resource']}.waitForTaskToken"}}

    def _call(self, payload: State) -> State:
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": self.function, "Payload": payload},
            "ResultPath": None,
        }

    def _name(self, wish: str) -> str:
        """A state name that is unique in the whole definition and made of harmless characters."""
        stem = re.sub(r"[^\w .-]", "_", wish, flags=re.ASCII)[: STATE_NAME_LENGTH - 12] or "_"
        name, count = stem, 1
        while name in self.names:
            count += 1
            name = f"{stem} {count}"
        self.names.add(name)
        return name


def _time_limit(node: Node | None) -> int:
    if node is None:
        return CALL_MARGIN_SECONDS
    return node.timeout_seconds or node.type.default_timeout_seconds


def _retries(node: Node | None) -> list[State]:
    """Retriers are scanned in order and the first that names the error decides, also when it is used up."""
    own = [_retrier(node.retry or Retry(node.max_attempts, jitter=True))] if node and node.max_attempts > 1 else []
    return [*own, _FINAL, _PLATFORM_RETRY]


def _retrier(retry: Retry) -> State:
    return {
        "ErrorEquals": [RETRY_NODE],
        "IntervalSeconds": retry.interval_seconds,
        "MaxAttempts": retry.max_attempts - 1,
        "BackoffRate": retry.backoff_rate,
        **({"MaxDelaySeconds": retry.max_delay_seconds} if retry.max_delay_seconds else {}),
        **({"JitterStrategy": "FULL"} if retry.jitter else {}),
    }
