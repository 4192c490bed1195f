"""AWS Step Functions: start executions of content-addressed state machines."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.errors import UnavailableError
from chalicelib.observability import logger

from .clients import client, our_errors

if TYPE_CHECKING:
    from chalicelib.compiler.asl import Emission, StateMachine
    from chalicelib.compiler.plan import Plan
    from chalicelib.settings import Settings

SERVICE = "Step Functions"
PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6)
"""A state machine just made may not be seen at once (its API is eventually consistent)."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How an execution stands: `status` is one of RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED."""

    status: str
    error: str | None
    cause: str | None


class StepFunctions:
    """Starts, finds and stops executions, and ends Tasks that wait for their token."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _client(self) -> Any:
        return client("stepfunctions", self._settings)

    def start_run(self, plan: Plan, name: str, execution_input: Mapping[str, Any]) -> str:
        """Start the execution that runs a plan; see `start`."""
        return self.start(self._emitted(plan), name, execution_input)

    def is_started(self, plan: Plan, name: str) -> bool:
        """Whether the execution of that name that runs a plan was ever started. Raises UnavailableError."""
        machine = self._machine(self._emitted(plan))
        return self.find(self._arn("execution", f"{machine.name}:{name}")) is not None

    def start_items(self, plan: Plan, container: str, name: str, execution_input: Mapping[str, Any]) -> str | None:
        """Start an execution that runs items of a container in the plan, and give its ARN; None where one of that name
        has ended."""
        from chalicelib.compiler.asl import emit_items  # noqa: PLC0415 - with the compiler, for who starts something

        emission = emit_items(plan, container, self._settings.run_unit_function)
        arn, is_new = self._start_or_find(emission, name, execution_input)
        return arn if is_new or self.is_running(arn) else None

    def _emitted(self, plan: Plan) -> Emission:
        from chalicelib.compiler.asl import emit  # noqa: PLC0415 - as above

        return emit(plan, self._settings.run_unit_function)

    def start(self, emission: Emission, name: str, execution_input: Mapping[str, Any]) -> str:
        """Start an execution and give its ARN; one of that name that exists already is the same one.

        The state machine is made when it is missing. Raises UnavailableError while it can't be started.
        """
        return self._start_or_find(emission, name, execution_input)[0]

    def _start_or_find(self, emission: Emission, name: str, execution_input: Mapping[str, Any]) -> tuple[str, bool]:
        machine = self._machine(emission)
        with our_errors(SERVICE):
            is_new = self._try_start(machine, name, execution_input)
            if is_new is None:
                self._create(machine)
                is_new = self._start_new(machine, name, execution_input)
        return self._arn("execution", f"{machine.name}:{name}"), is_new

    def _start_new(self, machine: StateMachine, name: str, execution_input: Mapping[str, Any]) -> bool:
        for pause in PAUSES_SECONDS:
            is_new = self._try_start(machine, name, execution_input)
            if is_new is not None:
                return is_new
            time.sleep(pause)
        raise UnavailableError(f"the new state machine {machine.name} can't be started yet")

    def _try_start(self, machine: StateMachine, name: str, execution_input: Mapping[str, Any]) -> bool | None:
        """Whether an execution was started, or was there; None where there is no such state machine."""
        arn = self._arn("stateMachine", machine.name)
        try:
            self._client.start_execution(stateMachineArn=arn, name=name, input=json.dumps(execution_input))
        except self._client.exceptions.ExecutionAlreadyExists:
            return False
        except self._client.exceptions.StateMachineDoesNotExist:
            return None
        return True

    def release(self, token: str) -> None:
        """End a Task that waits for its token; one that has ended already is left alone. Raises UnavailableError."""
        errors = self._client.exceptions
        gone = (errors.TaskDoesNotExist, errors.TaskTimedOut, errors.InvalidToken)
        try:
            with our_errors(SERVICE, *gone):
                self._client.send_task_success(taskToken=token, output="{}")
        except gone:
            logger.info("a gate was gone already")

    def is_running(self, execution_arn: str) -> bool:
        """Whether an execution is there and has not ended. Raises UnavailableError."""
        found = self.find(execution_arn)
        return found is not None and found.status == "RUNNING"

    def find(self, execution_arn: str) -> Execution | None:
        """How an execution stands; None where there is none, or none any more. Raises UnavailableError."""
        gone = self._client.exceptions
        try:
            with our_errors(SERVICE, gone.ExecutionDoesNotExist, gone.StateMachineDoesNotExist):
                found = self._client.describe_execution(executionArn=execution_arn)
        except (gone.ExecutionDoesNotExist, gone.StateMachineDoesNotExist):
            return None
        return Execution(found["status"], found.get("error"), found.get("cause"))

    def stop(self, execution_arn: str) -> None:
        """End an execution, with all that waits in it; one that has ended is left alone. Raises UnavailableError."""
        gone = self._client.exceptions
        with (
            suppress(gone.ExecutionDoesNotExist, gone.StateMachineDoesNotExist),
            our_errors(SERVICE, gone.ExecutionDoesNotExist, gone.StateMachineDoesNotExist),
        ):
            self._client.stop_execution(
                executionArn=execution_arn, error="RunEnded", cause="The run was ended; it tells by whom and why."
            )

    def _machine(self, emission: Emission) -> StateMachine:
        return emission.state_machine(self._settings.state_machine_role_arn)

    def _create(self, machine: StateMachine) -> None:
        self._client.create_state_machine(
            name=machine.name,
            definition=machine.definition,
            roleArn=self._settings.state_machine_role_arn,
            type="STANDARD",
        )

    def _arn(self, kind: str, name: str) -> str:
        partition, settings = self._settings.state_machine_role_arn.split(":")[1], self._settings
        return f"arn:{partition}:states:{settings.aws_region}:{settings.aws_account_id}:{kind}:{name}"
