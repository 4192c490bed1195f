"""Random drawings of every kind of node, run for real: each node ends as the rules say, each call is made once."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from bench.rules import Drawing, evaluate
from tests.client import Api, edge, graph, node, statuses
from tests.upstream import Upstream

SEEDS, ALL_SEEDS = 12, 300
KINDS = ("ask", "ask", "ask", "light", "condition", "switch", "branching", "continuing", "wait", "each", "light each")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(ALL_SEEDS if metafunc.config.getoption("--all") else SEEDS))


class Sketch:
    """A drawing made by a random generator, and what each of its nodes will choose."""

    def __init__(self, random: Random, base: str, size: int) -> None:
        self.random = random
        self.base = base
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []
        self.choices: dict[str, str] = {}
        self.items: dict[str, int] = {}
        self._scope(size, None)

    @property
    def drawn(self) -> dict[str, Any]:
        return graph(self.random.sample(self.nodes, len(self.nodes)), *self.edges)

    def _scope(self, size: int, container: str | None) -> None:
        density = self.random.choice((0.15, 0.3, 0.5))
        names: list[str] = []
        for _ in range(size):
            name = f"n{len(self.nodes):02}"
            self._node(name, container)
            for above in names:
                if self.random.random() < density:
                    self.edges.append(edge(above, name, self.random.choice(self.handles(above))))
            names.append(name)

    def handles(self, name: str) -> tuple[str | None, ...]:
        found = next(drawn for drawn in self.nodes if drawn["id"] == name)
        if found["type"] == "condition":
            return ("true", "false")
        if found["type"] == "switch":
            return ("case:a", "case:b", "default")
        return (None, "error") if found["data"].get("on_error") == "branch" else (None,)

    def _node(self, name: str, container: str | None) -> None:
        kind = self.random.choice(KINDS[:8] if container else KINDS)
        drawn = self._of_kind(kind, name)
        drawn["data"] |= {"join": self.random.choice(("any", "any", "all")), "disabled": self.random.random() < 0.06}
        self.nodes.append(drawn | ({"parentId": container} if container else {}))
        if kind.endswith("each"):
            self.items[name] = self.random.randrange(1, 4)
            drawn["data"]["config"]["items"] = list(range(self.items[name]))
            if kind == "each":
                self._scope(self.random.randrange(1, 6), name)
            else:
                inner = f"n{len(self.nodes):02}"
                self.nodes.append(node(inner, "transform", {"value": "{% $item %}"}) | {"parentId": name})

    def _of_kind(self, kind: str, name: str) -> dict[str, Any]:
        fails = self.random.random() < 0.5
        url = {"url": f"{self.base}/{name}?status={400 if fails else 200}"}
        if kind == "ask":
            return node(name, "http_request", {"url": f"{self.base}/{name}"})
        if kind == "branching":
            self.choices[name] = "error" if fails else "out"
            return node(name, "http_request", url, on_error="branch")
        if kind == "continuing":
            self.choices[name] = "*" if fails else "out"
            return node(name, "http_request", url, on_error="continue")
        if kind == "condition":
            self.choices[name] = self.random.choice(("true", "false"))
            return node(name, "condition", {"expression": self.choices[name] == "true"})
        if kind == "switch":
            value = self.random.choice(("a", "b", "c"))
            self.choices[name] = "default" if value == "c" else f"case:{value}"
            return node(name, "switch", {"value": value, "cases": ["a", "b"]})
        if kind == "wait":
            return node(name, "wait", {"seconds": 0})
        return node(name, "for_each", {"items": []}) if kind.endswith("each") else node(name)


def test_it_runs_as_the_rules_say(owner: Api, upstream: Upstream, seed: int) -> None:
    key = f"any-{seed}-{owner.workspace_id}"
    sketch = Sketch(Random(seed), f"{upstream.base}/{key}", size=12)
    drawing = Drawing.of(sketch.drawn)
    expected = evaluate(drawing, Counter(), sketch.choices, sketch.items)
    run = owner.run(sketch.drawn)
    assert run["status"] == "succeeded", run["error_message"]
    ran = {node_id for node_id, told in expected.items() if told.status != "skipped"}
    assert {node_id for node_id, status in statuses(run).items() if status != "skipped"} == ran
    assert set(statuses(run).values()) <= {"succeeded", "failed", "skipped"}
    times = Counter(call["path"].rpartition("/")[2] for call in upstream.calls[key])
    parents = {drawn["id"]: drawn.get("parentId") for drawn in sketch.nodes}
    assert times == Counter(
        {
            drawn["id"]: sketch.items.get(parents[drawn["id"]] or "", 1)
            for drawn in sketch.nodes
            if drawn["type"] == "http_request" and drawn["id"] in ran
        }
    )
