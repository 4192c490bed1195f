"""`stepgraph timeline`: when each node ran."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stepgraph.progress import Row, rows
from stepgraph.timeline import NOTHING, span, timeline
from tests.cli.conftest import Cli
from tests.client import Api, graph, node

BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def at(moment: float | None) -> str | None:
    return None if moment is None else (BEGIN + timedelta(seconds=moment)).isoformat()


def result(status: str = "succeeded", start: float | None = None, end: float | None = None, **more: Any) -> Any:
    return {"status": status, "started_at": at(start), "completed_at": at(end), **more}


def run_of(completed: float | None = None, **results: Any) -> dict[str, Any]:
    return {"id": "0", "started_at": at(0), "completed_at": at(completed), "node_results": results}


def row(label: str, start: float | None, took: float | None, **more: Any) -> Row:
    given = {"type": "transform", "status": "succeeded", "attempts": 1, "note": "", "depth": 0} | more
    return Row(id=label, label=label, start=start, at=start, took=took, **given)


def drawn(*shown: Row, width: int = 80) -> list[str]:
    return [line.plain.rstrip() for line in timeline(shown, width)]


def inside(container: str, drawn: dict[str, Any]) -> dict[str, Any]:
    return drawn | {"parentId": container}


def test_nodes_come_in_the_order_of_their_starts_and_those_that_never_ran_last() -> None:
    nodes = graph([node("never", "fail"), node("late"), node("early")])
    run = run_of(late=result(start=2, end=3), early=result(start=0.5, end=1), never=result("skipped", end=3))
    assert [(shown.label, shown.start, shown.took) for shown in rows(run, nodes)] == [
        ("early", 0.5, 0.5),
        ("late", 2, 1),
        ("never", None, None),
    ]


def test_nodes_inside_a_container_stand_below_it() -> None:
    nodes = [
        inside("inner", node("deep")),
        inside("each", node("second")),
        inside("each", node("inner", "for_each")),
        node("each", "for_each"),
        inside("each", node("never")),
        node("beside"),
    ]
    run = run_of(
        each=result(start=1, end=5),
        inner=result(start=2, end=3),
        deep=result(start=2, end=3),
        second=result(start=4, end=5),
        beside=result(start=1.5, end=2),
    )
    expected = [("each", 0), ("inner", 1), ("deep", 2), ("second", 1), ("never", 1), ("beside", 0)]
    shown = rows(run, graph(nodes))
    assert [(each.label, each.depth) for each in shown] == expected
    each, inner, *_ = drawn(*shown)
    assert each.startswith("each  ")
    assert inner.startswith("  inner  ")


def test_a_running_node_lasts_until_now_and_after_the_run_until_its_end() -> None:
    unfinished = {"a": result("running", start=1)}
    (now,) = rows(run_of(**unfinished), graph([node("a")]), BEGIN + timedelta(seconds=5))
    (ended,) = rows(run_of(3, **unfinished), graph([node("a")]), BEGIN + timedelta(seconds=5))
    assert (now.took, ended.took) == (4, 2)


def test_bars_of_nodes_that_ran_side_by_side_overlap_and_others_do_not() -> None:
    one, two, then, ruler, numbers = drawn(
        row("one", 0, 1), row("two", 0, 0.5), row("then", 1, 2), row("no", None, None)
    )
    assert one.index("█") == two.index("█") == ruler.index("┴")
    assert then.index("█") == one.rindex("█") + 1
    assert abs(one.count("█") - 2 * two.count("█")) <= 1
    assert abs(then.count("█") - 2 * one.count("█")) <= 1
    assert one.endswith("1.0 s")
    assert numbers.split()[:2] == ["0", "s"]


def test_waits_failures_and_instants_look_different_without_colour() -> None:
    lines = drawn(
        row("work", 0, 1), row("pause", 0, 1, type="wait"), row("broken", 0, 1, status="failed"), row("flash", 1, 0)
    )
    assert [line.split()[1][0] for line in lines[:4]] == ["█", "░", "▒", "▏"]


def test_a_timeline_keeps_its_width_whatever_nodes_are_called() -> None:
    lines = drawn(*(row(f"{index} is 長い名前の " * 5, index * 700, 700) for index in range(20)), width=100)
    assert max(map(len, lines)) <= 100
    assert lines[-3].endswith("█ 11 min 40 s")
    assert "…  " in lines[0]


def test_a_run_in_which_nothing_took_time_is_drawn() -> None:
    assert drawn(row("only", 0, 0))[0].startswith("only  ▏")


def test_a_run_that_has_not_begun_says_so() -> None:
    assert drawn(row("a", None, None)) == [NOTHING]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 10, (0, 50)), (5, 10, (25, 25)), (9.999, 10, (49, 1)), (10, 10, (49, 1))],
)
def test_a_bar_has_a_cell_at_least_and_stays_in_its_room(start: float, end: float, expected: tuple[int, int]) -> None:
    assert span(start, end, 10, 50) == expected


def test_the_command_draws_a_run_and_what_its_bars_mean(cli: Cli, owner: Api) -> None:
    run = owner.run(graph([node("pause", "wait", {"seconds": 1}), node("broken", "fail", {"message": "no"})]))
    head, first, second, _, _, legend = cli("timeline", run["id"]).out.splitlines()
    assert "✗ failed" in head
    assert {line.split()[0]: line.split()[1][0] for line in (first, second)} == {"pause": "░", "broken": "▒"}
    assert legend.split()[0] == "█"
