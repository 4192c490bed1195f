"""The executions of runs on Step Functions: started, resumed and stopped, each any number of times to one effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from chalicelib.aws.step_functions import StepFunctions
from chalicelib.compiler import Plan
from chalicelib.db import Database
from chalicelib.observability import logger

from .gates import GateRepository
from .repository import RunRepository
from .schemas import ClosedGate, UnfinishedRun

UUID_LENGTH = 36


class Executions:
    """`plan` gives the plan of a version by its id."""

    def __init__(self, database: Database, plan: Callable[[UUID], Plan], step_functions: StepFunctions) -> None:
        self._database = database
        self._plan = plan
        self._step_functions = step_functions

    def start(self, run: UnfinishedRun, reason: str | None = None) -> None:
        """Start the next execution of a run, for a reason where it is not the first. Raises UnavailableError.

        Its name is made of the run's id and its number, so that starting twice is starting once.
        """
        ids = {"run_id": str(run["id"]), "version_id": str(run["version_id"]), "path": ""}
        arn = self._step_functions.start_run(self._plan(run["version_id"]), _next_name(run), ids)
        with self._database.connection() as connection:
            RunRepository(connection).mark_started(run["id"], arn, run["executions"] + 1, reason)
        logger.info("run started", run_id=ids["run_id"], workflow_id=str(run["workflow_id"]), execution=arn)

    def resume(self, run: UnfinishedRun, reason: str) -> None:
        """Give a run whose execution is gone a new one. Raises UnavailableError.

        Nodes that were decided are passed over, and waits end at their first time. What the old one left is cleared
        away first, and only as long as the new one is not there: whoever started that has cleared, and its gates are
        needed.
        """
        with self._database.connection() as connection:
            gates = GateRepository(connection).list_all(run["id"])
        if not self._step_functions.is_started(self._plan(run["version_id"]), _next_name(run)):
            self._end_gates(run["id"], gates)
        self.start(run, reason)

    def stop(self, run_id: UUID) -> None:
        """Stop whatever still runs of a run that has ended. Raises UnavailableError; then it is to be called again."""
        with self._database.connection() as connection:
            arn = RunRepository(connection).find_execution_to_stop(run_id)
            gates = GateRepository(connection).list_all(run_id)
        if arn:
            self._step_functions.stop(arn)
        self._end_gates(run_id, gates)
        with self._database.connection() as connection:
            RunRepository(connection).mark_stopped(run_id)

    def _end_gates(self, run_id: UUID, gates: list[ClosedGate]) -> None:
        """No one waits at them any more; executions that run items for them are stopped."""
        for gate in gates:
            if gate.items_execution_arn:
                self._step_functions.stop(gate.items_execution_arn)
        with self._database.connection() as connection:
            GateRepository(connection).delete(run_id, [gate.token for gate in gates])


def _next_name(run: UnfinishedRun) -> str:
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
