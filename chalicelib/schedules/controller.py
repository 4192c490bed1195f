"""Requests about schedules become one service call."""

from __future__ import annotations

from chalicelib.api import Request

from .schemas import PutSchedule, Schedule
from .service import ScheduleService


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
