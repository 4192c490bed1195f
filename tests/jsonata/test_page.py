"""What docs/expressions.md says of failures and limits; its examples of functions are in test_functions."""

from __future__ import annotations

import re
from pathlib import Path

from chalicelib.jsonata import evaluation, syntax, worker
from tests.client import Api

PAGE = (Path(__file__).parents[2] / "docs/expressions.md").read_text()
AT_RUN, ON_SAVE = re.findall(r"^```\n(.+)\n```$", PAGE, re.MULTILINE)
LIMITS = dict(re.findall(r"^\| ([\w ]+) \| (.+) \|$", PAGE[PAGE.index("## Limits") :], re.MULTILINE))


def graph(value: str) -> dict[str, object]:
    return {"nodes": [{"id": "sum", "type": "transform", "data": {"config": {"value": value}}}], "edges": []}


def test_a_run_that_fails_says_what_the_page_says(owner: Api) -> None:
    run = owner.run(graph("{% $input.a + $input.b %}"), {"a": 1, "b": "two"})
    error = run["node_results"]["sum"]["error"]
    assert run["error_message"] == AT_RUN
    assert (error["code"], error["field"], error["position"]) == ("expression_failed", "value", 11)


def test_a_save_that_is_refused_says_what_the_page_says(owner: Api) -> None:
    answer = owner.send("POST", "/", {"name": "x", "graph_definition": graph("{% $input.a + %}")})
    assert (answer.status, answer.body["errors"][0]["message"]) == (422, ON_SAVE)


def test_the_limits_are_those_of_the_code() -> None:
    of_the_code = {
        "time": f"{evaluation.TIMEOUT_MS // 1000} s, as JSONata counts it; {worker.SECONDS} s in all, by the clock",
        "depth of calls": str(evaluation.STACK_DEPTH),
        "items of a list": f"{evaluation.SEQUENCE_LENGTH:,}",
        "memory": f"{worker.MEMORY_BYTES // 1024**2} MiB",
        "result": f"{worker.MAX_UNITS:,} values; {worker.UNIT_CHARACTERS} characters of a text are one",
        "length of an expression": f"{syntax.MAX_CHARACTERS:,} characters",
    }
    assert of_the_code == LIMITS
