"""What schedules cost, apart from any stack: translating them to rules, deciding a minute, telling fire times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from chalicelib.schedules.cron import Cron, parse
from chalicelib.schedules.fire_times import fires_at, next_fire_times
from chalicelib.schedules.rules import expressions
from tests.schedules.expressions import NASTY, random_cron

from .wanted import judged

SCHEDULES, DECISIONS, REPETITIONS = 10_000, 20_000, 3
SHOWN_FIRE_TIMES = 10
NOW = datetime(2027, 3, 27, 12, tzinfo=UTC)
LEAP_DAYS = ("0 0 29 2 *", "0 0 29 2 */7", "59 23 29 2 */5", "59 23 29 2 */6", "0 0 31 12 */6", "0 0 30 2 *")
"""What is rare takes longest to find: a leap day on one weekday comes every 28 or 40 years."""


def schedules() -> Iterator[dict[str, Any]]:
    """Random crons over all zones; the times of the worst one found."""
    random = Random(1)
    crons = [parse(random_cron(random)) for _ in range(SCHEDULES)]
    zones = [ZoneInfo(name) for name in sorted(available_timezones())]
    drawn = [(cron, random.choice(zones)) for cron in crons]
    began = time.perf_counter()
    rules = sum(len(expressions(cron, zone, NOW)) for cron, zone in drawn)
    measured = {"seconds": round(time.perf_counter() - began, 2), "rules": round(rules / len(drawn), 2)}
    yield judged("schedules", {"what": f"translated_{len(drawn)}"}, measured)
    decided = [_seconds(partial(fires_at, *each, _minute(random))) for each in random.choices(drawn, k=DECISIONS)]
    measured = {"p50_us": round(median(decided) * 1e6, 1), "max_ms": round(max(decided) * 1000, 3)}
    yield judged("schedules", {"what": "decided"}, measured)
    took = {cron.fields: _next_ten(cron, ZoneInfo("Europe/Berlin")) for cron in _hard(crons)}
    worst = max(took, key=lambda fields: took[fields])
    yield judged("schedules", {"what": "next_ten"}, {"max_ms": round(took[worst] * 1000, 2), "cron": " ".join(worst)})


def _hard(crons: list[Cron]) -> list[Cron]:
    return [*map(parse, (*NASTY, *LEAP_DAYS)), *crons[:500]]


def _next_ten(cron: Cron, zone: ZoneInfo) -> float:
    return min(_seconds(lambda: next_fire_times(cron, zone, NOW, SHOWN_FIRE_TIMES)) for _ in range(REPETITIONS))


def _minute(random: Random) -> datetime:
    return NOW + timedelta(minutes=random.randrange(2 * 365 * 24 * 60))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
