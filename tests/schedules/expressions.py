"""Crons to test with: random ones, and those that have broken others."""

from __future__ import annotations

from random import Random

NASTY = (
    "* * * * *", "*/15 * * * *", "*/7 * * * *", "* */5 * * *", "0 */5 * * *", "59 23 * * *", "0 0 * * *",
    "30 2 * * *", "*/30 2 * * *", "0,30 2 * * *", "0 2,3 * * *", "15 1-3 * * *", "* 2 * * *", "0-59 2 * * *",
    "0 0-23 * * *", "30 1 * * 0", "30 2 28 3 *", "30 2 31 10 *", "0 3 * * *", "45 0 * * *", "0 23 31 12 *",
    "0 0 1 1 *", "0 0 1 3 *", "0 23 28 2 *", "0 12 29 2 *", "0 0 29 2 1", "0 0 31 * *", "0 0 30 * 5",
    "0 0 13 * 5", "0 0 */2 * 1", "0 0 1-31 * 1", "0 0 1 * 0-7", "0 0 * 2 *", "0 5 * * 5-7", "0 0,12 1 */2 *",
    "0 22 * * 1-5", "*/20 9-17 * * 1-5", "7,13,51 1,5,9,22 3,9 2,4 2", "0 0 30 2 *", "0 0 31 2,4 3",
    "1-59/2 1-23/2 1-31/2 1-11/2 *", "0 0 * 1-11/2 */2", "5 0 * 3 *", "55 23 31 1,3,5,7,8,10,12 *", "@weekly",
    "@hourly",
)  # fmt: skip
"""Changes of summer time, month ends, leap days, either day, steps that restart, all at once."""


def random_cron(random: Random) -> str:
    """Any field may be a star, a step, a number, a list or a range; hours are often small ones, where clocks change."""
    hours = (0, 3) if random.random() < 0.5 else (0, 23)
    minute = _field(random, 0, 59, stars=0.1)
    return " ".join(
        (
            minute,
            _field(random, *hours, stars=0.2),
            _field(random, 1, 31, stars=0.55),
            _field(random, 1, 12, stars=0.6),
            _field(random, 0, 7, stars=0.5),
        )
    )


def _field(random: Random, low: int, high: int, stars: float) -> str:
    if random.random() < stars:
        return "*"
    if random.random() < 0.15:
        return f"*/{random.randint(1, max(2, high // 2))}"
    return ",".join(_part(random, low, high) for _ in range(random.choice((1, 1, 1, 2, 3))))


def _part(random: Random, low: int, high: int) -> str:
    """A range has two ends: cronsim takes `3-3/1` for `3/1`, and that for all from 3 on."""
    first, last = sorted(random.sample(range(low, high + 1), 2))
    if random.random() < 0.7:
        return str(first)
    return f"{first}-{last}" if random.random() < 0.6 else f"{first}-{last}/{random.randint(1, 7)}"
