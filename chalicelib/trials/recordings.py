"""What past runs gave, as trials take it over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chalicelib.paging import MAX_LIMIT, PathPage

if TYPE_CHECKING:
    from chalicelib.runs.service import RunService
    from chalicelib.workflows.service import WorkflowService


@dataclass(frozen=True, slots=True)
class Recording:
    """The input of a run, its node results by path and id (`ask`, `3/ask`), and its items by their container and
    path (`3/`)."""

    input: Any
    results: Mapping[str, Mapping[str, Any]]
    items: Mapping[tuple[str, str], Any]

    def items_at(self, path: str, container: str | None) -> list[Any]:
        """The item of a container at a path, or of each where none is named."""
        return [item for (of, at), item in self.items.items() if at == path and container in (None, of)]

    def around(self, path: str) -> dict[str, Mapping[str, Any]]:
        """The results of the nodes in and around an item, by their ids."""
        steps = path.split("/")[:-1]
        found: dict[str, Mapping[str, Any]] = {}
        for depth in range(len(steps) + 1):
            prefix = "".join(f"{step}/" for step in steps[:depth])
            found |= {
                place.removeprefix(prefix): result
                for place, result in self.results.items()
                if place.startswith(prefix) and "/" not in place.removeprefix(prefix)
            }
        return found


class Recordings:
    """Reads past runs."""

    def __init__(self, workflows: WorkflowService, runs: RunService) -> None:
        self._workflows = workflows
        self._runs = runs

    def get(self, workspace_id: UUID, workflow_id: UUID, run_id: UUID) -> Recording:
        """A run; of each of its containers the first items only. Raises NotFoundError."""
        run = self._runs.get(workspace_id, workflow_id, run_id)
        version = self._workflows.get_version(workspace_id, workflow_id, run["version"])
        containers = [node.id for node in self._workflows.plan(version["id"]).graph.walk() if node.each]
        results: dict[str, Any] = dict(run["node_results"])
        items: dict[tuple[str, str], Any] = {}
        for container in containers:
            page = PathPage(limit=MAX_LIMIT)
            found = self._runs.list_items(workspace_id, workflow_id, run_id, container, page)
            for item in found["items"]:
                path = "".join(f"{step}/" for step in item["path"])
                items[container, path] = item["item"]
                results |= {f"{path}{node_id}": result for node_id, result in item["node_results"].items()}
        return Recording(run["input"], results, items)
