"""What users try before they save or run: one node, with its effects, and a whole graph, without any."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

from chalicelib.compiler.terms import Kind
from chalicelib.compiler.words import listed
from chalicelib.errors import InvalidError
from chalicelib.execution.node_call import NodeCall, Surroundings
from chalicelib.node_contract import DecisionWanted, EachOf, NodeFailure, NodeOutcome, Result, RunWanted, WaitUntil
from chalicelib.paging import MAX_LIMIT
from chalicelib.runs.state import NodeRecord, RunState

from .dry_run import DryRun
from .given import as_mock, checked
from .mocks import Mock, MockedCall, Mocks, Told
from .one_node import drawn_alone
from .recordings import Recording, Recordings
from .schemas import DryRunRequest, GivenResult, NodeTest, TriedNode, Walked

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Node
    from chalicelib.runs.results import NodeError, NodeStatus
    from chalicelib.secrets.service import SecretService
    from chalicelib.workflows.service import WorkflowService

MAX_SECONDS = 25
"""How long a trial may take: API Gateway waits 29 seconds (Amazon API Gateway quotas)."""
NO_RECORDING = Recording({}, {}, {})


class TrialService:
    """Use cases of trials. All raise NotFoundError for ids of another workspace."""

    def __init__(
        self,
        workflows: WorkflowService,
        recordings: Recordings,
        surroundings: Surroundings,
        secrets: SecretService,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self.max_seconds = max_seconds
        self._workflows = workflows
        self._recordings = recordings
        self._surroundings = surroundings
        self._secrets = secrets

    def dry_run(self, workspace_id: UUID, workflow_id: UUID | None, request: DryRunRequest, user_id: UUID) -> Walked:
        """Walk a graph. Raises InvalidError or MalformedError for a graph that can't run."""
        drawn = request.graph_definition or self._drawn(workspace_id, workflow_id, request.version)
        graph = self._workflows.check(workspace_id, workflow_id, drawn)
        recording = self._recording(workspace_id, workflow_id, request.run_id)
        run_input = request.input if "input" in request.model_fields_set else recording.input
        mocks = Mocks(checked(graph, request.mocks), _mocks(recording.results))
        state = RunState(_run(workspace_id, workflow_id, run_input, user_id), {})
        calls = NodeCall.of_run(graph, state, graph.secrets, self._surroundings)
        stored = self._secrets.stored(workspace_id, graph.secrets)
        return DryRun(MockedCall.of_call(calls, mocks, Told(), stored), self.max_seconds).run()

    def test_node(self, workspace_id: UUID, workflow_id: UUID | None, test: NodeTest, user_id: UUID) -> TriedNode:
        """Run one node once. Raises InvalidError or MalformedError for a node that can't run."""
        drawn = test.node or self._node(workspace_id, workflow_id, test.node_id)
        recording = self._recording(workspace_id, workflow_id, test.run_id)
        before = _records(recording.around(test.path), test.nodes)
        item = _item(test, drawn, recording)
        is_item = test.model_fields_set & {"item", "index"} or test.path
        known = before.keys() | self._mentioned(workspace_id, workflow_id, drawn)
        alone = drawn_alone(drawn, sorted(known), is_item=bool(is_item))
        graph = self._workflows.check(workspace_id, workflow_id, alone)
        node = graph.find(str(drawn["id"]))
        _check_given(node, before)
        run_input = test.input if "input" in test.model_fields_set else recording.input
        index = test.index if test.index is not None else _last(test.path)
        state = RunState(_run(workspace_id, workflow_id, run_input, user_id), {}, item, index)
        calls = NodeCall.of_run(graph.scope(graph.container_of(node.id)), state, graph.secrets, self._surroundings)
        return _tried(calls, _hurried(node), before)

    def _drawn(self, workspace_id: UUID, workflow_id: UUID | None, version: int | None) -> dict[str, Any]:
        if workflow_id is None:
            raise _invalid("graph_definition", "send the graph, or ask a workflow to walk its own")
        if version is None:
            return self._workflows.get(workspace_id, workflow_id)["graph_definition"]
        found: dict[str, Any] = self._workflows.get_version(workspace_id, workflow_id, version)["graph_definition"]
        return found

    def _node(self, workspace_id: UUID, workflow_id: UUID | None, node_id: str | None) -> dict[str, Any]:
        if workflow_id is None or node_id is None:
            raise _invalid("node", "send the node, or ask a workflow and send the node_id of one of its own")
        for node in self._drawn(workspace_id, workflow_id, None)["nodes"]:
            if node["id"] == node_id:
                return dict(node)
        raise _invalid("node_id", f"the workflow has no node {node_id[:100]}")

    def _mentioned(self, workspace_id: UUID, workflow_id: UUID | None, drawn: Mapping[str, Any]) -> set[str]:
        """The nodes of the workflow that a node may refer to: they are there, if their results are given or not."""
        if workflow_id is None:
            return set()
        text = str(drawn.get("data"))
        nodes = self._drawn(workspace_id, workflow_id, None)["nodes"]
        return {node["id"] for node in nodes if node["id"] in text}

    def _recording(self, workspace_id: UUID, workflow_id: UUID | None, run_id: UUID | None) -> Recording:
        if run_id is None:
            return NO_RECORDING
        if workflow_id is None:
            raise _invalid("run_id", "a past run is that of a workflow; ask that workflow")
        return self._recordings.get(workspace_id, workflow_id, run_id)


def _tried(calls: NodeCall, node: Node, records: Mapping[str, NodeRecord]) -> TriedNode:
    began = time.perf_counter()
    try:
        told = _outcome(calls.run(node, records))
    except NodeFailure as failure:
        told = _shown("failed", None, error=cast("NodeError", failure.as_json()))
    told["seconds"] = round(time.perf_counter() - began, 3)
    return told


def _outcome(outcome: NodeOutcome) -> TriedNode:
    match outcome:
        case Result(output, branch):
            return _shown("succeeded", output, None if branch == "out" else branch)
        case WaitUntil(until):
            return _shown("waiting", {"until": until.isoformat()})
        case EachOf(items):
            return _shown("running", {"items": list(items)})
        case DecisionWanted(message, timeout_seconds):
            return _shown("waiting", {"message": message, "timeout_seconds": timeout_seconds})
        case RunWanted(workflow_id, version, run_input, _):
            return _shown("waiting", {"workflow_id": str(workflow_id), "version": version, "input": run_input})


def _shown(status: NodeStatus, output: Any, branch: str | None = None, error: NodeError | None = None) -> TriedNode:
    return TriedNode(status=status, output=output, error=error, branch=branch, seconds=0)


def _hurried(node: Node) -> Node:
    if node.type.kind is not Kind.IO:
        return node
    return replace(node, timeout_seconds=min(MAX_SECONDS, node.timeout_seconds or node.type.default_timeout_seconds))


def _run(workspace_id: UUID, workflow_id: UUID | None, run_input: Any, user_id: UUID) -> dict[str, Any]:
    """What a run would be whose nodes are tried."""
    return {
        "id": uuid4(),
        "workflow_id": workflow_id,
        "workspace_id": workspace_id,
        "version": None,
        "trigger": "trial",
        "triggered_by": user_id,
        "started_at": datetime.now(UTC),
        "status": "running",
        "input": run_input,
    }


def _mocks(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Mock]:
    return {
        place: Mock(result["output"], result["branch"], result["error"])
        for place, result in results.items()
        if result["status"] in ("succeeded", "failed")
    }


def _record(node_id: str, mock: Mock) -> NodeRecord:
    status: NodeStatus = "failed" if mock.error else "succeeded"
    return NodeRecord(node_id, status, output=mock.output, error=mock.error, branch=mock.branch)


def _records(results: Mapping[str, Mapping[str, Any]], given: Mapping[str, GivenResult]) -> dict[str, NodeRecord]:
    """What is known of the nodes before the one that is tried."""
    skipped = {key: NodeRecord(key, "skipped") for key, result in results.items() if result["status"] == "skipped"}
    mocks = _mocks(results) | {key: as_mock(each) for key, each in given.items()}
    return skipped | {key: _record(key, mock) for key, mock in mocks.items()}


def _item(test: NodeTest, drawn: Mapping[str, Any], recording: Recording) -> Any:
    if "item" in test.model_fields_set or not test.path:
        return test.item
    if items := recording.items_at(test.path, drawn.get("parentId")):
        return items[0]
    raise _invalid("path", f"there is no item {test.path} among the first {MAX_LIMIT} of the run; send the item")


def _check_given(node: Node, before: Mapping[str, NodeRecord]) -> None:
    """Raises InvalidError for a node whose expressions take results that are not there."""
    named = (reference.node_id for _, each in node.config.expressions for reference in each.names.references)
    if missing := sorted(set(named) - before.keys()):
        raise _invalid(
            "nodes", f"no result was given of node {listed(missing)}; send it in nodes, or a run_id that has it"
        )


def _last(path: str) -> int | None:
    return int(path.split("/")[-2]) if path else None


def _invalid(path: str, message: str) -> InvalidError:
    return InvalidError(message, [{"code": f"bad_{path}", "message": message, "path": path}])
