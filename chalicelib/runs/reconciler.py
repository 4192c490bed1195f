"""What looks after runs: whatever died on the way, a run that was accepted ends in a state that can be explained.

It compares what Postgres says of each run with what Step Functions does, and mends the difference. Every step may be
repeated, by several reconcilers at once; events of Step Functions only tell it where to look first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from chalicelib.batches import in_batches
from chalicelib.errors import InvalidError, MalformedError
from chalicelib.execution.verdicts import RunEnded
from chalicelib.observability import about, logger, measure

from .answers import is_open
from .children import ChildRepository
from .dispatcher import AFTER_AN_END
from .ending import EarlyEnd, readable, too_long
from .gates import GateRepository
from .records import RecordRepository
from .repository import RunRepository
from .settlement import failed_node
from .state import CheckedRun, ClosedGate, Scope, UnfinishedRun
from .upkeep import UpkeepRepository

if TYPE_CHECKING:
    from chalicelib.aws.step_functions import Execution, StepFunctions
    from chalicelib.compiler.plan import Plan
    from chalicelib.db import Database

    from .dispatcher import Dispatcher
    from .executions import Executions

GONE = "its execution was gone"
MAX_BROKEN_EXECUTIONS = 5
"""How often a run is resumed whose execution ended without ending it; one whose execution is gone always is."""
BATCH = 100
MAX_CHECKS = 500
"""DescribeExecution refills at 15 a second and more (AWS Step Functions quotas); a pass takes its share of a minute."""
DELETE_SECONDS = 30
"""How long a pass goes on deleting old runs."""
MAX_STARTS = 1_000
"""Of runs from the queue in a pass. One takes some 50 ms, so these take one of the five minutes that the Lambda has."""
START_SECONDS = 10
"""How long whoever accepted a run is left alone to start it."""

Work = TypeVar("Work")


class Reconciler:
    """`handle` is the runner's: it takes what Step Functions sends to the Lambda behind its Tasks."""

    def __init__(
        self,
        database: Database,
        plan: Callable[[UUID], Plan],
        step_functions: StepFunctions,
        executions: Executions,
        dispatcher: Dispatcher,
        handle: Callable[[dict[str, Any]], Any],
        *,
        check_after: timedelta,
        keep_runs: timedelta | None,
    ) -> None:
        self._database = database
        self._plan = plan
        self._step_functions = step_functions
        self._executions = executions
        self._dispatcher = dispatcher
        self._handle = handle
        self._check_after = check_after
        self._keep_runs = keep_runs

    def run(self, *, everything: bool = False) -> dict[str, int]:
        """One pass; what was done, and how often: `{"started": 2, "resumed": 1, …}`.

        `everything`: look at each run now, and not only at those that no one has looked at for a while.
        """
        now = datetime.now(UTC)
        done: Counter[str] = Counter()
        started_before = now if everything else now - timedelta(seconds=START_SECONDS)
        with self._database.connection() as connection:
            upkeep = UpkeepRepository(connection)
            unstarted = upkeep.list_unstarted(started_before, MAX_CHECKS)
            overdue, stopping = upkeep.list_overdue(MAX_CHECKS), upkeep.list_stopping(MAX_CHECKS)
            forsaken = ChildRepository(connection).list_forsaken(MAX_CHECKS)
        self._each(done, overdue, self._time_out)
        self._each(done, forsaken, self._end_forsaken)
        self._each(done, stopping, self._stop)
        self._each(done, unstarted, self._start)
        done["dispatched"] += self._dispatcher.dispatch(at_most=MAX_STARTS)
        self._check_all(done, now if everything else now - self._check_after)
        done["deleted"] += self._delete_old(now)
        report = {what: count for what, count in done.items() if count}
        if report:
            logger.info("runs reconciled", report=report)
        for what, count in report.items():
            measure("ReconcilerMends", count, what=what)
        return report

    def look_at(self, run_id: UUID) -> None:
        """Something may have happened to the execution of a run. Raises StepgraphError; the next pass looks again."""
        with self._database.connection() as connection:
            upkeep = UpkeepRepository(connection)
            run = upkeep.find_unfinished(run_id)
            is_stopping = upkeep.is_stopping(run_id)
        if run and run["execution_arn"]:
            self._check(run)
        if is_stopping:
            self._executions.stop(run_id)
        self._dispatcher.dispatch(at_most=AFTER_AN_END)

    def _each(self, done: Counter[str], work: Iterable[Work], do: Callable[[Work], str | None]) -> None:
        """One run that can't be mended now must not keep the others from it."""
        for item in work:
            with about(run_id=item["id"] if isinstance(item, dict) else item):
                try:
                    what = do(item)
                except Exception:  # noqa: BLE001 - whatever it is, the others are looked after
                    logger.exception("run not reconciled")
                    what = "put_off"
            done.update(filter(None, [what]))

    def _start(self, run: UnfinishedRun) -> str | None:
        if (why := self._why_unreadable(run)) is not None:
            return self._end(run, "failed", why)
        self._executions.start(run)
        return "started"

    def _why_unreadable(self, run: UnfinishedRun) -> str | None:
        """Why the version of a run can't run any more; None where it can."""
        try:
            self._plan(run["version_id"])
        except (InvalidError, MalformedError) as error:
            return f"its version can't run any more: {error.detail}"
        return None

    def _stop(self, run_id: UUID) -> str:
        self._executions.stop(run_id)
        return "stopped"

    def _time_out(self, run_id: UUID) -> str | None:
        with self._database.connection() as connection:
            run = UpkeepRepository(connection).find_unfinished(run_id)
        if run is None:
            return None
        return self._end(run, "timed_out", too_long(readable(self._plan, run["version_id"])))

    def _check_all(self, done: Counter[str], before: datetime) -> None:
        for _ in range(0, MAX_CHECKS, BATCH):
            with self._database.connection() as connection:
                runs = UpkeepRepository(connection).claim_unchecked(before, BATCH)
            self._each(done, runs, self._check)
            if len(runs) < BATCH:
                return

    def _check(self, run: CheckedRun) -> str | None:
        """Mend what is wrong with a run that goes on; what was done."""
        if (why := self._why_unreadable(run)) is not None:
            return self._end(run, "failed", why)
        execution = self._step_functions.find(str(run["execution_arn"]))
        if execution is not None and execution.status == "RUNNING":
            return self._open(run)
        with self._database.connection() as connection:
            now = UpkeepRepository(connection).find_unfinished(run["id"])
        if now is None or now["execution_arn"] != run["execution_arn"]:
            return None  # it ended, or was resumed, while we asked
        return self._resume(now, GONE) if execution is None else self._settle(now, execution)

    def _settle(self, run: CheckedRun, execution: Execution) -> str | None:
        """What becomes of a run whose execution ended without ending it."""
        graph = self._plan(run["version_id"]).graph
        told = f"{execution.error or execution.status}{f': {execution.cause}' if execution.cause else ''}"
        if execution.status == "TIMED_OUT":
            return self._end(run, "timed_out", too_long(graph))
        if execution.status == "ABORTED":
            return self._end(run, "cancelled", f"its execution was stopped in Step Functions ({told})")
        with self._database.connection() as connection:
            records = RecordRepository(connection).list_records(Scope(run["id"]), graph.nodes)
        if found := failed_node(graph, records):
            node, message = found
            return self._end(run, "failed", f"node {node.title} failed: {message}")
        resumptions = [each for each in run["history"] if each["event"] == "resumed" and each.get("reason") != GONE]
        if len(resumptions) >= MAX_BROKEN_EXECUTIONS:
            tries = len(resumptions) + 1
            return self._end(run, "failed", f"its execution ended {tries} times without ending the run ({told})")
        return self._resume(run, f"its execution ended without ending the run ({told})")

    def _resume(self, run: CheckedRun, reason: str) -> str:
        self._executions.resume(run, reason)
        return "resumed"

    def _end(self, run: UnfinishedRun, status: EarlyEnd, reason: str) -> str | None:
        return status if self._executions.end(run, status, reason) else None

    def _end_forsaken(self, run: UnfinishedRun) -> str | None:
        return self._end(run, "cancelled", "the node that started it does not wait for it any more")

    def _open(self, run: CheckedRun) -> str | None:
        """Whoever should have opened a gate, or gone on with items, may have died before."""
        graph = self._plan(run["version_id"]).graph
        with self._database.connection() as connection:
            gates = GateRepository(connection).list_all(run["id"])
            records = RecordRepository(connection)
            opened = []
            for gate in gates:
                scope, body = Scope(run["id"], gate.path), graph.scope(gate.container or None)
                known = records.list_records(scope, gate.nodes)
                if not gate.waiting_execution and is_open(connection, body, scope, gate, known):
                    opened.append(gate)
        lost = [gate for gate in gates if gate.waiting_execution and not self._items_run(gate)]
        for gate in lost:
            with suppress(RunEnded):
                self._handle(_items_event(run, gate))
        self._executions.open_gates(run["id"], opened)
        if not opened and not lost:
            return None
        mended = {"gates": [gate.gate for gate in (*opened, *lost)]}
        with self._database.connection() as connection:
            RunRepository(connection).append_history(run["id"], "mended", mended)
        return "mended"

    def _items_run(self, gate: ClosedGate) -> bool:
        arn = gate.items_execution_arn
        return arn is not None and self._step_functions.is_running(arn)

    def _delete_old(self, now: datetime) -> int:
        if not self._keep_runs:
            return 0
        before = now - self._keep_runs
        with self._database.connection() as connection:
            upkeep = UpkeepRepository(connection)
            return in_batches(lambda limit: upkeep.delete_old(before, limit), DELETE_SECONDS)[0]


def _items_event(run: CheckedRun, gate: ClosedGate) -> dict[str, Any]:
    """What the execution that waits sent when it began to wait for items elsewhere; see `compiler/asl.py`."""
    return {
        "run_id": str(run["id"]),
        "version_id": str(run["version_id"]),
        "path": gate.path,
        "items": {"for_each": gate.nodes[0]},
        "execution": gate.waiting_execution,
        "token": gate.token,
    }
