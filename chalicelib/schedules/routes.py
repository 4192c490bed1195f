"""URLs of schedules, and the Lambdas that fire them and keep their timers true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalice.app import CloudWatchEvent

from chalicelib.api import Request, Routes
from chalicelib.auth import Role
from chalicelib.bootstrap import services
from chalicelib.observed import observed

if TYPE_CHECKING:
    from .controller import ScheduleController
    from .schemas import PutSchedule, Schedule

routes = Routes(__name__)


def _controller() -> ScheduleController:
    from .controller import ScheduleController

    return ScheduleController(services().schedules)


@routes.route("GET", "/{workflow_id}/schedule", Role.MEMBER)
def get_schedule(request: Request) -> Schedule:
    """Get the schedule, in words, with its next and its last fires."""
    return _controller().get(request)


@routes.route("PUT", "/{workflow_id}/schedule", Role.OWNER)
def update_schedule(request: Request, body: PutSchedule) -> Schedule:
    """Update the schedule; what is not sent stays."""
    return _controller().put(request, body)


@routes.blueprint.lambda_function(name="schedule_trigger")
@observed
def schedule_trigger(event: Any, _context: Any) -> Mapping[str, str | None]:
    """Behind every timer: `{timer, time}`, its name and the minute for which it calls. Gives the run it started."""
    return services().firing.answer(event)


@routes.blueprint.schedule("rate(5 minutes)", name="reconcile_schedules")
@observed
def reconcile_schedules(_event: CloudWatchEvent) -> dict[str, int]:
    """Every few minutes: missed fires are made up for, and timers that are off mended."""
    return services().firing.catch_up() | services().schedule_sync.sync_all()
