"""The nodes of a simulated run, or of one item of a container: what began, what ended, and who may know."""

from __future__ import annotations

from .clock import Clock, Event
from .rules import Choices, Drawing, Ran, is_chosen


class SimulationError(Exception):
    """The definition does not do what was drawn."""


class Scope:
    """The nodes of a run, or of one item of a container."""

    def __init__(self, drawing: Drawing, path: str, clock: Clock, choices: Choices, ended: dict[str, Ran]) -> None:
        self.drawing = drawing
        self._path = path
        self._clock = clock
        self._choices = choices
        self._ended = ended
        self._began: dict[str, float] = {}
        self._ran: dict[str, bool] = {}
        self._known: set[str] = set()
        self._settled = False
        self._gates: list[tuple[list[str], Event]] = []

    def gate(self, node_ids: list[str]) -> Event:
        """That it is known of all these nodes how they ended, and someone looked."""
        self._gates.append((node_ids, Event()))
        self._open_gates()
        return self._gates[-1][1]

    def begin(self, node_id: str) -> bool:
        """Whether a node runs now; otherwise it is skipped, or was."""
        if node_id in self._began:
            raise SimulationError(f"{self._path}{node_id} runs twice")
        if node_id in self._ran:
            return False
        early = [source for source, _ in self.drawing.incoming[node_id] if source not in self._ran]
        if early:
            raise SimulationError(f"{self._path}{node_id} begins before {', '.join(early)}")
        if self.drawing.is_due(node_id, self._ran, self._choices):
            self._began[node_id] = self._clock.now
            return True
        self._decide(node_id, ran=False)
        return False

    def end(self, node_id: str) -> None:
        """A node that began is done."""
        if node_id in self._ran:
            raise SimulationError(f"{self._path}{node_id} ends twice")
        self._decide(node_id, ran=True)

    def conclude(self, node_id: str) -> None:
        """A paused node is done, unless it was skipped."""
        if node_id not in self._began and node_id not in self._ran:
            raise SimulationError(f"{self._path}{node_id} ends before it began")
        if node_id in self._began:
            self.end(node_id)

    def goes_on(self, node_id: str, handle: str) -> bool:
        """Whether an edge would be live."""
        return self._ran.get(node_id, False) and is_chosen(handle, self._choices.get(node_id, "out"))

    def tell(self, node_ids: list[str], *, last: bool, awaited: bool) -> None:
        """A unit ended: what it decided is known, and so is what is dead by that. `last`: it looks whether all is done;
        `awaited`: it looks for gates that it opens."""
        pending = [node_id for node_id in node_ids if node_id in self._ran]
        while pending:
            node_id = pending.pop()
            if node_id not in self._known:
                self._known.add(node_id)
                pending += [after for after in self.drawing.followers[node_id] if self._is_dead(after)]
        if awaited:
            self._open_gates()
        self._settled |= last and len(self._known) == len(self.drawing.nodes)

    def check(self) -> None:
        """All nodes are decided."""
        left = [node_id for node_id in self.drawing.nodes if node_id not in self._known]
        if left:
            raise SimulationError(f"never decided: {', '.join(self._path + node_id for node_id in left)}")
        if not self._settled:
            raise SimulationError(f"no unit saw that all is done: {self._path}")

    def _open_gates(self) -> None:
        for node_ids, opened in self._gates:
            if self._known.issuperset(node_ids) and not opened.happened:
                self._clock.tell(opened)

    def _is_dead(self, node_id: str) -> bool:
        if node_id in self._ran or node_id in self._began:
            return False
        decided = all(source in self._known for source, _ in self.drawing.incoming[node_id])
        if not decided or self.drawing.is_due(node_id, self._ran, self._choices):
            return False
        self._decide(node_id, ran=False)
        return True

    def _decide(self, node_id: str, *, ran: bool) -> None:
        now = self._clock.now
        self._ran[node_id] = ran
        self._ended[self._path + node_id] = Ran("ran" if ran else "skipped", self._began.get(node_id, now), now)
