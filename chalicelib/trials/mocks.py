"""What nodes give in a trial in place of what they would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from chalicelib.compiler.terms import Kind
from chalicelib.execution.node_call import NodeCall
from chalicelib.node_contract import NodeFailure, NodeOutcome, Result, WaitUntil
from chalicelib.redaction import MASK

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Node
    from chalicelib.runs.state import NodeRecord

    from .schemas import Source


@dataclass(frozen=True, slots=True)
class Mock:
    """How a node ends: with an output, by a handle where its type has several, or with an error."""

    output: Any = None
    branch: str | None = None
    error: Mapping[str, Any] | None = None

    def end(self) -> Result:
        """The result. Raises NodeFailure."""
        if self.error is None:
            return Result(self.output, self.branch or "out")
        details = {key: value for key, value in self.error.items() if key not in ("code", "message")}
        raise NodeFailure(self.error["code"], self.error["message"], details=details)


@dataclass(frozen=True, slots=True)
class Mocks:
    """By the id of a node; for an item of a container, behind the item's path: `3/0/ask`."""

    given: Mapping[str, Mock]
    recorded: Mapping[str, Mock]

    def find(self, path: str, node_id: str) -> tuple[Mock, Source, str] | None:
        """What a node gives, and by which key.

        What is given goes before what is recorded, what is for an item before what is for all.
        """
        for source, mocks in (("given", self.given), ("recorded", self.recorded)):
            for key in (f"{path}{node_id}", node_id):
                if key in mocks:
                    return mocks[key], source, key  # type: ignore[return-value]
        return None


@dataclass(slots=True)
class Told:
    """What a trial tells of its nodes besides their results, each by its path and id."""

    received: dict[str, Any] = field(default_factory=dict)
    mocked: dict[str, Source] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    """The keys of the mocks that nodes gave."""
    missing_secrets: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class MockedCall(NodeCall):
    """Nodes that only compute do, unless they are mocked; all others are mocked."""

    mocks: Mocks
    told: Told
    stored_secrets: frozenset[str]
    path: str = ""

    @classmethod
    def of_call(cls, call: NodeCall, mocks: Mocks, told: Told, stored_secrets: frozenset[str]) -> MockedCall:
        """The same calls, mocked."""
        return cls(
            call.graph,
            call.of,
            call.run_variables,
            call.item,
            call.index,
            call.secrets,
            call.surroundings,
            mocks=mocks,
            told=told,
            stored_secrets=stored_secrets,
        )

    def inside(self, node: Node, item: Any, index: int) -> MockedCall:
        """The calls for an item of a container."""
        return replace(self, graph=self.graph.bodies[node.id], item=item, index=index, path=f"{self.path}{index}/")

    def run(self, node: Node, records: Mapping[str, NodeRecord]) -> NodeOutcome:
        """What a node gives. Raises NodeFailure."""
        place = f"{self.path}{node.id}"
        secrets = self._values(node)
        self.told.received[place] = self.rendered(node, records, secrets)
        found = self.mocks.find(self.path, node.id)
        if found and (found[1] == "given" or node.type.kind not in (Kind.PURE, Kind.EACH)):
            mock, self.told.mocked[place], key = found
            self.told.used.add(key)
            self._config(node, records, secrets)
            return mock.end()
        if node.type.kind in (Kind.IO, Kind.RUN, Kind.DECISION):
            self.told.mocked[place] = "assumed"
            self._config(node, records, secrets)
            return _assumed(node)
        outcome = NodeCall.run(self, node, records)
        return Result({"until": outcome.until.isoformat()}) if isinstance(outcome, WaitUntil) else outcome

    def _values(self, node: Node) -> Mapping[str, str]:
        """No secret is read for a trial that has no effect; only whether there is one."""
        self.told.missing_secrets.update(node.secrets.keys() - self.stored_secrets)
        return dict.fromkeys(node.secrets, MASK)


def _assumed(node: Node) -> Result:
    if node.type.kind is Kind.DECISION:
        decision = node.type.handles[0]
        return Result({"decision": decision, "data": None, "decided_by": None}, decision)
    return Result(None)
