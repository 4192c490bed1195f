"""Runs that a node asks for: of which version, with what, and whether they may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from chalicelib.errors import InvalidError, MalformedError, NotFoundError
from chalicelib.jsontext import to_text
from chalicelib.node_contract import NodeFailure, RunWanted

from .children import ChildRepository
from .state import NewRun, Parent, PinnedRun

if TYPE_CHECKING:
    from chalicelib.db import Database
    from chalicelib.settings import Settings
    from chalicelib.workflows.schemas import VersionRow
    from chalicelib.workflows.service import WorkflowService

TRIGGER = "sub_workflow"


class SubRuns:
    """Pins what nodes of kind RUN ask for."""

    def __init__(self, database: Database, settings: Settings, workflows: WorkflowService) -> None:
        self._database = database
        self._settings = settings
        self._workflows = workflows

    def pin(self, run: Mapping[str, Any], parent: Parent, wanted: RunWanted) -> PinnedRun:
        """The run that a node asks for, of the version that is current now where it names none; `run` is its own.

        Raises NodeFailure for a workflow or a version that is not there, one that would run itself, one too deep, an
        input that is too large.
        """
        self._check_line(wanted, parent)
        size = len(to_text(wanted.input).encode())
        if size > (limit := self._settings.max_input_bytes):
            raise NodeFailure("input_too_large", f"the input has {size:,} bytes; at most {limit:,} are allowed")
        try:
            version = self._version(run["workspace_id"], wanted)
            graph = self._workflows.plan(version["id"]).graph
        except (NotFoundError, InvalidError, MalformedError) as error:
            raise NodeFailure("no_workflow", error.detail) from None
        return PinnedRun(version, graph, NewRun(wanted.input, TRIGGER, run["triggered_by"], parent=parent))

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
