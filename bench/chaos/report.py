"""What came of it all, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .checks import Evidence, Result, time_of
from .clients import Broken, Order
from .victim import Kill


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and what is known of it. Times in seconds."""

    seed: int
    kills: Sequence[Kill]
    orders: Sequence[Order]
    evidence: Sequence[Evidence]
    settled: float
    lasted: float
    broken_by_all: Sequence[Broken]
    """Promises that were broken by no run alone."""

    @property
    def broken(self) -> list[Broken]:
        return [*self.broken_by_all, *(each for order in self.orders for each in order.broken)]

    @property
    def results(self) -> list[Result]:
        return [result for each in self.evidence for result in each.results]

    @property
    def in_flight(self) -> Counter[str]:
        """How many runs of each kind were going on at a kill, summed over the kills."""
        spans = [(each.order.kind.name, *_span(each)) for each in self.evidence]
        return Counter(name for kill in self.kills for name, began, ended in spans if began < kill.began < ended)

    @property
    def resumptions(self) -> list[float]:
        """How long after the last kill before it each resumption of a run was."""
        events = [event for each in self.evidence for event in each.run["history"] if event["event"] == "resumed"]
        return [at - self._kill_before(at).began for at in (time_of(event["at"]) for event in events)]

    @property
    def late_waits(self) -> list[float]:
        """How long after its time, or after the stack was back, each wait ended that lasted over a kill."""
        return [
            ended - max(until, self._kill_before(ended).back)
            for each in self.evidence
            for began, until, ended in each.waits
            if any(began < kill.began < ended for kill in self.kills)
        ]

    def _kill_before(self, at: float) -> Kill:
        return max((kill for kill in self.kills if kill.began <= at), key=lambda kill: kill.began)


def _span(evidence: Evidence) -> tuple[float, float]:
    history = evidence.run["history"]
    return time_of(history[0]["at"]), time_of(history[-1]["at"])


def table(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Its rows: what, and how much of it."""
    orders, results, kills = outcome.orders, outcome.results, outcome.kills
    accepted = sum(order.run_id is not None for order in orders)
    yield "seed", str(outcome.seed)
    yield "runs accepted", f"{accepted} of {len(orders)}"
    killed = _counted(Counter(kill.postgres for kill in kills))
    yield "kills of the stack and its Postgres", f"{len(kills)}: Postgres {killed}"
    yield "  of them while it was starting", str(sum(kill.early for kill in kills))
    yield "runs in flight at the kills", f"{outcome.in_flight.total()}: {_counted(outcome.in_flight)}"
    yield "runs resumed", f"{len(outcome.resumptions)} times"
    ends = Counter(each.run["status"] for each in outcome.evidence)
    yield "ended as drawn", f"{sum(each.ends_as_drawn for each in outcome.evidence)} of {accepted}: {_counted(ends)}"
    yield "nodes succeeded", str(sum(result.told["status"] == "succeeded" for result in results))
    yield from _calls([result for each in outcome.evidence for result in each.asking])
    yield "runs stuck", str(accepted - len(outcome.evidence))
    yield "waits over a kill, the latest end", f"{len(outcome.late_waits)}, {_longest(outcome.late_waits)} late"
    yield "longest recovery: it answers again", _longest([kill.back - kill.began for kill in kills])
    yield "longest recovery: a run goes on", _longest(outcome.resumptions)
    yield "from the last start to the last end", f"{outcome.settled:.1f} s"
    yield "all of it", f"{outcome.lasted:.0f} s"


def _calls(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    calls = sum(len(result.calls) for result in results)
    succeeded = sum(result.attempts("succeeded") for result in results)
    failed = sum(result.attempts("failed") for result in results)
    unanswered = sum(result.attempts("lost", "cancelled") for result in results)
    cut = calls - succeeded - failed
    yield "calls made", str(calls)
    yield "  one a success", str(succeeded)
    yield "  answered by an error, as drawn", str(failed)
    yield "  of an attempt that a kill cut", str(cut)
    yield "attempts that a kill cut before their call", str(unanswered - cut)
    yield "repeated successes", str(sum(len(result.calls_after_success) for result in results))


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def _longest(seconds: Sequence[float]) -> str:
    return f"{max(seconds, default=0.0):.1f} s"
