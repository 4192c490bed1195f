"""`python -m local compile`: one JSON object a graph on standard output, whatever is in the file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.client import edge, graph, node

URL = {"url": "https://api.example.com"}
GOOD = graph([node("a", "http_request", URL), node("b")], edge("a", "b"))
EACH = graph(
    [node("each", "for_each", {"items": [1]}), node("a", "http_request", URL) | {"parentId": "each"}, node("after")],
    edge("each", "after"),
)


def compiled(text: str, folder: Path) -> tuple[int, list[dict[str, Any]], str]:
    file = folder / "graphs"
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "local", "compile", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()], ended.stderr


def test_a_graph_over_many_lines(tmp_path: Path) -> None:
    code, (answer,), errors = compiled(json.dumps(GOOD, indent=2), tmp_path)
    assert (code, errors) == (0, "")
    assert answer.keys() == {"definition", "units", "gates", "certificate"}
    assert answer["units"] == {"a": ["a", "b"]}
    assert answer["definition"]["StartAt"] == "a"


def test_a_line_each_also_as_stored_workflows(tmp_path: Path) -> None:
    text = "\n".join([json.dumps(GOOD), "", json.dumps({"name": "stored", "graph_definition": GOOD})])
    code, answers, _ = compiled(text, tmp_path)
    assert code == 0
    assert len(answers) == 2
    assert answers[0] == answers[1]


def test_a_container_shows_also_what_runs_elsewhere(tmp_path: Path) -> None:
    _, (answer,), _ = compiled(json.dumps(EACH), tmp_path)
    assert sorted(node_id for nodes in answer["units"].values() for node_id in nodes) == ["a", "after", "each"]
    assert answer["items"]["each"]["States"]["each items"]["Type"] == "Map"


def test_what_is_refused_keeps_its_line_and_says_why(tmp_path: Path) -> None:
    wrong = graph([node("a", "http_reqest")])
    code, answers, errors = compiled("\n".join([json.dumps(GOOD), json.dumps(wrong), "{oops"]), tmp_path)
    assert code == 1
    assert "definition" in answers[0]
    assert [answer["errors"][0]["code"] for answer in answers[1:]] == ["unknown_type", "not_json"]
    assert 'line 2: node "a": unknown type "http_reqest"; did you mean "http_request"?' in errors
    assert "line 3: this is not JSON" in errors
    assert "Traceback" not in errors
