"""The process that evaluates for the sandbox, with a bound on its memory. It knows no secret of its parent's.

A request is `{source, bindings}`; an answer `{value}` or `{reason, position}`, and `tired` where the process has grown
so much that another one had better take over.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from .errors import ExpressionError
from .evaluation import evaluate
from .frames import HEADER, frame

MEMORY_BYTES = 256 * 1024 * 1024
MAX_ANSWER_BYTES = 16 * 1024 * 1024
TOO_MUCH_MEMORY = f"it needs more than {MEMORY_BYTES // 1024**2} MiB of memory"


def main() -> None:
    """Answer until the parent hangs up."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    while header := sys.stdin.buffer.read(HEADER.size):
        sys.stdout.buffer.write(_framed(*HEADER.unpack(header)))
        sys.stdout.buffer.flush()


def _framed(length: int) -> bytes:
    try:
        answer = frame(_answer(sys.stdin.buffer.read(length)))
    except MemoryError:
        return _refusal(TOO_MUCH_MEMORY)
    too_much = f"it gives more than {MAX_ANSWER_BYTES // 1024**2} MiB"
    return answer if len(answer) <= MAX_ANSWER_BYTES else _refusal(too_much)


def _refusal(reason: str) -> bytes:
    return frame({"reason": reason, "position": None, "tired": True})


def _answer(request: bytes) -> dict[str, Any]:
    asked = json.loads(request)
    try:
        answer = {"value": evaluate(asked["source"], asked["bindings"])}
    except ExpressionError as error:
        answer = {"reason": error.reason, "position": error.position}
    return answer | {"tired": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > MEMORY_BYTES // 2}


if __name__ == "__main__":
    main()
