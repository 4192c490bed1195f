"""What can go wrong for a caller. The HTTP edge alone knows which status each one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StepgraphError(Exception):
    """Base of all errors that a caller is told."""

    def __init__(self, detail: str, errors: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)


class MalformedError(StepgraphError):
    """The request is not what this endpoint reads: broken JSON, a missing key, a wrong type."""


class UnauthenticatedError(StepgraphError):
    """No one knows who is asking."""


class InvalidTokenError(UnauthenticatedError):
    """What says who is asking does not prove it."""


class ForbiddenError(StepgraphError):
    """The caller's role does not suffice."""


class NotFoundError(StepgraphError):
    """There is no such thing, or none that the caller may see."""


class ConflictError(StepgraphError):
    """The thing is not in the state that the request takes for granted."""


class TooLargeError(StepgraphError):
    """The request is over a size limit."""


class UnsupportedMediaError(StepgraphError):
    """The request's body is of a kind that is not read here."""


class InvalidError(StepgraphError):
    """The request can be read and asks for something impossible."""


class NotAllowedError(StepgraphError):
    """The thing does not take requests of this method, but of these."""

    def __init__(self, detail: str, allowed: Sequence[str]) -> None:
        super().__init__(detail)
        self.allowed = tuple(allowed)


class TooManyError(StepgraphError):
    """There were too many requests of late."""


class UnavailableError(StepgraphError):
    """Something we depend on does not answer; the same request may succeed later."""


def summary(messages: Sequence[str], told: int, separator: str = "; ") -> str:
    """The first messages in one line, and how many more `errors` has."""
    more = len(messages) - told
    return separator.join([*messages[:told], *([f"and {more:,} more, see errors"] if more > 0 else [])])
