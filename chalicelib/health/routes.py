"""URLs for who watches over a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.api import OpenRequest, Routes
from chalicelib.bootstrap import services
from chalicelib.errors import UnavailableError

if TYPE_CHECKING:
    from .controller import Health

routes = Routes(__name__)


@routes.open("/health")
def get_health(_request: OpenRequest) -> Health:
    """Tell whether the process answers."""
    return {"status": "ok"}


@routes.open("/ready", raises=[UnavailableError])
def get_readiness(_request: OpenRequest) -> Health:
    """Tell whether requests can be served: the database answers, and has all migrations."""
    from .controller import get_readiness as ready

    return ready(services().database)
