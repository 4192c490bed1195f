"""Corrections of the life of moto's executions: how they start, end, are stopped, and are forgotten."""

# ruff: noqa: SLF001 - moto's insides are what this file is about

from __future__ import annotations

import json
import sys
import threading
import time
import weakref
from collections import deque
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.parser import utils
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.program_state import (
    ProgramEnded,
    ProgramError,
    ProgramStopped,
    ProgramTimedOut,
)
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from . import status_events

_KEPT_HISTORIES = 100
_ENDED_WORKER = SimpleNamespace(env=None)

_status_lock = threading.Lock()
_running: set[Any] = set()
_with_history: deque[Any] = deque()


class LiveThreads:
    """The threads of executions; an ended thread leaves by itself."""

    def __init__(self) -> None:
        self._threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
        self._lock = threading.Lock()

    def append(self, thread: threading.Thread) -> None:
        """Know a thread for as long as it lives."""
        with self._lock:
            self._threads.add(thread)

    def alive(self) -> list[threading.Thread]:
        """List the threads that have not ended."""
        with self._lock:
            return [thread for thread in self._threads if thread.is_alive()]


_threads = LiveThreads()


def forget_ended_threads() -> None:
    """An ended execution leaves nothing behind; moto keeps every thread that it ever started."""
    every_thread = utils.TMP_THREADS
    for module in tuple(sys.modules.values()):
        if getattr(module, "TMP_THREADS", None) is every_thread:
            vars(module)["TMP_THREADS"] = _threads


def start_one_execution_of_a_name() -> None:
    """Of equal starts at once one starts an execution and the others get it; in moto each starts its own."""
    start_execution = StepFunctionsParserBackend.start_execution
    starting = threading.Lock()

    def start_one(self: Any, *args: Any, **kwargs: Any) -> Any:
        with starting:
            return start_execution(self, *args, **kwargs)

    StepFunctionsParserBackend.start_execution = start_one


def run_from_the_moment_of_the_start() -> None:
    """An execution is RUNNING once it can be seen; moto lists it before it has a status or an environment.

    Its environment runs before its thread does, so that a stop cannot come too early to be noticed.
    """
    initialise, make_environment = Execution.__init__, ExecutionWorker._get_evaluation_environment

    def initialise_running(self: Any, *args: Any, **kwargs: Any) -> None:
        initialise(self, *args, **kwargs)
        self.exec_status = ExecutionStatus.RUNNING

    def start(self: Any) -> None:
        worker = self._get_start_execution_worker()
        worker.env = make_environment(worker)
        worker.env.next_state_name = worker._get_evaluation_entrypoint().start_at.start_at_name
        self.exec_worker = worker
        with _status_lock:
            _running.add(self)
        status_events.announce(self)
        if self.exec_status != ExecutionStatus.RUNNING:  # stopped before it was started
            worker.env.set_stop(stop_date=self.stop_date, error=self.error, cause=self.cause)
        worker.start()

    Execution.__init__ = initialise_running
    Execution.start = start
    ExecutionWorker._get_evaluation_environment = lambda self: self.env or make_environment(self)


def end_an_execution_once() -> None:
    """The status changes once, along with output, error and cause; moto shows SUCCEEDED before the output.

    Of an ended execution only the latest histories are kept; moto frees no memory of any.
    """

    def terminated(self: Any) -> None:
        execution = self.execution
        _end(execution, **_outcome(execution.exec_worker.env))
        _keep_history(execution)

    BaseExecutionWorkerCommunication.terminated = terminated


def _outcome(env: Any) -> dict[str, Any]:
    state = env.program_state()
    if isinstance(state, ProgramEnded):
        return {"status": ExecutionStatus.SUCCEEDED, "output": env.states.get_input()}
    if isinstance(state, ProgramStopped):
        return {"status": ExecutionStatus.ABORTED, "error": state.error, "cause": state.cause}
    if isinstance(state, ProgramTimedOut):
        return {"status": ExecutionStatus.TIMED_OUT}
    failure = (state.error if isinstance(state, ProgramError) else None) or {}
    return {"status": ExecutionStatus.FAILED, "error": failure.get("error"), "cause": failure.get("cause")}


def _end(
    execution: Any, *, status: Any, output: Any = None, error: str | None = None, cause: str | None = None
) -> bool:
    with _status_lock:
        _running.discard(execution)
        if execution.exec_status != ExecutionStatus.RUNNING:
            return False
        execution.output, execution.error, execution.cause = output, error, cause
        execution.stop_date = datetime.now(UTC)
        execution.exec_status = status  # last: who sees the status may read the rest
    status_events.announce(execution)
    return True


def _keep_history(execution: Any) -> None:
    """Forget how the oldest of the ended executions went: an environment is most of an execution's memory."""
    with _status_lock:
        _with_history.append(execution)
        if len(_with_history) > _KEPT_HISTORIES:
            _with_history.popleft().exec_worker = _ENDED_WORKER


def stop_at_once() -> None:
    """StopExecution ends at once, with error and cause; moto waits for a running Lambda and drops both."""

    def stop(self: Any, stop_date: datetime, error: str | None, cause: str | None) -> None:
        if _end(self, status=ExecutionStatus.ABORTED, error=error, cause=cause) and self.exec_worker:
            self.exec_worker.env.set_stop(stop_date=stop_date, error=error, cause=cause)

    def stop_execution(self: Any) -> Any:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        execution.stop(datetime.now(UTC), self._get_param("error"), self._get_param("cause"))
        return ActionResult({"stopDate": execution.stop_date})

    Execution.stop = stop
    StepFunctionResponse.stop_execution = stop_execution


def describe_outputs_as_json() -> None:
    """An output is JSON whatever its type, and every end has a date; moto gives raw strings and no nulls."""
    describe = StepFunctionResponse.describe_execution

    def describe_execution(self: Any) -> Any:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        response = describe(self)._result
        if response["status"] == ExecutionStatus.SUCCEEDED.value:
            response["output"] = json.dumps(execution.output, separators=(",", ":"))
        if response["status"] != ExecutionStatus.RUNNING.value:
            response["stopDate"] = execution.stop_date
        return ActionResult(response)

    StepFunctionResponse.describe_execution = describe_execution


def live_threads() -> list[threading.Thread]:
    """List the threads of executions that have not ended."""
    return _threads.alive()


def stop_all_executions(limit: float = 5.0) -> bool:
    """Stop what runs and wait for its threads; True if all of them ended within `limit` seconds."""
    deadline = time.monotonic() + limit
    with _status_lock:
        running = tuple(_running)
    for execution in running:
        execution.stop(datetime.now(UTC), None, "The machine was shut down")
    for thread in live_threads():
        thread.join(max(0.0, deadline - time.monotonic()))
    delivered = status_events.deliver_pending(max(0.0, deadline - time.monotonic()))
    return delivered and not live_threads()


CORRECTIONS = (
    forget_ended_threads,
    start_one_execution_of_a_name,
    run_from_the_moment_of_the_start,
    end_an_execution_once,
    stop_at_once,
    describe_outputs_as_json,
)
