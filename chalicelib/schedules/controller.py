"""Requests about schedules, and calls of timers, become schemas, one service call, a response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from chalicelib.api import Request
from chalicelib.errors import MalformedError

from .schemas import PutSchedule, Schedule, TimerCall
from .service import ScheduleService
from .timers import workflow_of


class ScheduleController:
    """One method an endpoint."""

    def __init__(self, service: ScheduleService) -> None:
        self._service = service

    def get(self, request: Request) -> Schedule:
        """The schedule with its next and its last fires."""
        return self._service.get(request.workspace_id, request.id("workflow_id"))

    def put(self, request: Request, schedule: PutSchedule) -> Schedule:
        """The schedule with its next fire times."""
        return self._service.put(request.workspace_id, request.id("workflow_id"), schedule)

    def fire(self, event: Any) -> Mapping[str, str | None]:
        """What a timer sends becomes a run, whose id is given, or none. Raises MalformedError for what no timer of ours
        sends."""
        try:
            call = TimerCall.model_validate(event)
        except ValidationError as error:
            raise MalformedError(f"this is no call of a timer: {error}") from None
        workflow_id = workflow_of(call.timer)
        if workflow_id is None:
            raise MalformedError(f"{call.timer} is no timer of ours")
        run_id = self._service.fire(workflow_id, call.time)
        return {"run_id": str(run_id) if run_id else None}
