"""Corrections of what moto's states do with errors."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser import api
from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_operator_type import (
    ComparisonOperatorType,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_variable import (
    ComparisonVariable,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.variable import NoSuchVariable
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_lambda
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback,
    state_task_service_lambda,
)
from moto.stepfunctions.parser.asl.component.state.fail import state_fail

_UNCATCHABLE_BY_ALL = ("States.Runtime", "States.DataLimitExceeded")


def _error_name(error_name: str | None) -> Any:
    try:
        return StatesErrorName.from_name(error_name)
    except ValueError:
        return ErrorName(error_name)


def let_states_errors_leave_a_branch() -> None:
    """A `States.*` error of a branch, an item or a task can be caught; in moto it is a ValueError."""
    for module in (
        branches_decl,
        iteration_worker,
        state_fail,
        state_task_lambda,
        state_task_service_callback,
        state_task_service_lambda,
    ):
        module.CustomErrorName = _error_name


def give_refusals_their_code() -> None:
    """A refused call has an error code, such as InvalidDefinition; most of moto's have none."""
    for refusal in api.ServiceException.__subclasses__():
        if refusal.__module__ == api.__name__:
            refusal.TYPE = refusal.__name__


def keep_runtime_errors_from_states_all() -> None:
    """`States.ALL` matches neither States.Runtime nor States.DataLimitExceeded; in moto it matches them."""
    match = ErrorEqualsDecl._eval_body  # noqa: SLF001

    def match_with_exceptions(self: Any, env: Any) -> None:
        happened = env.stack[-1]
        names = {name.error_name for name in self.error_names}
        if names == {"States.ALL"} and happened is not None and happened.error_name in _UNCATCHABLE_BY_ALL:
            env.stack[-1] = False
        else:
            match(self, env)

    ErrorEqualsDecl._eval_body = match_with_exceptions  # noqa: SLF001


def fail_a_choice_on_a_missing_path() -> None:
    """A Choice on a path that is not there fails with States.Runtime; in moto its rule does not match."""

    def compare(self: Any, env: Any) -> None:
        self.variable.eval(env)
        function = self.comparison_function
        missing = isinstance(env.stack[-1], NoSuchVariable)
        if missing and function.operator_type != ComparisonOperatorType.IsPresent:
            raise FailureEventException(_invalid_path(env, self.variable.string_sampler.literal_value))
        function.eval(env)

    ComparisonVariable._eval_body = compare  # noqa: SLF001


def _invalid_path(env: Any, path: str) -> Any:
    cause = f"Invalid path '{path}': The choice state's condition path references an invalid value."
    error_name = StatesErrorName(typ=StatesErrorNameType.StatesRuntime)
    return FailureEvent(
        env=env,
        error_name=error_name,
        event_type=HistoryEventType.ExecutionFailed,
        event_details={
            "executionFailedEventDetails": ExecutionFailedEventDetails(error=error_name.error_name, cause=cause)
        },
    )


CORRECTIONS = (
    give_refusals_their_code,
    let_states_errors_leave_a_branch,
    keep_runtime_errors_from_states_all,
    fail_a_choice_on_a_missing_path,
)
