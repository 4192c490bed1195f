"""What is run while everything is killed: one workflow a kind of thing that can be in flight, with what must come out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from tests.client import edge, graph, node

RUN = "<run>"
"""Stands for the run's id in what is expected."""
FEW, MANY, LIGHT, ELSEWHERE = 4, 30, 60, 40
LONG_SECONDS = 600
PLACES = 2

Drawn = dict[str, Any]
Cancelled = Literal["never", "maybe", "always"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A workflow, and how its runs end that no one cancels."""

    name: str
    graph: Drawn
    output: Any
    status: str = "succeeded"
    input: Any = None
    cancelled: Cancelled = "never"
    fails_first: frozenset[str] = frozenset()
    """Nodes whose first call is answered by 503."""

    @property
    def asking(self) -> set[str]:
        """The nodes that call the upstream."""
        return {each["id"] for each in self.graph["nodes"] if each["type"] == "http_request"}

    @property
    def containers(self) -> list[str]:
        return [each["id"] for each in self.graph["nodes"] if each["type"] == "for_each"]

    @property
    def naps(self) -> dict[str, float]:
        """The seconds of its waits."""
        return {
            each["id"]: each["data"]["config"]["seconds"] for each in self.graph["nodes"] if each["type"] == "wait"
        }

    @property
    def places(self) -> int | None:
        """How many runs of it may go on at once."""
        return self.graph.get("settings", {}).get("max_concurrent_runs")

    def expected(self, run_id: str) -> Any:
        return json.loads(json.dumps(self.output).replace(RUN, run_id))


def kinds(upstream: str) -> list[Kind]:
    """All of them; their nodes call `<upstream>/<run id>/<node id>`, those for an item with its index behind."""

    def ask(node_id: str, query: str = "", **data: Any) -> Drawn:
        return node(node_id, "http_request", {"url": f"{upstream}/{{% $run.id %}}/{node_id}{query}"}, **data)

    def ask_item(node_id: str, query: str = "") -> Drawn:
        url = f"{upstream}/{{% $run.id %}}/{node_id}/{{% $index %}}{query}"
        return node(node_id, "http_request", {"url": url}) | {"parentId": "each"}

    return [
        Kind("request", _chain(ask("ask", "?sleep=0.7"), told("ask")), f"/{RUN}/ask"),
        Kind(
            "post",
            _chain(_posting(ask("send", "?sleep=0.4")), nap(0.5), ask("confirm"), told("confirm")),
            f"/{RUN}/confirm",
        ),
        Kind("wait", _chain(ask("ask"), nap(3), ask("after"), told("after")), f"/{RUN}/after"),
        Kind("gates", _letter_n(ask), {"told_c": f"/{RUN}/c", "told_d": f"/{RUN}/d"}, cancelled="maybe"),
        _light(),
        _few(ask_item),
        _many(ask_item),
        _elsewhere(ask_item),
        _branches(ask),
        Kind("retry", _chain(ask("flaky", "?status=503&times=1", **RETRY), told("flaky")), f"/{RUN}/flaky",
             fails_first=frozenset({"flaky"})),
        Kind("fails", _chain(ask("ask"), ask("broken", "?status=500&sleep=0.3"), ask("never")), None, "failed"),
        _on_error(ask),
        Kind("cancel", _chain(ask("ask", "?sleep=0.5"), nap(LONG_SECONDS), ask("never")), None, cancelled="always"),
        Kind(
            "queue",
            _chain(ask("ask", "?sleep=0.2"), nap(0.3), told("ask")) | {"settings": {"max_concurrent_runs": PLACES}},
            f"/{RUN}/ask",
        ),
    ]  # fmt: skip


RETRY = {"retry": {"max_attempts": 10, "interval_seconds": 1, "backoff_rate": 1.0}}
"""Attempts that are lost with the process count, so more than one kill must find it in flight to use them up."""

Ask = Callable[..., Drawn]


def told(node_id: str, name: str = "told") -> Drawn:
    """Gives the path at which a node called."""
    return node(name, "transform", {"value": f"{{% $nodes.{node_id}.output.body.path %}}"})


def nap(seconds: float) -> Drawn:
    return node("nap", "wait", {"seconds": seconds})


def _posting(drawn: Drawn) -> Drawn:
    drawn["data"]["config"] |= {"method": "POST", "body": {"run": "{% $run.id %}"}}
    return drawn


def _chain(*nodes: Drawn) -> Drawn:
    ids = [each["id"] for each in nodes]
    return graph(list(nodes), *(edge(*pair) for pair in zip(ids, ids[1:], strict=False)))


def _letter_n(ask: Ask) -> Drawn:
    nodes = [ask("a", "?sleep=0.3"), ask("b", "?sleep=0.8"), ask("c"), ask("d", "?sleep=0.3")]
    edges = [edge("a", "c"), edge("b", "c"), edge("b", "d"), edge("c", "told_c"), edge("d", "told_d")]
    return graph([*nodes, told("c", "told_c"), told("d", "told_d")], *edges)


def _each(items: int, max_concurrency: int, *body: Drawn) -> Drawn:
    container = node("each", "for_each", {"items": list(range(items)), "max_concurrency": max_concurrency})
    inside = [each | {"parentId": "each"} for each in body]
    ids = [each["id"] for each in inside]
    edges = (edge(*pair) for pair in zip(ids, ids[1:], strict=False))
    return graph([container, *inside, node("count", "transform", {"value": "{% $nodes.each.output %}"})],
                 *edges, edge("each", "count"))  # fmt: skip


def _light() -> Kind:
    drawn = _each(LIGHT, 10, node("double", "transform", {"value": "{% $item * 2 %}"}))
    return Kind("light_items", drawn, [2 * item for item in range(LIGHT)])


def _few(ask_item: Ask) -> Kind:
    drawn = _each(FEW, 2, ask_item("ask", "?sleep=0.3"), told("ask"), ask_item("again"), told("again", "end"))
    return Kind("few_items", drawn, _paths("again", range(FEW)))


def _many(ask_item: Ask) -> Kind:
    drawn = _each(MANY, 10, ask_item("ask", "?sleep=0.1"), told("ask"))
    return Kind("many_items", drawn, _paths("ask", range(MANY)))


def _elsewhere(ask_item: Ask) -> Kind:
    """So many retries could each item make that its container's own execution has no room for all of them."""
    costly = [node(f"t{number}", "transform", {"value": number}, retry={"max_attempts": 50}) for number in range(4)]
    drawn = _each(ELSEWHERE, 10, ask_item("ask", "?sleep=0.05"), *costly, told("ask"))
    return Kind("items_elsewhere", drawn, _paths("ask", range(ELSEWHERE)))


def _paths(node_id: str, items: Iterable[int]) -> list[str]:
    return [f"/{RUN}/{node_id}/{item}" for item in items]


def _branches(ask: Ask) -> Kind:
    drawn = graph(
        [
            node("large", "condition", {"expression": "{% $input.total > 100 %}"}),
            ask("yes", "?sleep=0.2"),
            ask("no"),
            told("yes"),
        ],
        edge("large", "yes", "true"),
        edge("large", "no", "false"),
        edge("yes", "told"),
    )
    return Kind("branches", drawn, f"/{RUN}/yes", input={"total": 250})


def _on_error(ask: Ask) -> Kind:
    drawn = graph(
        [ask("broken", "?status=500&sleep=0.2", on_error="branch"), ask("never"), ask("instead"), told("instead")],
        edge("broken", "never"),
        edge("broken", "instead", "error"),
        edge("instead", "told"),
    )
    return Kind("on_error", drawn, f"/{RUN}/instead")
