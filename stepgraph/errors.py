"""What can go wrong, each with the exit code that scripts see."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

RUN_FAILED = 1
CONFLICT = 5
INTERRUPTED = 130


class CliError(Exception):
    """Base of all that ends a command; `hint` is what would help."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_json(self) -> dict[str, Any]:
        """As `--json` shows it, in the form of the API's own problems."""
        return {"title": type(self).__name__, "detail": self.message, "errors": [], "hint": self.hint or None}


class UsageError(CliError):
    """The command can't do this as it was called or set up."""


class NotFoundError(CliError):
    """What was named is not there."""

    exit_code = 3


class UnreachableError(CliError):
    """No API answers, or not now."""

    exit_code = 6


class RefusedError(CliError):
    """A file that can't be read as what it should be."""

    exit_code = 7


class ProblemError(CliError):
    """An answer of the API that is an error; `errors` lists every single thing to mend."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.errors: list[dict[str, Any]] = [each for each in problem.get("errors") or () if isinstance(each, dict)]
        detail = problem.get("detail") or problem.get("message") or problem.get("Message") or _phrase(status)
        super().__init__(str(detail), _HINTS.get(status, ""))
        self.exit_code = _exit_code(status)

    def as_json(self) -> dict[str, Any]:
        """The problem as it came."""
        return {"status": self.status, "detail": self.message, "errors": self.errors} | self.problem


_HINTS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "give another token with --token or STEPGRAPH_TOKEN, or run `stepgraph configure`",
}


def _exit_code(status: int) -> int:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnreachableError.exit_code
    return _EXIT_CODES.get(status, RefusedError.exit_code)


_EXIT_CODES: dict[int, int] = {
    HTTPStatus.UNAUTHORIZED: 4,
    HTTPStatus.FORBIDDEN: 4,
    HTTPStatus.NOT_FOUND: NotFoundError.exit_code,
    HTTPStatus.CONFLICT: CONFLICT,
    HTTPStatus.TOO_MANY_REQUESTS: UnreachableError.exit_code,
}


def _phrase(status: int) -> str:
    try:
        return f"it answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"it answered {status}"
