"""Running one node: its config's expressions evaluated with a run's values, its output checked."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError

from chalicelib.compiler.shape import json_path
from chalicelib.compiler.template import TemplateError
from chalicelib.compiler.terms import Kind
from chalicelib.compiler.words import by_field
from chalicelib.jsontext import first_flaw, iso8601, to_text
from chalicelib.node_contract import (
    Context,
    DecisionWanted,
    EachOf,
    HttpClient,
    NodeFailure,
    NodeOutcome,
    Result,
    RunWanted,
    Targets,
    WaitUntil,
)
from chalicelib.observability import logger
from chalicelib.redaction import redaction
from chalicelib.runs.state import NodeRecord, Parent, PinnedRun, RunState

if TYPE_CHECKING:
    from chalicelib.compiler.expressions import Expression
    from chalicelib.compiler.graph import Graph, Node
    from chalicelib.jsonata.sandbox import Sandbox
    from chalicelib.runs.sub_runs import SubRuns


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the nodes of any run may use."""

    http: HttpClient
    targets: Callable[[UUID], Targets]
    """What those of a workspace reach in the account."""
    secrets: Callable[[UUID, Iterable[str]], Mapping[str, str]]
    """The values of those secrets of a workspace that there are."""
    sub_runs: SubRuns
    sandbox: Sandbox
    max_output_bytes: int


@dataclass(frozen=True, slots=True)
class NodeCall:
    """What the nodes of one run have in common."""

    graph: Graph
    of: Mapping[str, Any]
    """The run's columns; see `RunState`."""
    run_variables: Mapping[str, Any]
    item: Any
    index: int | None
    secrets: frozenset[str]
    """Those that any node of the whole graph takes."""
    surroundings: Surroundings

    @classmethod
    def of_run(cls, graph: Graph, state: RunState, secrets: frozenset[str], surroundings: Surroundings) -> NodeCall:
        """The calls of a run's nodes; `graph` may be a part of the whole that `secrets` is of."""
        run = state.run
        variables = {
            "id": str(run["id"]),
            "workflow_id": str(run["workflow_id"]) if run["workflow_id"] else None,
            "workspace_id": str(run["workspace_id"]),
            "version": run["version"],
            "trigger": run["trigger"],
            "started_at": iso8601(run["started_at"]),
        }
        return cls(graph, run, variables, state.item, state.index, secrets, surroundings)

    def run(self, node: Node, records: Mapping[str, NodeRecord]) -> NodeOutcome:
        """Run a node on the results so far; nothing of what comes of it shows the value of a secret.

        Raises NodeFailure, UnavailableError where the values of secrets can't be read now.
        """
        values = self._values(node)
        redacted = redaction(frozenset(values.values())) if values else _as_it_is
        try:
            return _redacted(self._run(node, self._config(node, records, values), redacted), redacted)
        except NodeFailure as failure:
            failure.redact(redacted)
            raise

    def _values(self, node: Node) -> Mapping[str, str]:
        """The secrets that a node takes, and those that it may meet outside, where other nodes took them."""
        met = self.secrets if node.type.kind is Kind.IO else frozenset[str]()
        wanted = met.union(node.secrets)
        values = self.surroundings.secrets(self.of["workspace_id"], wanted) if wanted else {}
        for name, path in node.secrets.items():
            if name not in values:
                message = f'config {path}: the workspace has no secret "{name}"; an owner can store it'
                raise NodeFailure("missing_secret", message, details={"secret": name})
        return values

    def _run(self, node: Node, config: Any, redacted: Callable[[Any], Any]) -> NodeOutcome:
        context = Context(
            run=self.run_variables,
            input=self.of["input"],
            http=self.surroundings.http,
            targets=self.surroundings.targets(self.of["workspace_id"]),
            timeout_seconds=node.timeout_seconds or node.type.default_timeout_seconds,
            now=datetime.now(UTC),
            max_output_bytes=self.surroundings.max_output_bytes,
            redacted=redacted,
        )
        try:
            result = node.type.run(config, context)
            if isinstance(result, Result):
                self.checked(result.output)
            if isinstance(result, EachOf):
                self.checked(list(result.items))
        except NodeFailure:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is
            # Raised on, it would be a dead worker to Step Functions, which calls again and repeats the effect.
            trace = redacted(traceback.format_exc())
            logger.error("a node broke", node_id=node.id, run_id=self.run_variables["id"], trace=trace)
            raise NodeFailure("node_broke", f"the node broke ({type(error).__name__})") from None
        return result

    def pin(self, path: str, node: Node, wanted: RunWanted) -> PinnedRun:
        """The run that a node asked for, in the run itself or in an item of it. Raises NodeFailure."""
        self.checked(wanted.input)
        return self.surroundings.sub_runs.pin(self.of, Parent(self.of["id"], path, node.id), wanted)

    def rendered(self, node: Node, records: Mapping[str, NodeRecord], secrets: Mapping[str, str]) -> Any:
        """A node's config with its expressions evaluated. Raises NodeFailure."""
        try:
            return node.config.render(
                lambda expression: self.surroundings.sandbox.evaluate(
                    expression.source, self._bindings(node, expression, records, secrets)
                )
            )
        except TemplateError as error:
            field = f"config {error.path}".rstrip()
            raise NodeFailure(
                "expression_failed",
                f"{field}: {error}",
                details={"field": error.path, "position": error.position},
            ) from None

    def _config(self, node: Node, records: Mapping[str, NodeRecord], secrets: Mapping[str, str]) -> Any:
        config = self.rendered(node, records, secrets)
        try:
            return node.type.config.model_validate(config, context={"evaluated": True})
        except ValidationError as error:
            wrong = [f"{json_path(place)} {rule}" for place, rule in by_field(error, config).items()]
            raise NodeFailure("bad_config", f"the config became wrong: {'; '.join(wrong)}") from None

    def _bindings(
        self, node: Node, expression: Expression, records: Mapping[str, NodeRecord], secrets: Mapping[str, str]
    ) -> Mapping[str, Any]:
        """What the expression names, no more: of `$nodes` and `$secrets` too, but where it takes `$nodes` whole, all
        above."""
        names = expression.names
        named = [reference.node_id for reference in names.references]
        wanted = self.graph.ancestors(node.id) if names.all_nodes else named
        nodes = {
            node_id: {"output": record.output, "status": record.status, "error": record.error}
            for node_id in wanted
            if (record := records.get(node_id))
        }
        values = {
            "input": self.of["input"],
            "run": self.run_variables,
            "nodes": nodes,
            "secrets": {name: secrets[name] for name in names.secret_names},
            "item": self.item,
            "index": self.index,
        }
        return {name: values[name] for name in names.bound}

    def checked(self, output: Any) -> Any:
        """An output that can be kept. Raises NodeFailure."""
        try:
            text = to_text(output)
        except (TypeError, ValueError, RecursionError) as error:
            raise NodeFailure("output_not_json", f"the output is not JSON: {error}") from None
        if ("\\u0000" in text or not text.isascii()) and (found := first_flaw(output)):
            raise NodeFailure(f"output_{found[0]}", f"the output can't be kept: {found[1]}")
        size = len(text.encode())
        if size > (limit := self.surroundings.max_output_bytes):
            raise NodeFailure("output_too_large", f"the output has {size:,} bytes; at most {limit:,} are kept")
        return output


def _as_it_is(value: Any) -> Any:
    return value


def _redacted(outcome: NodeOutcome, redacted: Callable[[Any], Any]) -> NodeOutcome:
    match outcome:
        case Result():
            return replace(outcome, output=redacted(outcome.output))
        case EachOf():
            return EachOf(redacted(list(outcome.items)))
        case DecisionWanted():
            return replace(outcome, message=redacted(outcome.message))
        case RunWanted():
            return replace(outcome, input=redacted(outcome.input))
        case WaitUntil():
            return outcome
