"""Requests about schedules become schemas, one service call, a response."""

from __future__ import annotations

from chalicelib.api import Request, Response
from chalicelib.requests import parse_body

from .schemas import PutSchedule
from .service import ScheduleService


class ScheduleController:
    """One method an endpoint."""

    def __init__(self, service: ScheduleService) -> None:
        self._service = service

    def get(self, request: Request) -> Response:
        """The schedule with its next and its last fires."""
        return Response(self._service.get(request.workspace_id, request.id("workflow_id")))

    def put(self, request: Request) -> Response:
        """The schedule with its next fire times."""
        schedule = parse_body(request.body, PutSchedule)
        return Response(self._service.put(request.workspace_id, request.id("workflow_id"), schedule))
