"""The Lambdas that operators and deployments call."""

from __future__ import annotations

from typing import Any

from chalice import Blueprint

from .bootstrap import services
from .observed import observed

functions = Blueprint(__name__)


@functions.lambda_function(name="migrate")
@observed
def apply_migrations(_event: dict[str, Any], _context: Any) -> dict[str, list[str]]:
    """Run on deployment; gives the migrations that were applied now."""
    from .conninfo import session_settings  # noqa: PLC0415 - with what it takes, for who calls it
    from .migrations import migrate  # noqa: PLC0415
    from .roles import let_in  # noqa: PLC0415

    settings, conninfo = services().settings, services().conninfo()
    applied = migrate(conninfo)
    if settings.database_app_role:
        let_in(conninfo, settings.database_app_role, session_settings(settings))
    return {"applied": applied}
