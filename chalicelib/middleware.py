"""Around every call of a Lambda: its id for all that is logged, and a trace where the operator asks for one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from .bootstrap import services
from .observability import SERVICE, about


def observe(event: Any, respond: Callable[[Any], Any]) -> Any:
    """A middleware of Chalice, for events of all kinds."""
    context = event.lambda_context if hasattr(event, "lambda_context") else event.context
    with about(request_id=getattr(context, "aws_request_id", None)):
        if not services().settings.trace:
            return respond(event)
        return _tracer().capture_lambda_handler(lambda given, _context: respond(given))(event, context)


@cache
def _tracer() -> Any:
    from aws_lambda_powertools import Tracer  # noqa: PLC0415 - more than half a second, for who asks for it

    return Tracer(service=SERVICE)
