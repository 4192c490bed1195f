"""Runs that a node asks for: of which version, with what, and whether they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from chalicelib.errors import InvalidError, MalformedError, NotFoundError
from chalicelib.jsontext import to_text
from chalicelib.node_contract import NodeFailure, RunWanted

from .children import ChildRepository
from .repository import RunRepository
from .retries import plan_reuse
from .state import NewRun, Parent, PinnedRun

if TYPE_CHECKING:
    from chalicelib.db import Database
    from chalicelib.settings import Settings
    from chalicelib.workflows.schemas import VersionRow
    from chalicelib.workflows.service import WorkflowService

    from .schemas import RunDetail

TRIGGER = "sub_workflow"


class SubRuns:
    """Pins what nodes of kind RUN ask for."""

    def __init__(self, database: Database, settings: Settings, workflows: WorkflowService) -> None:
        self._database = database
        self._settings = settings
        self._workflows = workflows

    def pin(self, run: Mapping[str, Any], parent: Parent, wanted: RunWanted) -> PinnedRun:
        """The run that a node asks for, of the version that is current now where it names none; `run` is its own.

        In a retry it goes on from the run that the node had started before, if that one is over and was for the same.

        Raises NodeFailure for a workflow or a version that is not there, one that would run itself, one too deep, an
        input that is too large.
        """
        self._check_line(wanted, parent)
        size = len(to_text(wanted.input).encode())
        if size > (limit := self._settings.max_input_bytes):
            raise NodeFailure("input_too_large", f"the input has {size:,} bytes; at most {limit:,} are allowed")
        before = self._find_before(run, parent, wanted) if run["retry_of"] else None
        new = NewRun(wanted.input, TRIGGER, run["triggered_by"], parent=parent)
        try:
            version = self._version(run["workspace_id"], wanted)
            if before is None:
                return PinnedRun(version, self._workflows.plan(version["id"]).graph, new)
            _, reuse = plan_reuse(self._workflows, before, version["version"])
        except (NotFoundError, InvalidError, MalformedError) as error:
            raise NodeFailure("no_workflow", error.detail) from None
        reused, _ = reuse.split(before["node_results"])
        return PinnedRun(version, reuse.graph, replace(new, retry_of=before["id"], reused=reused), reuse)

    def _find_before(self, run: Mapping[str, Any], parent: Parent, wanted: RunWanted) -> RunDetail | None:
        with self._database.connection() as connection:
            found = ChildRepository(connection).find_before(parent, wanted.workflow_id, wanted.input)
            return RunRepository(connection).get(run["workspace_id"], wanted.workflow_id, found) if found else None

    def _version(self, workspace_id: UUID, wanted: RunWanted) -> VersionRow:
        if wanted.version is None:
            return self._workflows.current_version(workspace_id, wanted.workflow_id)
        return cast("VersionRow", self._workflows.get_version(workspace_id, wanted.workflow_id, wanted.version))

    def _check_line(self, wanted: RunWanted, parent: Parent) -> None:
        with self._database.connection() as connection:
            line = ChildRepository(connection).list_line(parent.run_id)
        ids = [each["id"] for each in line]
        if wanted.workflow_id in ids:
            names = [f'"{each["name"]}"' for each in line[ids.index(wanted.workflow_id) :: -1]]
            raise NodeFailure("workflow_cycle", f"a workflow would run itself: {' → '.join([*names, names[0]])}")
        if len(line) > (limit := self._settings.max_sub_workflow_depth):
            raise NodeFailure("too_deep", f"sub-workflows run in one another at most {limit} deep")
