"""What a run costs, counted from its plan: state transitions, history events, and calls of the runner.

Counted are runs that succeed, and the retries that nodes ask for. A worker that dies adds one transition and three
events each time, a run that fails at most two transitions. A transition is a state that is entered
(https://aws.amazon.com/step-functions/pricing/); what a state adds to the history was counted on executions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from .blocks import Block, Choice, Gate, Par, Seq, Task
from .terms import Kind

if TYPE_CHECKING:
    from .conditions import Conditions
    from .graph import Graph
    from .units import Unit

MAX_ITEMS = 10_000
"""For how many items a container runs at most."""
BATCH_ITEMS = 500
"""How many items of a light body one call runs."""
EXECUTION_EVENTS = 20_000
"""What an execution may plan with: Step Functions ends it at 25,000, and workers that die add some
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)."""
NESTED_EVENTS = 400
"""What the items of a container inside another one may add to the execution around them."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a part of a run takes: all transitions and calls, but only the events of its own execution."""

    transitions: int = 0
    events: int = 0
    calls: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.transitions + other.transitions, self.events + other.events, self.calls + other.calls)

    def times(self, count: int) -> Cost:
        """This so many times."""
        return Cost(self.transitions * count, self.events * count, self.calls * count)

    def least(self, other: Cost) -> Cost:
        """The lesser of each figure."""
        return self._each(min, other)

    def most(self, other: Cost) -> Cost:
        """The greater of each figure."""
        return self._each(max, other)

    def _each(self, choose: Callable[[int, int], int], other: Cost) -> Cost:
        return Cost(
            choose(self.transitions, other.transitions),
            choose(self.events, other.events),
            choose(self.calls, other.calls),
        )


@dataclass(frozen=True, slots=True)
class Range:
    """From the least to the most."""

    least: Cost = Cost()
    most: Cost = Cost()

    def __add__(self, other: Range) -> Range:
        return Range(self.least + other.least, self.most + other.most)

    @classmethod
    def always(cls, cost: Cost) -> Range:
        """What costs the same each time."""
        return cls(cost, cost)

    @classmethod
    def one_of(cls, ranges: Iterable[Range]) -> Range:
        """What any of these may cost."""
        return reduce(lambda a, b: cls(a.least.least(b.least), a.most.most(b.most)), ranges)


NOTHING = Cost()
EXECUTION = Cost(events=2)
CALL = Cost(1, 5, 1)
RETRY = Cost(1, 3, 1)
TOKEN_CALL = Cost(1, 6, 1)
PARALLEL = Cost(1, 4)
MAP = Cost(1, 4)
ITEM = Cost(events=2)
CHOICE = Cost(1, 2)
WAIT = Cost(1, 2)
SUCCEED = Cost(1, 2)
_PAUSES: Mapping[Kind, Cost] = {Kind.WAIT: WAIT, Kind.DECISION: TOKEN_CALL, Kind.RUN: TOKEN_CALL}
"""What follows a unit that begins a node of this kind; of a run that it waits for, not that run itself."""


@dataclass(frozen=True, slots=True)
class Loop:
    """How the items of a container run."""

    item: Range
    """What one item costs; of a light body, one batch of them."""
    batch: int
    """How many items one call runs: one, but of a light body."""
    here: int
    """Up to this many items run in the execution of their container; more in executions of their own."""
    elsewhere: int
    """How many items such an execution runs; 0 where not even one fits."""

    @property
    def cost(self) -> Range:
        """What all items cost: no items the least; of the most, the events are those in the container's execution."""
        choice = NOTHING if self.batch > 1 else CHOICE
        inside = MAP.events + self.item.most.events * -(-self.here // self.batch)
        everything = MAP + self.item.most.times(-(-MAX_ITEMS // self.batch))
        if self.here < MAX_ITEMS:
            everything += TOKEN_CALL + (MAP + CALL).times(-(-MAX_ITEMS // max(1, self.elsewhere)))
        most = choice + replace(everything, events=max(inside, TOKEN_CALL.events))
        return Range(choice + MAP, most)


def loop_of(body: Range, share: int, *, is_light: bool) -> Loop:
    """The loop over a body that costs so much, when its items may add `share` events to their execution."""
    if is_light:
        return Loop(Range.always(ITEM + CALL), BATCH_ITEMS, MAX_ITEMS, MAX_ITEMS)
    item = Range.always(ITEM) + body
    events = item.most.events + CALL.events  # of an item that fails
    room = share - (CHOICE + MAP).events
    return Loop(item, 1, min(MAX_ITEMS, max(0, room // events)), EXECUTION_EVENTS // events)


@dataclass(frozen=True, slots=True)
class Counting:
    """Counts what a run of a graph, or an item of a body, costs."""

    graph: Graph
    units: Sequence[Unit]
    conditions: Conditions

    def count(self, block: Block, loops: Mapping[str, Loop]) -> Range:
        """All of it. A container without a loop counts nothing."""
        return self._chain(block, loops, true=0, ends=True)

    def _chain(self, block: Block, loops: Mapping[str, Loop], *, true: int, ends: bool) -> Range:
        """`ends`: nothing follows in its states, so that a Choice that passes all by needs a state to end in."""
        parts = block.blocks if isinstance(block, Seq) else (block,)
        total = Range()
        for index, part in enumerate(parts):
            total += self._part(part, loops, true=true, ends=ends and index == len(parts) - 1)
        return total

    def _part(self, block: Block, loops: Mapping[str, Loop], *, true: int, ends: bool) -> Range:
        if isinstance(block, Task):
            return self.unit(self.units[block.unit], loops)
        if isinstance(block, Gate):
            return Range.always(TOKEN_CALL)
        if isinstance(block, Choice):
            return self._choice(block, loops, true=true, ends=ends)
        assert isinstance(block, Par)
        branches = (self._chain(branch, loops, true=true, ends=True) for branch in block.branches)
        return sum(branches, Range.always(PARALLEL))

    def _choice(self, block: Choice, loops: Mapping[str, Loop], *, true: int, ends: bool) -> Range:
        implied = self.conditions.implied
        ways = [self._chain(part, loops, true=true | implied[o], ends=ends) for o, part in block.rules]
        if not self.conditions.are_exhaustive([outcome for outcome, _ in block.rules], true):
            ways.append(Range.always(SUCCEED if ends else NOTHING))
        return Range.always(CHOICE) + Range.one_of(ways)

    def unit(self, unit: Unit, loops: Mapping[str, Loop]) -> Range:
        """One unit, and what follows it of the node that it begins."""
        retries = self.graph.nodes[unit.anchor].max_attempts - 1 if unit.anchor else 0
        cost = Range(CALL, CALL + RETRY.times(retries))
        if unit.begins is None:
            return cost
        if pause := _PAUSES.get(self.graph.nodes[unit.begins].type.kind):
            return cost + Range.always(pause)
        return cost + (loops[unit.begins].cost if unit.begins in loops else Range())
