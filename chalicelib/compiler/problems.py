"""What is wrong with a graph: every problem at once, each naming what the user drew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `path` is a JSON path into the graph, such as `nodes[2].data.config.url`."""

    code: str
    message: str
    path: str
    node_id: str | None = None
    edge_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The problem as the API shows it; ids that do not apply are left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}


class GraphRejectedError(Exception):
    """The graph can't be compiled."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' * (count > 1)}: {self.problems[0].message}{'; …' * (count > 1)}")


class MalformedGraphError(GraphRejectedError):
    """The value is not shaped like a React Flow graph."""


class InvalidGraphError(GraphRejectedError):
    """The graph has the right shape and means something impossible."""
