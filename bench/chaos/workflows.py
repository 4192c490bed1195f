"""What is run while everything is killed: a workflow for each thing that can be in flight, and what it gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.client import edge, graph, node

RUN = "<run>"
"""Stands for the run's id in what is expected."""
ITEMS, LIGHT, ELSEWHERE = 12, 60, 40
LONG_SECONDS = 600
PLACES = 2

Drawn = dict[str, Any]
Ask = Callable[..., Drawn]


@dataclass(frozen=True, slots=True)
class Kind:
    """A workflow, and how its runs end that no one cancels."""

    name: str
    graph: Drawn
    output: Any
    status: str = "succeeded"
    input: Any = None
    cancelled: float = 0.0
    """The part of its runs that someone cancels."""
    failing: frozenset[str] = frozenset()
    """Nodes whose call is answered by an error, at least at first."""
    inner: Mapping[str, Any] | None = None
    """The workflow that its `sub_workflow` runs."""

    def nodes(self, node_type: str) -> dict[str, Any]:
        """The configs of the nodes of a type, by their ids."""
        drawn = [*self.graph["nodes"], *(self.inner or {}).get("nodes", ())]
        return {each["id"]: each["data"]["config"] for each in drawn if each["type"] == node_type}

    @property
    def places(self) -> int | None:
        """How many runs of it may go on at once."""
        limit: int | None = self.graph.get("settings", {}).get("max_concurrent_runs")
        return limit

    def expected(self, run_id: str) -> Any:
        return json.loads(json.dumps(self.output).replace(RUN, run_id))


def inner(upstream: str) -> Drawn:
    """What a sub-workflow runs; it calls in the name of the run that started it."""
    asks = node("within", "http_request", {"url": f"{upstream}/{{% $input.outer %}}/within?sleep=0.5"})
    return _chain(asks, told("within"))


def kinds(upstream: str, inner_id: str) -> list[Kind]:
    """All of them; their nodes call `<upstream>/<run id>/<node id>`, those for an item with its index behind."""

    def ask(node_id: str, query: str = "", **data: Any) -> Drawn:
        return node(node_id, "http_request", {"url": f"{upstream}/{{% $run.id %}}/{node_id}{query}"}, **data)

    def ask_item(node_id: str, query: str = "") -> Drawn:
        return node(node_id, "http_request", {"url": f"{upstream}/{{% $run.id %}}/{node_id}/{{% $index %}}{query}"})

    return [
        Kind("request", _chain(ask("ask", "?sleep=0.7"), told("ask")), f"/{RUN}/ask"),
        _post(ask),
        Kind("wait", _chain(ask("ask"), nap(3), ask("after"), told("after")), f"/{RUN}/after"),
        _gates(ask),
        _conditions(ask),
        _items(ask_item),
        _light_items(),
        _items_elsewhere(ask_item),
        _retry(ask),
        _error_branch(ask),
        _failing(ask),
        _cancelled(ask),
        _queue(ask),
        _approval(ask),
        _sub_workflow(ask, upstream, inner_id),
    ]


def told(node_id: str, name: str = "told") -> Drawn:
    """Gives the path at which a node called."""
    return node(name, "transform", {"value": f"{{% $nodes.{node_id}.output.body.path %}}"})


def nap(seconds: float) -> Drawn:
    return node("nap", "wait", {"seconds": seconds})


def _chain(*nodes: Drawn) -> Drawn:
    return graph(list(nodes), *_one_after_another(nodes))


def _one_after_another(nodes: Iterable[Drawn]) -> list[Drawn]:
    ids = [each["id"] for each in nodes]
    return [edge(*pair) for pair in zip(ids, ids[1:], strict=False)]


def _post(ask: Ask) -> Kind:
    send = ask("send", "?sleep=0.4")
    send["data"]["config"] |= {"method": "POST", "body": {"run": "{% $run.id %}"}}
    return Kind("post", _chain(send, nap(0.5), ask("confirm"), told("confirm")), f"/{RUN}/confirm")


def _gates(ask: Ask) -> Kind:
    """The letter N: no nesting orders it, so one corner stands behind a gate."""
    nodes = [ask("a", "?sleep=0.3"), ask("b", "?sleep=0.8"), ask("c"), ask("d", "?sleep=0.3")]
    edges = [edge("a", "c"), edge("b", "c"), edge("b", "d"), edge("c", "told_c"), edge("d", "told_d")]
    drawn = graph([*nodes, told("c", "told_c"), told("d", "told_d")], *edges)
    return Kind("gates", drawn, {"told_c": f"/{RUN}/c", "told_d": f"/{RUN}/d"}, cancelled=0.5)


def _conditions(ask: Ask) -> Kind:
    large = node("large", "condition", {"expression": "{% $input.total > 100 %}"})
    nodes = [ask("ask", "?sleep=0.2"), large, ask("yes", "?sleep=0.4"), ask("no"), told("yes")]
    edges = edge("ask", "large"), edge("large", "yes", "true"), edge("large", "no", "false"), edge("yes", "told")
    return Kind("conditions", graph(nodes, *edges), f"/{RUN}/yes", input={"total": 250})


def _each(items: int, max_concurrency: int, *body: Drawn) -> Drawn:
    container = node("each", "for_each", {"items": list(range(items)), "max_concurrency": max_concurrency})
    inside = [each | {"parentId": "each"} for each in body]
    end = node("end", "transform", {"value": "{% $nodes.each.output %}"})
    return graph([container, *inside, end], *_one_after_another(inside), edge("each", "end"))


def _items(ask_item: Ask) -> Kind:
    body = ask_item("ask", "?sleep=0.2"), told("ask"), ask_item("again"), told("again", "last")
    return Kind("items", _each(ITEMS, 4, *body), _paths("again", range(ITEMS)))


def _light_items() -> Kind:
    drawn = _each(LIGHT, 10, node("double", "transform", {"value": "{% $item * 2 %}"}))
    return Kind("light items", drawn, [2 * item for item in range(LIGHT)])


def _items_elsewhere(ask_item: Ask) -> Kind:
    """So many retries could each item make that its container's own execution has no room for all of them."""
    costly = [node(f"t{number}", "transform", {"value": number}, retry={"max_attempts": 50}) for number in range(4)]
    drawn = _each(ELSEWHERE, 10, ask_item("ask", "?sleep=0.05"), *costly, told("ask"))
    return Kind("items elsewhere", drawn, _paths("ask", range(ELSEWHERE)))


def _paths(node_id: str, items: Iterable[int]) -> list[str]:
    return [f"/{RUN}/{node_id}/{item}" for item in items]


def _retry(ask: Ask) -> Kind:
    """Attempts that are lost with the process count, so it may make many."""
    retry = {"max_attempts": 20, "interval_seconds": 1, "backoff_rate": 1.0}
    drawn = _chain(ask("flaky", "?status=503&times=1", retry=retry), told("flaky"))
    return Kind("retry", drawn, f"/{RUN}/flaky", failing=frozenset({"flaky"}))


def _error_branch(ask: Ask) -> Kind:
    broken = ask("broken", "?status=500&sleep=0.2", on_error="branch")
    edges = edge("broken", "never"), edge("broken", "instead", "error"), edge("instead", "told")
    drawn = graph([broken, ask("never"), ask("instead", "?sleep=0.2"), told("instead")], *edges)
    return Kind("error branch", drawn, f"/{RUN}/instead", failing=frozenset({"broken"}))


def _failing(ask: Ask) -> Kind:
    drawn = _chain(ask("ask"), ask("broken", "?status=500&sleep=0.3"), ask("never"))
    return Kind("failing", drawn, None, "failed", failing=frozenset({"broken"}))


def _cancelled(ask: Ask) -> Kind:
    drawn = _chain(ask("ask", "?sleep=0.5"), nap(LONG_SECONDS), ask("never"))
    return Kind("cancelled", drawn, None, "cancelled", cancelled=1.0)


def _queue(ask: Ask) -> Kind:
    drawn = _chain(ask("ask", "?sleep=0.2"), nap(0.3), told("ask"))
    return Kind("queue", drawn | {"settings": {"max_concurrent_runs": PLACES}}, f"/{RUN}/ask")


def _approval(ask: Ask) -> Kind:
    drawn = graph(
        [ask("ask"), node("ok", "approval"), ask("yes", "?sleep=0.2"), ask("no"), told("yes")],
        *(edge("ask", "ok"), edge("ok", "yes", "approved"), edge("ok", "no", "rejected"), edge("yes", "told")),
    )
    return Kind("approval", drawn, f"/{RUN}/yes")


def _sub_workflow(ask: Ask, upstream: str, inner_id: str) -> Kind:
    sub = node("sub", "sub_workflow", {"workflow_id": inner_id, "input": {"outer": "{% $run.id %}"}})
    end = node("end", "transform", {"value": "{% $nodes.sub.output %}"})
    return Kind("sub-workflow", _chain(ask("ask"), sub, end), f"/{RUN}/within", inner=inner(upstream))
