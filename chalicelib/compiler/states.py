"""The parts that a definition is made of: calls of the runner, retries, and fragments of states that lead on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .graph import Node, Retry
from .settings import MAX_CALL_SECONDS

NODE_FAILED = "NodeFailed"
RETRY_NODE = "RetryNode"
RUN_ENDED = "RunEnded"

PLATFORM_ATTEMPTS = 6
"""How often a call that died without an answer is made again."""
CALL_MARGIN_SECONDS = 60
"""What a call may take beyond its node's own time limit."""
STATE_NAME_LENGTH = 80
"""Step Functions' limit (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-states.html)."""

State = dict[str, Any]

SCOPE: State = {"run_id.$": "$.run_id", "version_id.$": "$.version_id", "path.$": "$.path"}
"""What every call is told: the run, its version, and the item of which containers it is for."""
ITEM_SCOPE: State = SCOPE | {"path.$": "States.Format('{}{}/', $.path, $$.Map.Item.Value)"}

_FINAL: State = {"ErrorEquals": [NODE_FAILED, RUN_ENDED], "MaxAttempts": 0}
NOT_IN_TIME: State = {"ErrorEquals": ["States.Timeout"], "MaxAttempts": 0}
"""Of a Task that waits for an answer: it was given all the time that there is."""
_PLATFORM_RETRY: State = {
    "ErrorEquals": ["States.ALL"],
    "IntervalSeconds": 1,
    "MaxAttempts": PLATFORM_ATTEMPTS,
    "BackoffRate": 2,
    "MaxDelaySeconds": 60,
    "JitterStrategy": "FULL",
}


class Names:
    """State names, unique in a whole definition and made of harmless characters."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}

    def take(self, wish: str) -> str:
        """A name like the wish that no state has yet."""
        stem = _HARMFUL.sub("_", wish)[: STATE_NAME_LENGTH - 12] or "_"
        name, count = stem, self._last.get(stem, 1)
        while name in self._taken:
            count += 1
            name = f"{stem} {count}"
        self._last[stem] = count
        self._taken.add(name)
        return name


_HARMFUL = re.compile(r"[^\w .-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Exit:
    """A state, and its field that names what follows."""

    state: State
    field: str

    def leads_to(self, target: str) -> None:
        """Let it lead to a state."""
        self.state[self.field] = [catch_all(target)] if self.field == "Catch" else target


@dataclass(frozen=True, slots=True)
class Fragment:
    """States in the order of their walk: where they begin and where they lead on."""

    start: str
    states: dict[str, State]
    exits: tuple[Exit, ...]

    @classmethod
    def of(cls, name: str, state: State, *fields: str) -> Fragment:
        """A state alone, which leads on by these fields."""
        return cls(name, {name: state}, tuple(Exit(state, field) for field in fields))

    def then(self, after: Fragment) -> Fragment:
        """This, and then that."""
        self.leads_to(after.start)
        return Fragment(self.start, self.states | after.states, after.exits)

    def leads_to(self, target: str) -> None:
        """Let all its exits lead to a state."""
        for exit_ in self.exits:
            exit_.leads_to(target)

    def ended(self, names: Names) -> dict[str, State]:
        """Its states, when nothing follows them: a Choice can't end by itself."""
        done = names.take("Done") if any(exit_.field != "Next" for exit_ in self.exits) else ""
        for exit_ in self.exits:
            if exit_.field == "Next":
                exit_.state["End"] = True
            else:
                exit_.leads_to(done)
        return self.states | ({done: {"Type": "Succeed"}} if done else {})


def catch_all(target: str, result_path: str | None = None) -> State:
    """Whatever fails leads to a state; `result_path` tells it what failed."""
    return {"ErrorEquals": ["States.ALL"], "ResultPath": result_path, "Next": target}


def call(function: str, payload: Mapping[str, Any], retries: list[State] | None = None) -> State:
    """A Task that calls the runner."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload": payload},
        "ResultPath": None,
        "Retry": retries or platform_retries(),
    }


def call_for_token(function: str, payload: Mapping[str, Any]) -> State:
    """A Task that calls the runner with its token, and ends when the runner sends that."""
    task = call(function, {**payload, "token.$": "$$.Task.Token"})
    return task | {"Resource": f"{task['Resource']}.waitForTaskToken"}


def time_limit(node: Node | None) -> int:
    """How many seconds a call of a node may take; a Lambda's own limit for nodes that only compute, however many."""
    seconds = (node.timeout_seconds or node.type.default_timeout_seconds) if node else MAX_CALL_SECONDS
    return seconds + CALL_MARGIN_SECONDS


def platform_retries() -> list[State]:
    """Of a call: an error of ours is final, a worker that died is not."""
    return [_FINAL, _PLATFORM_RETRY]


def node_retries(node: Node | None) -> list[State]:
    """Of a node's call. Retriers are scanned in order; the first that names the error decides, also when it is used
    up."""
    own = [_retrier(node.retry or Retry(node.max_attempts, jitter=True))] if node and node.max_attempts > 1 else []
    return [*own, *platform_retries()]


def _retrier(retry: Retry) -> State:
    return {
        "ErrorEquals": [RETRY_NODE],
        "IntervalSeconds": retry.interval_seconds,
        "MaxAttempts": retry.max_attempts - 1,
        "BackoffRate": retry.backoff_rate,
        **({"MaxDelaySeconds": retry.max_delay_seconds} if retry.max_delay_seconds else {}),
        **({"JitterStrategy": "FULL"} if retry.jitter else {}),
    }
