"""The words that graphs, their runs and their records share."""

from enum import Enum

DEFAULT_HANDLE = "out"
ERROR_HANDLE = "error"


class Kind(Enum):
    """How a node spends its time; decides which unit it may share."""

    PURE = "pure"
    """Microseconds of computing, no input or output."""
    IO = "io"
    """Waits on the outside world inside its Lambda call."""
    WAIT = "wait"
    """Waits in Step Functions, with nothing running."""
    EACH = "each"
    """A container: Step Functions runs what it holds for each of its items."""
    DECISION = "decision"
    """Waits in Step Functions until someone decides."""
    RUN = "run"
    """Waits in Step Functions for the run of another workflow, which it starts."""
