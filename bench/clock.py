"""Processes that sleep and wait for events, in simulated time."""

from __future__ import annotations

from collections.abc import Callable, Generator
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

Process = Generator["float | Event", None, Any]
"""Yields the time until which it sleeps, or what it waits for."""


class Event:
    """Something that happens once, and those who wait for it."""

    def __init__(self) -> None:
        self.happened = False
        self.waiting: list[Process] = []


class Clock:
    """Runs processes in the order of their times; of what happens at the same time, `seed` draws what comes first."""

    def __init__(self, seed: int | None = None) -> None:
        self.now = 0.0
        self._tie: Callable[[], float] = (lambda: 0.0) if seed is None else Random(seed).random
        self._number = count()
        self._due: list[tuple[float, float, int, Process]] = []
        self._ends: dict[Process, Event] = {}

    def start(self, process: Process) -> Event:
        """Let a process go; the event that it ended."""
        ended = self._ends[process] = Event()
        self._schedule(process, self.now)
        return ended

    def tell(self, event: Event) -> None:
        """Let an event happen."""
        event.happened = True
        for process in event.waiting:
            self._schedule(process, self.now)
        event.waiting.clear()

    def run(self) -> None:
        """Until nothing can go on."""
        while self._due:
            self.now, _, _, process = heappop(self._due)
            self._resume(process)

    def _schedule(self, process: Process, time: float) -> None:
        heappush(self._due, (time, self._tie(), next(self._number), process))

    def _resume(self, process: Process) -> None:
        for wanted in process:
            if not isinstance(wanted, Event):
                return self._schedule(process, wanted)
            if not wanted.happened:
                wanted.waiting.append(process)
                return None
        return self.tell(self._ends.pop(process))
