"""Corrections of moto: every reach into its insides, one function each, named after the AWS behaviour."""

from __future__ import annotations

import threading

from . import imports  # isort: skip - before anything that imports moto's Step Functions
from . import errors, events, executions, iteration, secrets, speed, tokens, waiting
from .executions import stop_all_executions
from .lambdas import run_lambdas_with
from .secrets import keep_secrets_in
from .status_events import on_execution_status_change

__all__ = [
    "apply",
    "imports",
    "keep_secrets_in",
    "on_execution_status_change",
    "run_lambdas_with",
    "stop_all_executions",
]

CORRECTIONS = (
    *speed.CORRECTIONS,
    *errors.CORRECTIONS,
    *events.CORRECTIONS,
    *waiting.CORRECTIONS,
    *tokens.CORRECTIONS,
    *iteration.CORRECTIONS,
    *executions.CORRECTIONS,
    *secrets.CORRECTIONS,
)

_applied: set[str] = set()
_applying = threading.Lock()


def apply(*, without: frozenset[str] = frozenset()) -> None:
    """Correct this process once; `without` leaves corrections out, so that a test can show their need."""
    with _applying:
        for correction in CORRECTIONS:
            name = correction.__name__
            if name not in without and name not in _applied:
                correction()
                _applied.add(name)
