"""Corrections of moto's task tokens (`.waitForTaskToken`)."""

# ruff: noqa: SLF001 - moto's insides are what this file is about

from __future__ import annotations

import re
from typing import Any

from moto.core.responses import EmptyResult
from moto.stepfunctions.parser.api import InvalidToken, TaskTimedOut
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

_TOKEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_waiting: dict[str, Any] = {}


def give_each_attempt_its_token() -> None:
    """Each attempt has its own token, which ends with it; moto's retry reads the outcome of the one before.

    The wait for a token also ends with its execution or branch; moto's waits on until its timeout.
    """
    run = StateTaskService._eval_execution

    def run_with_token(self: Any, env: Any) -> None:
        if not _takes_tokens(self):
            run(self, env)
            return
        self._assert_integration_pattern_is_supported()
        token = env.states.context_object.update_task_token()
        _waiting[token] = endpoint = env.callback_pool_manager.add(token)
        env.program_state_event.on_set(endpoint.interrupt_all)
        try:
            run(self, env)
        finally:
            _waiting.pop(token, None)

    callback_task = state_task_service_callback.StateTaskServiceCallback
    callback_task._eval_execution = run_with_token
    callback_task._eval_body = StateTaskService._eval_body


def _takes_tokens(task: Any) -> bool:
    patterns = task._supported_integration_patterns
    return task._is_integration_pattern() and ResourceCondition.WaitForTaskToken in patterns


def find_a_task_by_its_token() -> None:
    """A token reaches its task, once; moto asks every execution, and fails on one that is just starting."""

    def succeed(_backend: Any, task_token: str, outcome: str) -> None:
        _end(task_token, CallbackOutcomeSuccess(callback_id=task_token, output=outcome))

    def fail(_backend: Any, task_token: str, error: str | None = None, cause: str | None = None) -> None:
        _end(task_token, CallbackOutcomeFailure(callback_id=task_token, error=error, cause=cause))

    def beat(_backend: Any, task_token: str) -> None:
        (_waiting.get(task_token) or _missing(task_token)).notify_heartbeat()

    StepFunctionsParserBackend.send_task_success = succeed
    StepFunctionsParserBackend.send_task_failure = fail
    StepFunctionsParserBackend.send_task_heartbeat = beat


def _end(token: str, outcome: Any) -> None:
    (_waiting.pop(token, None) or _missing(token)).notify(outcome=outcome)


def _missing(token: str) -> Any:
    if _TOKEN.fullmatch(token):
        raise TaskTimedOut("Task Timed Out: 'Provided task does not exist anymore'")
    raise InvalidToken


def keep_the_cause_of_a_failed_task() -> None:
    """SendTaskFailure passes on error and cause; moto drops the cause."""

    def send_task_failure(self: Any) -> Any:
        self.stepfunction_backend.send_task_failure(
            self._get_param("taskToken"), error=self._get_param("error"), cause=self._get_param("cause")
        )
        return EmptyResult()

    StepFunctionResponse.send_task_failure = send_task_failure


CORRECTIONS = (give_each_attempt_its_token, find_a_task_by_its_token, keep_the_cause_of_a_failed_task)
