"""What a run does, over HTTP, on real Postgres and moto."""

from __future__ import annotations

from tests.client import Api, edge, graph, node, statuses
from tests.upstream import Upstream


def test_a_row_of_nodes_passes_values_on(owner: Api, upstream: Upstream) -> None:
    drawn = graph(
        [
            node("start", "trigger"),
            node("ask", "http_request", {"url": "{% $input.base & '/chain/ask' %}"}),
            node("shape", "transform", {"value": {"asked": "{% $nodes.ask.output.body.path %}"}}),
        ],
        edge("start", "ask"),
        edge("ask", "shape"),
    )
    run = owner.run(drawn, {"base": upstream.base})
    assert (run["status"], run["error_message"]) == ("succeeded", None)
    assert run["output"] == {"asked": "/chain/ask"}
    assert statuses(run) == {"start": "succeeded", "ask": "succeeded", "shape": "succeeded"}
