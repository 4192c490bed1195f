"""Deleting what may be many rows, in small transactions: no one waits long for one, and what is done stays done."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST = 1_000
BATCH_SECONDS = 1.0
"""From where on a batch is too large. What belongs to a row may be a hundred thousand others, so the first has one."""


def in_batches(delete: Callable[[int], int], seconds: float) -> tuple[int, bool]:
    """Delete batch by batch, and begin none but the first after these seconds: how many were deleted, and whether that
    was all. `delete` takes the most that it may delete, and gives how many it did."""
    began, size, count = time.monotonic(), 1, 0
    while True:
        batch_began = time.monotonic()
        deleted = delete(size)
        count += deleted
        now = time.monotonic()
        if deleted < size:
            return count, True
        if now - began >= seconds:
            return count, False
        size = min(size * 2, MOST) if now - batch_began < BATCH_SECONDS else max(size // 2, 1)
