"""Running one node: its config's expressions evaluated with a run's values, its output checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from .compiler.expressions import Expression
from .compiler.graph import Graph, Node
from .compiler.node_type import Context, EachOf, HttpClient, NodeFailure, NodeOutcome, Result, RunWanted, Targets
from .compiler.shape import json_path
from .compiler.template import TemplateError
from .compiler.words import by_field
from .jsontext import first_flaw, iso8601, to_text
from .observability import logger
from .runs.schemas import NodeRecord, Parent, PinnedRun, RunState
from .runs.sub_runs import SubRuns


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the nodes of any run may use."""

    http: HttpClient
    targets: Callable[[UUID], Targets]
    """What those of a workspace reach in the account."""
    sub_runs: SubRuns
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
    surroundings: Surroundings

    @classmethod
    def of_run(cls, graph: Graph, state: RunState, surroundings: Surroundings) -> NodeCall:
        """The calls of a run's nodes."""
        run = state.run
        variables = {
            "id": str(run["id"]),
            "workflow_id": str(run["workflow_id"]),
            "workspace_id": str(run["workspace_id"]),
            "version": run["version"],
            "trigger": run["trigger"],
            "started_at": iso8601(run["started_at"]),
        }
        return cls(graph, run, variables, state.item, state.index, surroundings)

    def run(self, node: Node, records: Mapping[str, NodeRecord]) -> NodeOutcome:
        """Run a node on the results so far. Raises NodeFailure."""
        context = Context(
            run=self.run_variables,
            input=self.of["input"],
            http=self.surroundings.http,
            targets=self.surroundings.targets(self.of["workspace_id"]),
            timeout_seconds=node.timeout_seconds or node.type.default_timeout_seconds,
            now=datetime.now(UTC),
        )
        config = self._config(node, records)
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
            logger.exception("a node broke", node_id=node.id, run_id=self.run_variables["id"])
            raise NodeFailure("node_broke", f"the node broke ({type(error).__name__})") from None
        return result

    def pin(self, path: str, node: Node, wanted: RunWanted) -> PinnedRun:
        """The run that a node asked for, in the run itself or in an item of it. Raises NodeFailure."""
        self.checked(wanted.input)
        return self.surroundings.sub_runs.pin(self.of, Parent(self.of["id"], path, node.id), wanted)

    def rendered(self, node: Node, records: Mapping[str, NodeRecord]) -> Any:
        """A node's config with its expressions evaluated. Raises NodeFailure."""
        try:
            return node.config.render(lambda expression: self._bindings(node, expression, records))
        except TemplateError as error:
            where = f"{error.path}: " if error.path else ""
            raise NodeFailure("expression_failed", f"{where}{error}") from None

    def _config(self, node: Node, records: Mapping[str, NodeRecord]) -> Any:
        config = self.rendered(node, records)
        try:
            return node.type.config.model_validate(config, context={"evaluated": True})
        except ValidationError as error:
            wrong = [f"{json_path(place)} {rule}" for place, rule in by_field(error, config).items()]
            raise NodeFailure("bad_config", f"the config became wrong: {'; '.join(wrong)}") from None

    def _bindings(self, node: Node, expression: Expression, records: Mapping[str, NodeRecord]) -> Mapping[str, Any]:
        """`$input`, `$run`, `$item`, `$index`, and `$nodes` with the nodes that the expression names, or all above."""
        names = expression.names
        named = [reference.node_id for reference in names.references]
        wanted = self.graph.ancestors(node.id) if names.all_nodes else named
        nodes = {
            node_id: {"output": record.output, "status": record.status, "error": record.error}
            for node_id in wanted
            if (record := records.get(node_id))
        }
        values = {"input": self.of["input"], "run": self.run_variables, "nodes": nodes}
        return values | {"item": self.item, "index": self.index} if names.item else values

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
