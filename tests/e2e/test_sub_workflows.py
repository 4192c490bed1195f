"""Workflows that run workflows: what goes down, what comes back, and how one ends with the other."""

from __future__ import annotations

from typing import Any

from tests.client import Api, edge, graph, node


def runs(workflow_id: str, node_id: str = "sub", **more: Any) -> dict[str, Any]:
    """A node that runs a workflow."""
    settings = {key: more.pop(key) for key in ("on_error", "timeout_seconds") if key in more}
    return node(node_id, "sub_workflow", {"workflow_id": workflow_id, **more}, **settings)


def double(api: Api) -> str:
    return str(api.create(graph([node("double", "transform", {"value": "{% $input.n * 2 %}"})]), "Double")["id"])


def children(run: dict[str, Any]) -> list[tuple[str, str]]:
    return [(child["node_id"], child["status"]) for child in run["children"]]


class TestRuns:
    def test_its_output_is_that_of_a_run_of_its_own(self, owner: Api) -> None:
        inner = double(owner)
        drawn = graph(
            [runs(inner, input={"n": "{% $input.n + 1 %}"}), node("end", value="{% $nodes.sub.output + 1 %}")],
            edge("sub", "end"),
        )
        run = owner.run(drawn, {"n": 20})
        assert (run["status"], run["output"]) == ("succeeded", 43)
        (child,) = run["children"]
        found = owner.get(f"/{inner}/runs/{child['run_id']}")
        assert (found["status"], found["input"], found["output"]) == ("succeeded", {"n": 21}, 42)
        assert (found["trigger"], found["triggered_by"]) == ("sub_workflow", run["triggered_by"])
        assert found["parent"] == {
            "workflow_id": run["workflow_id"], "run_id": run["id"], "node_id": "sub", "path": ""
        }  # fmt: skip
