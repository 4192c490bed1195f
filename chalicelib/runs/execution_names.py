"""How executions are called: by their run, so that each tells whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from .state import UnfinishedRun

UUID_LENGTH = 36


def next_name(run: UnfinishedRun) -> str:
    """Of the run's next execution: its id, and from the second on its number."""
    return f"{run['id']}-{run['executions']}" if run["executions"] else str(run["id"])


def run_of_execution(detail: Mapping[str, Any]) -> UUID | None:
    """The run whose execution ended, from the detail of an "Execution Status Change"; None where it started, or is
    none of ours."""
    if detail["status"] == "RUNNING":
        return None
    try:
        return UUID(detail["name"][:UUID_LENGTH])
    except ValueError:
        return None
