"""What users do with runs: start them and read what every node did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from chalicelib.errors import ConflictError, NotFoundError, TooLargeError, UnavailableError
from chalicelib.jsontext import to_text
from chalicelib.observability import logger

from .acceptance import accept
from .dispatcher import AFTER_AN_END
from .ending import end_early, readable
from .executions import Executions, ended_how
from .items import ItemRepository
from .listing import RunListRepository
from .repository import RunRepository
from .retries import plan_reuse
from .schemas import ItemsOfRetry, Retried, RetryPreview, RunDetail, RunRow
from .state import NewRun, PinnedRun

if TYPE_CHECKING:
    from chalicelib.db import Database
    from chalicelib.paging import Page, Paged, PathPage
    from chalicelib.settings import Settings
    from chalicelib.workflows.schemas import VersionRow
    from chalicelib.workflows.service import WorkflowService

    from .dispatcher import Dispatcher
    from .results import ItemRow
    from .reuse import Reuse


class RunService:
    """Use cases of runs. All raise NotFoundError for ids of another workspace."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        workflows: WorkflowService,
        executions: Executions,
        dispatcher: Dispatcher,
    ) -> None:
        self._database = database
        self._settings = settings
        self._workflows = workflows
        self._executions = executions
        self._dispatcher = dispatcher

    def execute(self, workspace_id: UUID, workflow_id: UUID, new: NewRun) -> RunDetail:
        """Accept a run of the current version and start it; the same run again for an idempotency key that is taken.

        What has no place, or can't be started now, stays `pending` until the dispatcher or the reconciler starts it;
        what the workflow is to skip is `cancelled` at once. Raises TooLargeError for the input, ConflictError for a
        key that came with another request.
        """
        run_id = self.start(workspace_id, workflow_id, new)
        if run_id is None:
            run_id = self._same_run(workflow_id, new)
        return self.get(workspace_id, workflow_id, run_id)

    def start(self, workspace_id: UUID, workflow_id: UUID, new: NewRun) -> UUID | None:
        """Accept a run of the current version and start it, as `execute` does; None where there is one already for its
        key or its fire."""
        size = len(to_text(new.input).encode())
        if size > (limit := self._settings.max_input_bytes):
            raise TooLargeError(f"the input has {size:,} bytes; at most {limit:,} are allowed")
        version = self._workflows.current_version(workspace_id, workflow_id)
        graph = self._workflows.plan(version["id"]).graph
        with self._database.transaction() as connection:
            run_id = accept(connection, workspace_id, PinnedRun(version, graph, new))
        if run_id:
            self._dispatcher.dispatch(at_most=1)
        return run_id

    def _same_run(self, workflow_id: UUID, new: NewRun) -> UUID:
        with self._database.connection() as connection:
            run_id, request_hash = RunRepository(connection).get_by_key(workflow_id, new.idempotency_key)
        if request_hash != new.request_hash:
            raise ConflictError(
                f"the Idempotency-Key was used with another input, by run {run_id}",
                [{"code": "idempotency_key_reused", "message": "send another key", "path": "Idempotency-Key"}],
            )
        return run_id

    def find_by_key(self, workflow_id: UUID, key: str) -> UUID | None:
        """The run that was started with this key within a day."""
        with self._database.connection() as connection:
            return RunRepository(connection).find_by_key(workflow_id, key)

    def get(self, workspace_id: UUID, workflow_id: UUID, run_id: UUID) -> RunDetail:
        """A run with the results of all its nodes as they are now."""
        with self._database.connection() as connection:
            return RunRepository(connection).get(workspace_id, workflow_id, run_id)

    def find(self, workspace_id: UUID, run_id: UUID) -> RunDetail:
        """The same for who does not know of which workflow it is."""
        with self._database.connection() as connection:
            workflow_id = RunListRepository(connection).get_workflow_id(workspace_id, run_id)
            return RunRepository(connection).get(workspace_id, workflow_id, run_id)

    def list_runs(self, workspace_id: UUID, workflow_id: UUID, page: Page, status: str | None) -> Paged[RunRow]:
        """A page of runs without what may be large."""
        with self._database.connection() as connection:
            self._workflows.require(connection, workspace_id, workflow_id)
            rows = RunListRepository(connection).list_runs(workspace_id, page, status, workflow_id)
        return page.answer(rows, "started_at")

    def list_all_runs(self, workspace_id: UUID, page: Page, status: str | None) -> Paged[RunRow]:
        """A page of the runs of all workflows."""
        with self._database.connection() as connection:
            rows = RunListRepository(connection).list_runs(workspace_id, page, status)
        return page.answer(rows, "started_at")

    def list_items(
        self, workspace_id: UUID, workflow_id: UUID, run_id: UUID, container: str, page: PathPage
    ) -> Paged[ItemRow]:
        """A page of the items of a container, in their order, with what every node right in it did for each.

        Raises NotFoundError also where the run has no such container.
        """
        with self._database.connection() as connection:
            version_id = RunRepository(connection).get_version_id(workspace_id, workflow_id, run_id)
        try:
            self._workflows.plan(version_id).graph.scope(container)
        except KeyError:
            raise NotFoundError(f"run {run_id} has no container {container}") from None
        with self._database.connection() as connection:
            return page.answer(ItemRepository(connection).list_page(run_id, container, page))

    def cancel(self, workspace_id: UUID, workflow_id: UUID, run_id: UUID, by: UUID, reason: str | None) -> RunDetail:
        """End a run now: nodes in flight are cancelled, and nothing begins any more. Raises ConflictError where it has
        ended already."""
        with self._database.connection() as connection:
            version_id = RunRepository(connection).get_version_id(workspace_id, workflow_id, run_id)
        graph, message = readable(self._workflows.plan, version_id), f"cancelled: {reason}" if reason else "cancelled"
        with self._database.transaction() as connection:
            is_ended = end_early(connection, graph, run_id, "cancelled", lambda _: message, by)
        run = self.get(workspace_id, workflow_id, run_id)
        if not is_ended:
            raise ConflictError(f"run {run_id} has ended already; it {ended_how(run)}")
        try:
            self._executions.stop(run_id)
        except UnavailableError:
            logger.exception("run cancelled, its execution not stopped yet", run_id=str(run_id))
        self._dispatcher.dispatch(at_most=AFTER_AN_END)
        return run

    def preview_retry(
        self, workspace_id: UUID, workflow_id: UUID, run_id: UUID, version: int | Literal["current"] | None
    ) -> RetryPreview:
        """What `retry` would do. Raises as it does."""
        return self._plan_retry(workspace_id, workflow_id, run_id, version).preview

    def retry(
        self,
        workspace_id: UUID,
        workflow_id: UUID,
        run_id: UUID,
        version: int | Literal["current"] | None,
        by: UUID,
        key: str | None = None,
    ) -> Retried:
        """Go on from what failed in a new run, on the run's version or another: the new run, with `run_again`.

        Results of nodes whose meaning and inputs did not change are taken over. Raises ConflictError for a run that
        goes on, succeeded, or is being retried; NotFoundError for a version that is not there.
        """
        planned = self._plan_retry(workspace_id, workflow_id, run_id, version)
        run, reuse, preview = planned.run, planned.reuse, planned.preview
        asked = {"retry_of": str(run_id), "version": version}
        new = NewRun(run["input"], "retry", by, key, run_id, preview["reused"], asked)
        with self._database.transaction() as connection:
            repository = RunRepository(connection)
            other = repository.find_retry_going_on(repository.lock_first(run_id))
            retry_id = accept(connection, workspace_id, PinnedRun(planned.version, reuse.graph, new, reuse))
            if retry_id and other:
                raise ConflictError(f"run {other} goes on from it already; cancel that one first, or wait for its end")
        if retry_id is None:
            retry_id = self._same_run(workflow_id, new)
        self._dispatcher.dispatch(at_most=1)
        run = self.get(workspace_id, workflow_id, retry_id)
        return {**run, "run_again": preview["run_again"], "items": preview["items"]}

    def _plan_retry(
        self, workspace_id: UUID, workflow_id: UUID, run_id: UUID, number: int | Literal["current"] | None
    ) -> _PlannedRetry:
        run = self.get(workspace_id, workflow_id, run_id)
        if run["status"] not in ("failed", "cancelled", "timed_out"):
            why = "it succeeded" if run["status"] == "succeeded" else "it goes on; cancel it first"
            raise ConflictError(f"run {run_id} can't be retried: {why}")
        if number == "current":
            number = self._workflows.current_version(workspace_id, workflow_id)["version"]
        version, reuse = plan_reuse(self._workflows, run, number)
        reused, run_again = reuse.split(run["node_results"])
        items = self._split_items(run_id, reuse, run_again)
        preview = RetryPreview(
            run_id=run_id, version=version["version"], reused=reused, run_again=run_again, items=items
        )
        return _PlannedRetry(run, version, reuse, preview)

    def _split_items(self, run_id: UUID, reuse: Reuse, run_again: list[str]) -> dict[str, ItemsOfRetry]:
        going_on = [node_id for node_id in run_again if node_id in reuse.graph.bodies and node_id in reuse.same_items]
        with self._database.connection() as connection:
            counts = ItemRepository(connection).count(run_id, going_on)
        split = {}
        for container, by_status in counts.items():
            kept = reuse.kept_items(reuse.graph.nodes[container])
            reused = sum(number for status, number in by_status.items() if status in kept)
            split[container] = ItemsOfRetry(reused=reused, run_again=sum(by_status.values()) - reused)
        return split


@dataclass(frozen=True, slots=True)
class _PlannedRetry:
    run: RunDetail
    version: VersionRow
    reuse: Reuse
    preview: RetryPreview
