"""The process that evaluates for the sandbox, bounded in memory and time. It knows no secret of its parent's.

A request is `(source, bindings)`, an answer `(value, None)` or `(None, (reason, position))`. Whatever takes too much
kills it.
"""

from __future__ import annotations

import marshal
import os
import resource
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from .errors import ExpressionError
from .evaluation import evaluate

MEMORY_BYTES = 256 * 1024 * 1024
SECONDS = 3
MAX_UNITS = 500_000
"""Of what is handed back: that much takes the parent less than 100 MB."""
UNIT_CHARACTERS = 64
OUT_OF_MEMORY = 99
"""The exit code where Python itself had too little."""


def main() -> None:
    """Answer until the parent hangs up."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    connection = Connection(int(sys.argv[1]))
    with suppress(EOFError, OSError):
        while True:
            request = connection.recv_bytes()
            signal.alarm(SECONDS)
            connection.send_bytes(_answer(*marshal.loads(request)))  # noqa: S302 - of our own making
            signal.alarm(0)


def _answer(source: str, bindings: Mapping[str, Any]) -> bytes:
    try:
        value = evaluate(source, bindings)
    except ExpressionError as error:
        return marshal.dumps((None, (error.reason, error.position)))
    if _units(value) > MAX_UNITS:
        return marshal.dumps((None, (f"it gives more than {MAX_UNITS:,} values", None)))
    return marshal.dumps((value, None))


def _units(value: Any) -> int:
    """How large a value is: each value in it is one, as are 64 characters. Past the limit it is not counted on."""
    pending, count = [value], 0
    while pending and count + len(pending) <= MAX_UNITS:
        item = pending.pop()
        count += 1
        if isinstance(item, str):
            count += len(item) // UNIT_CHARACTERS
        elif isinstance(item, dict):
            pending += item
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return count + len(pending)


if __name__ == "__main__":
    try:
        main()
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
