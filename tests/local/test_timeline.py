"""A run as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.timeline import Bar, bars, cut, progress, seconds, span, table, timeline
from tests.client import graph, node

BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def at(moment: float) -> str:
    return (BEGIN + timedelta(seconds=moment)).isoformat()


def result(status: str = "succeeded", start: float | None = None, end: float | None = None, **more: Any) -> Any:
    times = {"started_at": start, "completed_at": end}
    return {"status": status, **{key: None if value is None else at(value) for key, value in times.items()}, **more}


def run_of(completed: float | None = None, **results: Any) -> dict[str, Any]:
    return {
        "started_at": at(0),
        "completed_at": None if completed is None else at(completed),
        "node_results": results,
    }


def bar(label: str, start: float | None, end: float | None, **more: Any) -> Bar:
    given = {"type": "transform", "status": "succeeded", "branch": "", "attempts": 1, "note": ""} | more
    return Bar(label=label, start=start, end=end, **given)


def test_nodes_come_in_the_order_of_their_starts_and_those_that_never_ran_last() -> None:
    drawn = graph([node("never", "fail"), node("late"), node("early")])
    run = run_of(late=result(start=2, end=3), early=result(start=0.5, end=1), never=result("skipped", end=3))
    assert [(shown.label, shown.start, shown.end) for shown in bars(run, drawn)] == [
        ("early", 0.5, 1),
        ("late", 2, 3),
        ("never", None, None),
    ]


def test_a_node_without_a_result_yet_is_pending() -> None:
    (shown,) = bars(run_of(), graph([node("a")]))
    assert (shown.status, shown.start, shown.attempts) == ("pending", None, 0)


def test_a_running_node_lasts_until_now_and_after_the_run_until_its_end() -> None:
    drawn = graph([node("a")])
    unfinished = {"a": result("running", start=1)}
    (now,) = bars(run_of(**unfinished), drawn, BEGIN + timedelta(seconds=5))
    (ended,) = bars(run_of(3, **unfinished), drawn, BEGIN + timedelta(seconds=5))
    assert (now.end, ended.end) == (5, 3)


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({"output": {"status": 200, "headers": {"a": "b"}, "body": {"id": 7, "paid": True}}}, "200 id: 7, paid: true"),
        ({"output": "text"}, "text"),
        ({"output": [1, None]}, "[1, null]"),
        ({"output": 0}, "0"),
        ({"output": None}, ""),
        ({"error": {"code": "bad_config", "message": "url: missing"}}, "url: missing"),
        ({"error": {"code": "http_status", "message": "answered 500", "status": 500, "body": "no"}}, "500 no"),
    ],
)
def test_a_note_says_what_matters_of_an_output_or_error(more: dict[str, Any], note: str) -> None:
    (shown,) = bars(run_of(a=result(start=0, end=1, **more)), graph([node("a")]))
    assert shown.note == note


def items(**counts: int) -> dict[str, int]:
    return dict.fromkeys(("running", "waiting", "succeeded", "failed", "skipped", "cancelled"), 0) | counts


def inside(container: str, drawn: dict[str, Any]) -> dict[str, Any]:
    return drawn | {"parentId": container}


def test_nodes_inside_a_container_stand_below_it_in_the_order_of_their_starts() -> None:
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
    assert [(shown.label, shown.depth) for shown in bars(run, graph(nodes))] == expected


@pytest.mark.parametrize(
    ("counts", "note"),
    [
        ({"succeeded": 12}, "12 items"),
        ({"succeeded": 11, "failed": 1}, "12 items, 1 failed"),
        ({"running": 2, "succeeded": 1, "skipped": 3}, "6 items, 2 running, 3 skipped"),
        ({"cancelled": 1}, "1 item, 1 cancelled"),
        ({}, ""),
    ],
)
def test_a_node_inside_a_container_tells_how_its_items_did(counts: dict[str, int], note: str) -> None:
    drawn = graph([node("each", "for_each"), inside("each", node("a"))])
    shown = bars(run_of(each=result(start=0), a=result(start=0, end=1, items=items(**counts))), drawn)[1]
    assert shown.note == note


def test_its_first_error_is_told_behind_that() -> None:
    error = {"code": "http_status", "message": "answered 404", "status": 404, "body": "no such lamp"}
    drawn = graph([node("each", "for_each"), inside("each", node("ask"))])
    failed = result("failed", start=0, end=1, items=items(succeeded=2, failed=1), error=error)
    assert bars(run_of(ask=failed), drawn)[1].note == "3 items, 1 failed: 404 no such lamp"


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({"output": [{"a": 1}, {"error": {"code": "x", "message": "no", "node_id": "a"}}]}, "2 items, 1 failed"),
        ({"output": ["a", {"error": 1}, {"error": {"code": "drawn so"}}]}, "3 items"),
        ({"output": []}, ""),
        ({"output": None}, ""),
        ({"output": None, "items": items(succeeded=2)}, "2 items"),
        ({"error": {"code": "item_failed", "message": "item 1 failed: no", "item": 1}}, "item 1 failed: no"),
    ],
    ids=["some failed", "outputs that look like it", "no items", "running", "inside another", "failed"],
)
def test_a_container_tells_how_many_items_it_had_instead_of_all_they_gave(more: dict[str, Any], note: str) -> None:
    (shown,) = bars(run_of(each=result(start=0, end=1, **more)), graph([node("each", "for_each")]))
    assert shown.note == note


def test_what_is_inside_a_container_is_indented_in_the_table_and_on_the_timeline() -> None:
    shown = [bar("Each", 0, 1, type="for_each"), bar("Ask  the\tstock", 0, 1, depth=1), bar("b" * 60, 0, 1, depth=2)]
    for drawn in (table(shown).splitlines()[2:], timeline(shown).splitlines()[:3]):
        each, ask, deep = drawn
        assert each.startswith("Each  ")
        assert ask.startswith("  Ask the stock  ")
        assert deep.startswith(f"    {'b' * 19}…  ")


def test_a_table_shows_every_node_within_its_width() -> None:
    rows = [
        bar("Ask", 0.01, 0.81, type="http_request", attempts=2, note="x" * 200),
        bar("Choose", 0.81, 0.81, type="switch", branch="case:gold", note="value: gold"),
        bar("Never", None, None, status="skipped", attempts=0),
    ]
    head, rule, ask, choose, never = table(rows, width=80).splitlines()
    assert head.split() == ["node", "type", "status", "branch", "start", "took", "tries", "output", "or", "error"]
    assert rule == "─" * 80
    assert ask.split()[:-1] == ["Ask", "http_request", "✓", "succeeded", "+10", "ms", "0.8", "s", "2"]
    assert (len(ask), ask[-1]) == (80, "…")
    assert choose.split() == "Choose switch ✓ succeeded case:gold +0.8 s 0 ms 1 value: gold".split()
    assert never.split() == ["Never", "transform", "–", "skipped"]


def test_columns_stand_below_each_other_and_long_names_are_cut() -> None:
    rows = [bar("a" * 60, 0, 1, note="first"), bar("b", 1, 2, note="second")]
    head, _, first, second = table(rows).splitlines()
    assert head.index("output") == first.index("first") == second.index("second")
    assert "a" * 60 not in first


def test_bars_of_nodes_that_ran_side_by_side_overlap_and_others_do_not() -> None:
    shown = [bar("one", 0, 1), bar("two", 0, 0.5), bar("then", 1, 3), bar("never", None, None)]
    one, two, then, ruler, numbers = timeline(shown, width=80).splitlines()
    assert one.index("█") == two.index("█") == ruler.index("┴")
    assert then.index("█") == one.rindex("█") + 1
    assert abs(one.count("█") - 2 * two.count("█")) <= 1
    assert abs(then.count("█") - 2 * one.count("█")) <= 1
    assert one.endswith("1.0 s")
    assert numbers.split()[:2] == ["0", "s"]


def test_waits_failures_and_instants_look_different_without_colour() -> None:
    shown = [
        bar("work", 0, 1),
        bar("pause", 0, 1, type="wait"),
        bar("broken", 0, 1, status="failed"),
        bar("flash", 1, 1),
    ]
    inks = [line.split()[1][0] for line in timeline(shown).splitlines()[:4]]
    assert inks == ["█", "░", "▒", "▏"]


def test_a_timeline_keeps_its_width_and_its_room_for_a_long_run() -> None:
    shown = [bar(f"node {index}", index * 700, index * 700 + 700) for index in range(20)]
    lines = timeline(shown, width=100).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[-3].endswith("█ 11 min 40 s")


def test_a_run_in_which_nothing_took_time_is_drawn() -> None:
    assert timeline([bar("only", 0, 0)]).splitlines()[0].startswith("only  ▏")


def test_a_run_that_has_not_begun_says_so() -> None:
    assert timeline([bar("a", None, None)]) == "no node has run yet"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 10, (0, 50)), (5, 10, (25, 25)), (9.999, 10, (49, 1)), (10, 10, (49, 1)), (-1, 0, (0, 1))],
)
def test_a_bar_has_a_cell_at_least_and_stays_in_its_room(start: float, end: float, expected: tuple[int, int]) -> None:
    assert span(start, end, 10, 50) == expected


def test_progress_tells_how_far_a_run_is_and_what_it_does() -> None:
    drawn = graph([node("done"), node("ask"), node("pause", "wait"), node("next")])
    run = run_of(done=result(start=0, end=0), ask=result("running", start=1), pause=result("waiting", start=0))
    line = progress(run, drawn, BEGIN + timedelta(seconds=1.5))
    assert line == "  1.5 s   1 of 4 nodes decided   ◷ pause (1.5 s)   ▶ ask (0.5 s)"


def test_progress_tells_what_runs_inside_a_container_instead_of_it() -> None:
    drawn = graph([node("each", "for_each"), inside("each", node("ask"))])
    run = run_of(each=result("running", start=0), ask=result("running", start=0.5, items=items(running=2)))
    line = progress(run, drawn, BEGIN + timedelta(seconds=1.5))
    assert line == "  1.5 s   0 of 2 nodes decided   ▶ ask (1.0 s)"


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.01, "0 ms"), (0.0123, "12 ms"), (0.0996, "0.1 s"), (1.25, "1.2 s"), (185, "3 min 5 s")],
)
def test_times_are_told_as_people_do(value: float, text: str) -> None:
    assert seconds(value) == text


def test_a_text_from_outside_can_not_move_the_cursor_or_break_the_line() -> None:
    assert cut("a\nb\x1b[31m\tc", 20) == "a b [31m c"
    assert cut("abcdef", 4) == "abc…"


def test_colour_is_added_only_where_it_is_asked_for() -> None:
    shown = [bar("a", 0, 1, status="failed")]
    for drawn in (table, timeline):
        assert "\033[" not in drawn(shown)
        assert "\033[31m" in drawn(shown, colour=True)
