"""What a backend keeps for a schedule: timers that call the trigger, each by one expression of EventBridge's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

PREFIX = "stepgraph-"
"""Of the names of all our timers; nothing else is ever touched."""
UUID_LENGTH = 36
AT_ONCE = 16
"""How many calls to AWS are made side by side where there are many timers to look at or to mend."""


@dataclass(frozen=True, slots=True)
class Timer:
    """One timer: `expression` is EventBridge's `cron(…)`, in UTC. Its name says which workflow it calls."""

    name: str
    expression: str
    is_enabled: bool

    @property
    def workflow_id(self) -> UUID | None:
        """None of a timer that someone else named so."""
        return workflow_of(self.name)


@dataclass(frozen=True, slots=True)
class ActualTimer(Timer):
    """A timer as the backend has it. `is_intact`: it calls the trigger as it should. `is_ours`: it calls no other one,
    such as that of another deployment in the same account."""

    is_intact: bool
    is_ours: bool

    def does(self, wanted: Timer) -> bool:
        """Whether it does what is wanted."""
        return self.is_intact and Timer(self.name, self.expression, self.is_enabled) == wanted


class TimerBackend(Protocol):
    """Where timers are kept. All raise UnavailableError."""

    name: str

    def find(self, prefix: str) -> Iterator[ActualTimer]:
        """The timers whose names begin so."""

    def put(self, timer: Timer) -> None:
        """Make a timer, or make it so."""

    def delete(self, name: str) -> None:
        """Take a timer away; one that is not there is left alone."""


def name_of(workflow_id: UUID, number: int) -> str:
    """The name of a workflow's timer, of several the one of that number."""
    return f"{prefix_of(workflow_id)}{number}"


def prefix_of(workflow_id: UUID) -> str:
    """What the names of a workflow's timers begin with."""
    return f"{PREFIX}{workflow_id}-"


def workflow_of(name: str) -> UUID | None:
    """The workflow whose timer is named so; None where it is none of ours."""
    try:
        return UUID(name.removeprefix(PREFIX)[:UUID_LENGTH])
    except ValueError:
        return None
