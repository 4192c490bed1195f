"""A worker gives what the process itself would, and the sandbox survives what kills one."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest

from chalicelib.jsonata.errors import ExpressionError
from chalicelib.jsonata.evaluation import evaluate
from chalicelib.jsonata.growth import most_given
from chalicelib.jsonata.sandbox import WORKERS, Sandbox

from .hostile import HOSTILE, ORDINARY

BINDINGS: dict[str, Any] = {"input": {"n": 2, "list": [1, "é", None, {"a": 0.5}], "big": 2**53 - 1}, "nodes": {}}
SANDBOX = Sandbox()


def apart(source: str, bindings: Any = BINDINGS) -> Any:
    """An expression with a variable of its own is never evaluated in this process."""
    source = f"($own := 1; {source})"
    assert most_given(source) == 0
    return SANDBOX.evaluate(source, bindings)


@pytest.mark.parametrize(
    "source",
    ["$input", "$input.none", "[1..3]", "$input.list", "'😀'", "{}", "[]", "$map($input.list, $string)", "1/3", "null"],
)
def test_a_worker_gives_what_the_process_itself_gives(source: str) -> None:
    assert apart(source) == evaluate(source, BINDINGS)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**300 + 1])
def test_an_integer_beyond_64_bits_is_a_double_in_an_expression(number: int) -> None:
    bindings = {"input": {"list": [{"n": number}], "other": "x"}}
    for evaluated in (evaluate, apart):
        assert evaluated("$input.list.n / 2", bindings) == float(number) / 2
        assert evaluated("$input.other", bindings) == "x"
        assert evaluated(f"$parseJson('{number}') / 2", {}) == float(number) / 2


def test_a_failure_in_a_worker_has_its_place() -> None:
    with pytest.raises(ExpressionError, match=r"^at character 17: the right side of \"\.\.\" must be") as caught:
        apart("[1..'a']")
    assert caught.value.position == 16


@pytest.mark.parametrize("name", ["doubling", "doubling lists", "a large object for each"])
def test_after_one_that_was_killed_the_next_is_evaluated(name: str) -> None:
    with pytest.raises(ExpressionError):
        SANDBOX.evaluate(HOSTILE[name], {"input": ORDINARY})
    assert apart("$input.n + 1") == 3


def test_a_worker_is_not_worn_out_by_use() -> None:
    rows = [{"id": number, "name": f"n{number}"} for number in range(20_000)]
    for _ in range(6):
        assert len(apart("$map($input, function($row) { {'a': $row.id, 'b': $row} })", {"input": rows})) == 20_000


def test_more_threads_than_workers_are_all_served() -> None:
    given: list[Any] = []
    threads = [
        threading.Thread(target=lambda number=number: given.append(apart("$input + 1", {"input": number})))
        for number in range(WORKERS * 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == list(range(1, WORKERS * 5 + 1))


def test_a_worker_knows_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.jsonata import sandbox  # noqa: PLC0415

    secret = uuid.uuid4().hex
    monkeypatch.setenv("DATABASE_URL", f"postgresql://{secret}")
    assert secret not in str(sandbox._environment())  # noqa: SLF001


def test_a_large_input_is_read_by_a_worker() -> None:
    rows = [{"id": number, "name": f"n{number}"} for number in range(50_000)]
    assert apart("$count($input.rows[id > 10])", {"input": {"rows": rows}}) == 49_989
