"""Nodes of a run, or of an item, one after another: which are due, what they give, what dies with them.

Steps may be made again at any time (a retry, a second delivery, a new execution of the same run): nodes that are
decided, or begun, are passed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.compiler.states import PLATFORM_ATTEMPTS
from chalicelib.compiler.terms import ERROR_HANDLE
from chalicelib.jsontext import escaped
from chalicelib.node_contract import DecisionWanted, EachOf, NodeFailure, Result, RunWanted, WaitUntil
from chalicelib.observability import about, logger
from chalicelib.runs.settlement import dead_paths, is_due
from chalicelib.runs.state import NodeRecord, PinnedRun

from .verdicts import NodeFailed, RetryNode

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph, Node

    from .node_call import NodeCall


class Overtaken(Exception):  # noqa: N818
    """Another call of the same unit was faster; what it wrote is to be read anew."""


class Steps:
    """Runs nodes of a graph or a body on the records so far. `announce` is told of an attempt before it takes its
    time, and before it waits for the next one."""

    def __init__(
        self,
        graph: Graph,
        path: str,
        records: Mapping[str, NodeRecord],
        calls: NodeCall,
        announce: Callable[[NodeRecord], None],
    ) -> None:
        self.records = dict(records)
        self.unsaved: list[NodeRecord] = []
        self.items: dict[str, Sequence[Any]] = {}
        """What the containers that were begun run for."""
        self.runs: dict[str, PinnedRun] = {}
        """The runs that the nodes that were begun wait for."""
        self._graph = graph
        self._path = path
        self._calls = calls
        self._announce = announce

    def run(self, node: Node) -> None:
        """Run a node if it is due. Raises NodeFailed, also where it had failed already, or RetryNode."""
        before = self.records.get(node.id)
        if before and (before.decided(node) or before.begun(node)):
            return
        if before and before.status == "failed":
            raise NodeFailed(node.id)
        now = datetime.now(UTC)
        if not is_due(self._graph, node, self.records):
            self._record(NodeRecord(node.id, "skipped", self._path, completed_at=now))
            return
        attempts = before.attempts if before else 0
        attempt = NodeRecord(node.id, "running", self._path, started_at=now, attempts=attempts + 1)
        if node.is_anchor:
            self._record(attempt)
            self._announce(attempt)
        with about(node_id=node.id):
            try:
                self._record(self._attempt(node, attempt))
            except NodeFailure as failure:
                self.fail(node, attempt, failure)

    def succeed(self, attempt: NodeRecord, output: Any) -> None:
        """A node that was begun has ended well."""
        self._record(replace(attempt, status="succeeded", completed_at=datetime.now(UTC), output=output))

    def fail(self, node: Node, attempt: NodeRecord, failure: NodeFailure) -> None:
        """An attempt failed. Raises RetryNode where another may be made, and NodeFailed where nothing goes on."""
        error = escaped(failure.as_json())
        again = node.is_anchor and attempt.attempts < node.max_attempts
        if node.is_anchor:
            logger.info("attempt failed", node_id=node.id, attempt=attempt.attempts, code=failure.code)
        if again and (failure.retryable or node.retry is not None):
            self._record(failed := replace(attempt, error=error))
            if failure.wait_seconds:
                self._announce(failed)
                time.sleep(failure.wait_seconds)
            raise RetryNode(node.id)
        branch = ERROR_HANDLE if node.on_error == "branch" else None
        now = datetime.now(UTC)
        self._record(replace(attempt, status="failed", completed_at=now, error=error, branch=branch))
        if node.on_error == "fail":
            raise NodeFailed(node.id)

    def skip_dead(self, nodes: Iterable[str]) -> None:
        """Decide at once what is dead by these nodes: a Choice may pass it by, and then no one else would."""
        now = datetime.now(UTC)
        for node_id in list(dead_paths(self._graph, nodes, self.records)):
            self._record(NodeRecord(node_id, "skipped", self._path, completed_at=now))

    def _record(self, record: NodeRecord) -> None:
        self.records[record.node_id] = record
        self.unsaved.append(record)

    def _attempt(self, node: Node, attempt: NodeRecord) -> NodeRecord:
        """The record of an attempt that went well. Raises NodeFailure."""
        if attempt.attempts >= node.max_attempts + PLATFORM_ATTEMPTS:
            died = attempt.attempts - 1
            raise NodeFailure("worker_died", f"the worker that ran it died {died} times without an answer")
        result = self._calls.run(node, self.records)
        if isinstance(result, WaitUntil):
            return replace(attempt, status="waiting", output={"until": _timestamp(result.until)})
        if isinstance(result, EachOf):
            self.items[node.id] = result.items
            return attempt
        if isinstance(result, DecisionWanted):
            decisions = [handle for handle in node.type.handles if handle != ERROR_HANDLE]
            return _waiting(attempt, result.timeout_seconds, message=result.message, decisions=decisions)
        if isinstance(result, RunWanted):
            self.runs[node.id] = pinned = self._calls.pin(self._path, node, result)
            version = pinned.version
            ids = {"run_id": str(pinned.new.id), "workflow_id": str(version["workflow_id"])}
            return _waiting(attempt, result.timeout_seconds, **ids, version=version["version"])
        return _succeeded(attempt, result)


def _waiting(attempt: NodeRecord, timeout_seconds: float, **shown: Any) -> NodeRecord:
    """The record of a node that waits for its answer, until a time that a resumption keeps."""
    assert attempt.started_at is not None
    until = attempt.started_at + timedelta(seconds=timeout_seconds)
    return replace(attempt, status="waiting", output={**shown, "expires_at": _timestamp(until)})


def _succeeded(attempt: NodeRecord, result: Result) -> NodeRecord:
    branch = None if result.branch == "out" else result.branch
    now = datetime.now(UTC)
    return replace(attempt, status="succeeded", completed_at=now, output=result.output, branch=branch)


def _timestamp(moment: datetime) -> str:
    """As a Wait state takes it: RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
