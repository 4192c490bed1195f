"""The executions of runs on Step Functions: started, resumed and stopped, each any number of times to one effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from chalicelib.observability import about, logger, measure

from .children import ChildRepository
from .ending import EarlyEnd, end_early, readable
from .execution_names import next_name
from .gates import GateRepository
from .repository import RunRepository

if TYPE_CHECKING:
    from chalicelib.aws.step_functions import StepFunctions
    from chalicelib.compiler.plan import Plan
    from chalicelib.db import Database

    from .schemas import RunDetail
    from .state import ClosedGate, EndedRun, UnfinishedRun


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
        arn = self._step_functions.start_run(self._plan(run["version_id"]), next_name(run), ids)
        with self._database.connection() as connection:
            RunRepository(connection).mark_started(run["id"], arn, run["executions"] + 1, reason)
        with about(run_id=run["id"], workflow_id=run["workflow_id"]):
            logger.info("run resumed" if run["executions"] else "run started", execution=arn, reason=reason)
            if not run["executions"]:
                measure("RunsStarted", 1)

    def resume(self, run: UnfinishedRun, reason: str) -> None:
        """Give a run whose execution is gone a new one. Raises UnavailableError.

        Nodes that were decided are passed over, and waits end at their first time. What the old one left is cleared
        away first, and only as long as the new one is not there: whoever started that has cleared, and its gates are
        needed.
        """
        with self._database.connection() as connection:
            gates = GateRepository(connection).list_all(run["id"])
        if not self._step_functions.is_started(self._plan(run["version_id"]), next_name(run)):
            self._end_gates(run["id"], gates)
        self.start(run, reason)

    def end(self, run: UnfinishedRun, status: EarlyEnd, reason: str) -> bool:
        """End a run before its end, and whatever runs of it; False where it has ended already. Raises UnavailableError;
        then the reconciler stops what still runs."""
        graph = readable(self._plan, run["version_id"])
        with self._database.transaction() as connection:
            if not end_early(connection, graph, run["id"], status, lambda _: reason):
                return False
        self.stop(run["id"])
        return True

    def stop(self, run_id: UUID, *, from_within: bool = False) -> None:
        """Stop whatever still runs of a run that ended early, the runs that its nodes started too, and tell the one
        that waits for it. Raises UnavailableError; then it is to be called again.

        `from_within`: its own execution asks, which fails by itself where the run failed.
        """
        with self._database.connection() as connection:
            ended = RunRepository(connection).find_ended(run_id)
            gates = GateRepository(connection).list_all(run_id)
            children = ChildRepository(connection).list_unfinished(run_id)
        if ended is None:
            return
        if ended["execution_arn"] and not (from_within and ended["status"] == "failed"):
            self._step_functions.stop(ended["execution_arn"])
        self._end_gates(run_id, gates)
        reason = f"the run that started it {ended_how(ended)}"
        for child in children:
            self.end(child, _CHILDREN_END.get(ended["status"], "cancelled"), reason)
        self.release_parent(run_id)
        with self._database.connection() as connection:
            RunRepository(connection).mark_stopped(run_id)

    def release_parent(self, run_id: UUID) -> None:
        """Let the node go on that waits for a run which has ended. Raises UnavailableError; the reconciler does it
        then."""
        with self._database.connection() as connection:
            gates = ChildRepository(connection).list_gates(run_id)
        for parent_id, gate in gates:
            self.open_gates(parent_id, [gate])

    def open_gates(self, run_id: UUID, gates: Sequence[ClosedGate]) -> None:
        """Let those go on who wait at gates of a run. Raises UnavailableError.

        The gates are forgotten only then, so that a repeated call opens again what a crash left closed.
        """
        for gate in gates:
            self._step_functions.release(gate.token)
        if gates:
            with self._database.connection() as connection:
                GateRepository(connection).delete(run_id, [gate.token for gate in gates])

    def _end_gates(self, run_id: UUID, gates: list[ClosedGate]) -> None:
        """No one waits at them any more; executions that run items for them are stopped."""
        for gate in gates:
            if gate.items_execution_arn:
                self._step_functions.stop(gate.items_execution_arn)
        with self._database.connection() as connection:
            GateRepository(connection).delete(run_id, [gate.token for gate in gates])


_CHILDREN_END: Mapping[str, EarlyEnd] = {"timed_out": "timed_out"}
"""How the runs end that the nodes of one started which ended so; else they are cancelled."""
_ENDED_HOW = {"succeeded": "succeeded", "failed": "failed", "cancelled": "was cancelled", "timed_out": "took too long"}


def ended_how(run: EndedRun | RunDetail) -> str:
    """How a run ended, in words that follow its name."""
    return _ENDED_HOW[run["status"]]
