"""URLs of schedules."""

from __future__ import annotations

from chalicelib.api import Request, Response, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services

from .controller import ScheduleController

routes = Routes(__name__)


@routes.route("PUT", "/{workflow_id}/schedule", Role.OWNER)
def update_schedule(request: Request) -> Response:
    """Update the schedule."""
    return ScheduleController(services().schedules).put(request)
