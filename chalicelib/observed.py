"""Around every call of a Lambda: its id for all that is logged, and a trace where the operator asks for one.

No middleware of Chalice does that: Lambda loads a function of a blueprint by itself, without the app that would have
the middleware.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

from .bootstrap import services
from .observability import SERVICE, about

Answer = TypeVar("Answer")


def observed(handle: Callable[..., Answer]) -> Callable[..., Answer]:
    """A function of `(event, context)`, or of an event of Chalice's, which has its context."""

    @wraps(handle)
    def call(event: Any, *context: Any) -> Answer:
        return observe(event, context[0] if context else event.context, lambda: handle(event, *context))

    return call


def observe(event: Any, context: Any, respond: Callable[[], Answer]) -> Answer:
    """What is answered to an event, observed."""
    with about(request_id=getattr(context, "aws_request_id", None)):
        if not services().settings.trace:
            return respond()
        traced: Answer = _tracer().capture_lambda_handler(lambda _event, _context: respond())(event, context)
        return traced


@cache
def _tracer() -> Any:
    from aws_lambda_powertools import Tracer  # noqa: PLC0415 - more than half a second, for who asks for it

    return Tracer(service=SERVICE)
