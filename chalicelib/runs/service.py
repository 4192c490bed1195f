"""What users do with runs: start them and read what every node did."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.aws.step_functions import StepFunctions
from chalicelib.db import Database
from chalicelib.errors import StepgraphError, TooLargeError, UnavailableError
from chalicelib.jsontext import to_text
from chalicelib.observability import logger
from chalicelib.requests import Page
from chalicelib.settings import Settings
from chalicelib.workflows.service import WorkflowService

from .repository import RunRepository
from .schemas import Execute, RunDetail, StartableRun, UnfinishedRun


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
        """Accept a run of the current version and start it. Raises TooLargeError for the input.

        What can't be started now stays `pending`, and is started when runs are resumed.
        """
        size = len(to_text(request.input).encode())
        if size > (limit := self._settings.max_input_bytes):
            raise TooLargeError(f"the input has {size:,} bytes; at most {limit:,} are allowed")
        version = self._workflows.current_version(workspace_id, workflow_id)
        self._workflows.plan(version["id"])
        with self._database.connection() as connection:
            run = RunRepository(connection).insert(workspace_id, version, request.input, "manual", user_id)
        try:
            self._start(run, str(run["id"]))
        except UnavailableError:
            logger.exception("run accepted, not started yet", run_id=str(run["id"]))
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

    def resume_unfinished(self) -> list[UUID]:
        """Start every run anew whose execution is gone, or never was; the ids of those.

        Nodes that were decided are passed over, and waits end at their first time.
        """
        with self._database.connection() as connection:
            unfinished = RunRepository(connection).list_unfinished()
        return [run["id"] for run in unfinished if not self._is_running(run) and self._resume(run)]

    def _is_running(self, run: UnfinishedRun) -> bool:
        arn = run["execution_arn"]
        return arn is not None and self._step_functions.is_running(arn)

    def _resume(self, run: UnfinishedRun) -> bool:
        """One run that can't be started must not keep the others from it."""
        try:
            self._start(run, _next_execution(run))
        except StepgraphError:
            logger.exception("run not resumed", run_id=str(run["id"]))
            return False
        return True

    def _start(self, run: StartableRun, name: str) -> None:
        """The run's id names the execution, so that starting twice is starting once."""
        plan = self._workflows.plan(run["version_id"])
        machine = plan.state_machine(self._settings.run_unit_function, self._settings.state_machine_role_arn)
        ids = {"run_id": str(run["id"]), "version_id": str(run["version_id"])}
        arn = self._step_functions.start(machine, name, ids)
        with self._database.connection() as connection:
            RunRepository(connection).mark_running(run["id"], arn)
        logger.info("run started", run_id=ids["run_id"], workflow_id=str(run["workflow_id"]), execution=arn)


def _next_execution(run: UnfinishedRun) -> str:
    """`<run id>` for the first execution of a run, `<run id>-<n>` for those after it."""
    run_id, arn = str(run["id"]), run["execution_arn"]
    if arn is None:
        return run_id
    _, _, count = arn.rpartition(":")[2].partition(f"{run_id}-")
    return f"{run_id}-{int(count or 0) + 1}"
