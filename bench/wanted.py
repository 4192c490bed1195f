"""What is wanted of each figure: the numbers that a change must not make worse."""

from __future__ import annotations

import operator
from typing import Any

WANTED: dict[tuple[str, Any], tuple[str, ...]] = {
    ("create", 1): ("p50_ms < 15",),
    ("create", 16): ("per_second > 60",),
    ("get", 1): ("p50_ms < 8",),
    ("get", 16): ("per_second > 150",),
    ("update", 1): ("p50_ms < 8",),
    ("list_1000", 1): ("p50_ms < 15",),
    ("list_100000", 1): ("p50_ms < 15", "p50_over_list_1000 < 1.5"),
    ("list_runs", 1): ("p50_ms < 8",),
    ("list_runs", 16): ("per_second > 150",),
    ("transforms_in_a_row", 40): ("p50_ms < 80",),
    ("parallel_requests_of_1_s", 10): ("p50_ms < 1500",),
    ("parallel_requests_of_1_s", 40): ("p50_ms < 2500",),
    ("ladder_of_half_seconds", 12): ("p50_over_critical_path < 1.15",),
    ("runs_of_10_transforms", 16): ("per_second > 25",),
    ("runs_of_10_mixed_nodes", 16): ("per_second > 25",),
    ("ready", "first"): ("seconds < 5",),
    ("ready", "warm"): ("seconds < 5",),
    ("compile", "random_10"): ("ms < 1",),
    ("compile", "random_100"): ("ms < 10",),
    ("compile", "random_1000"): ("ms < 150",),
    ("compile", "series_parallel_1000"): ("ms < 150",),
    ("makespan", "n8n_drawn"): ("max < 1.000001",),
    ("makespan", "all_drawn"): ("max < 1.000001",),
    ("makespan", "all_requests"): ("max < 1.000001",),
    ("makespan_with_latency", "n8n_requests"): ("mean < 1.003", "p95 < 1.008"),
    ("states_before_fusion", "n8n"): ("total < 1.1205",),
    ("conditional", "n8n_drawn"): ("transitions < 10.5", "skip_calls < 0.3"),
    ("conditional", "n8n_requests"): ("skip_calls < 0.3",),
    ("conditional", "n8n_apart"): ("transitions_per_node_run < 1.3125", "skip_calls < 0.3"),
    ("gates", "random_series_parallel"): ("gates < 1",),
    ("gates", "real_series_parallel"): ("gates < 1",),
    ("schedules", "translated_10000"): ("seconds < 5",),
    ("schedules", "decided"): ("p50_us < 50", "max_ms < 5"),
    ("schedules", "next_ten"): ("max_ms < 20",),
    ("storm", 1000): ("once > 999", "runs < 1001"),
    ("cold_start", "api, get"): ("over_bare < 30",),
    ("cold_start", "execution_status, nothing to do"): ("over_bare < 18",),
    ("cold_start", "schedule_trigger, not due"): ("over_bare < 18",),
    ("transitions", 281): ("transitions_per_node < 0.8",),
    ("memory", "idle"): ("total_mb < 300",),
    ("memory", "after_runs"): ("total_mb < 300",),
}
"""By the figure and its first parameter."""

_COMPARISONS = {"<": operator.lt, ">": operator.gt}


def judged(figure: str, parameter: dict[str, Any], measured: dict[str, Any]) -> dict[str, Any]:
    """A line of the output: the figure, what is wanted of it, and whether it is met."""
    line = {"figure": figure, **parameter, **measured}
    wanted = WANTED.get((figure, next(iter(parameter.values()))), ())
    if wanted:
        line["wanted"] = " and ".join(wanted)
        line["met"] = not line.get("errors") and all(_holds(text, line) for text in wanted)
    return line


def _holds(wanted: str, line: dict[str, Any]) -> bool:
    field, comparison, limit = wanted.split()
    return bool(_COMPARISONS[comparison](line[field], float(limit)))
