"""Starting runs in their turn: as many as the limits allow, fair between workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.errors import StepgraphError
from chalicelib.observability import logger

from .queue import Places, QueueRepository

if TYPE_CHECKING:
    from chalicelib.db import Database

    from .executions import Executions
    from .state import UnfinishedRun

AFTER_AN_END = 2
"""How many runs are started when one has ended: for its own place, and for one that a crash left free."""


class Dispatcher:
    """Gives places to runs that wait for one. A run that has a place and could not be started is left to the
    reconciler."""

    def __init__(self, database: Database, places: Places, executions: Executions) -> None:
        self._database = database
        self._places = places
        self._executions = executions

    def dispatch(self, at_most: int) -> int:
        """Start runs from the queue while there are places for them; how many there were.

        `at_most` because someone waits for the caller, and a queue may have many places at once: after an outage, or
        when an operator raised a limit.
        """
        count = 0
        while count < at_most and (run := self._admit_next()):
            count += 1
            try:
                self._executions.start(run)
            except StepgraphError:  # it may be anyone's run, so whoever is here is not told
                logger.exception("run has a place, not started yet", run_id=str(run["id"]))
        return count

    def _admit_next(self) -> UnfinishedRun | None:
        with self._database.transaction() as connection:
            queue = QueueRepository(connection)
            if queue.is_empty():
                return None
            queue.lock()
            return queue.admit_next(self._places)
