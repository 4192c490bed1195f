"""What users do with runs: start them and read what every node did."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.aws.step_functions import StepFunctions
from chalicelib.db import Database
from chalicelib.errors import ConflictError, NotFoundError, StepgraphError, TooLargeError, UnavailableError
from chalicelib.jsontext import to_text
from chalicelib.observability import logger
from chalicelib.paging import Page, PathPage
from chalicelib.settings import Settings
from chalicelib.workflows.schemas import VersionRow
from chalicelib.workflows.service import WorkflowService

from .items import ItemRepository
from .repository import RunRepository
from .schemas import NewRun, RunDetail, StartableRun, UnfinishedRun


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

    def execute(self, workspace_id: UUID, workflow_id: UUID, new: NewRun) -> RunDetail:
        """Accept a run of the current version and start it; the same run again for an idempotency key that is taken.

        What can't be started now stays `pending`, and is started when runs are resumed. Raises TooLargeError for the
        input, ConflictError for a key that came with another request.
        """
        size = len(to_text(new.input).encode())
        if size > (limit := self._settings.max_input_bytes):
            raise TooLargeError(f"the input has {size:,} bytes; at most {limit:,} are allowed")
        version = self._workflows.current_version(workspace_id, workflow_id)
        self._workflows.plan(version["id"])
        run = self._insert(workspace_id, version, new)
        if run is None:
            return self.get(workspace_id, workflow_id, self._same_run(workflow_id, new))
        try:
            self._start(run, str(run["id"]))
        except UnavailableError:
            logger.exception("run accepted, not started yet", run_id=str(run["id"]))
        return self.get(workspace_id, workflow_id, run["id"])

    def _insert(self, workspace_id: UUID, version: VersionRow, new: NewRun) -> StartableRun | None:
        with self._database.connection() as connection:
            repository = RunRepository(connection)
            if new.idempotency_key:
                repository.release_key(version["workflow_id"], new.idempotency_key)
            return repository.insert(workspace_id, version, new)

    def _same_run(self, workflow_id: UUID, new: NewRun) -> UUID:
        with self._database.connection() as connection:
            run_id, request_hash = RunRepository(connection).get_by_key(workflow_id, new.idempotency_key)
        if request_hash != new.request_hash:
            raise ConflictError(
                f"the Idempotency-Key was used with another input, by run {run_id}",
                [{"code": "idempotency_key_reused", "message": "send another key", "path": "Idempotency-Key"}],
            )
        return run_id

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

    def list_items(
        self, workspace_id: UUID, workflow_id: UUID, run_id: UUID, container: str, page: PathPage
    ) -> dict[str, Any]:
        """A page of the items of a container, in their order, with what every node right in it did for each.

        Raises NotFoundError also where the run has no such container.
        """
        with self._database.connection() as connection:
            version_id = RunRepository(connection).get_version_id(workspace_id, workflow_id, run_id)
            try:
                self._workflows.plan(version_id).graph.scope(container)
            except KeyError:
                raise NotFoundError(f"run {run_id} has no container {container}") from None
            return page.answer(ItemRepository(connection).list_page(run_id, container, page))

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
        ids = {"run_id": str(run["id"]), "version_id": str(run["version_id"]), "path": ""}
        arn = self._step_functions.start_run(plan, name, ids)
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
