"""What users do with runs: start them and read what every node did."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.aws.step_functions import StepFunctions
from chalicelib.db import Database
from chalicelib.errors import TooLargeError
from chalicelib.jsontext import to_text
from chalicelib.observability import logger
from chalicelib.requests import Page
from chalicelib.settings import Settings
from chalicelib.workflows.service import WorkflowService

from .repository import RunRepository
from .schemas import Execute, NewRun, RunDetail


class RunService:
    """Use cases of runs. All raise NotFoundError for ids of another workspace."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        workflows: WorkflowService,
        step_functions: StepFunctions,
    ) -> None:
        self._database = database
        self._settings = settings
        self._workflows = workflows
        self._step_functions = step_functions

    def execute(self, workspace_id: UUID, workflow_id: UUID, user_id: UUID, request: Execute) -> RunDetail:
        """Accept a run of the current version and start it. Raises TooLargeError for the input."""
        size = len(to_text(request.input).encode())
        if size > (limit := self._settings.max_input_bytes):
            raise TooLargeError(f"the input has {size:,} bytes; at most {limit:,} are allowed")
        with self._database.connection() as connection:
            run = RunRepository(connection).insert(workspace_id, workflow_id, request.input, "manual", user_id)
        self._start(run, name=str(run["id"]))
        return self.get(workspace_id, workflow_id, run["id"])

    def get(self, workspace_id: UUID, workflow_id: UUID, run_id: UUID) -> RunDetail:
        """A run with the results of all its nodes as they are now."""
        with self._database.connection() as connection:
            return RunRepository(connection).get(workspace_id, workflow_id, run_id)

    def list_runs(self, workspace_id: UUID, workflow_id: UUID, page: Page, status: str | None) -> dict[str, Any]:
        """A page of runs without what may be large."""
        with self._database.connection() as connection:
            self._workflows.require(connection, workspace_id, workflow_id)
            rows = RunRepository(connection).list_runs(workspace_id, workflow_id, page, status)
        return page.answer([dict(row) for row in rows], "started_at")

    def _start(self, run: NewRun, name: str) -> None:
        """The run's id names the execution, so that starting twice is starting once."""
        plan = self._workflows.plan(run["version_id"])
        machine = plan.state_machine(self._settings.run_unit_function)
        ids = {"run_id": str(run["id"]), "version_id": str(run["version_id"])}
        arn = self._step_functions.start(machine, name, ids)
        with self._database.connection() as connection:
            RunRepository(connection).mark_running(run["id"], arn)
        logger.info("run started", run_id=ids["run_id"], workflow_id=str(run["workflow_id"]), execution=arn)
