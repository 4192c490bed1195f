"""A caller of the API over real HTTP, and of the workflows a test draws."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from tests import contract

SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.05
FINAL = ("succeeded", "failed", "cancelled", "timed_out")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Api:
    """The API as one user of one workspace sees it."""

    base: str
    workspace_id: str
    token: str | None
    feature: str = "workflows"

    def of(self, feature: str) -> Api:
        """The same caller below another part of the workspace."""
        return replace(self, feature=feature)

    def send(self, method: str, path: str, body: Any = None, raw: bytes | None = None, **headers: str) -> Answer:
        url = urlsplit(f"{self.base}/api/v1/workspaces/{self.workspace_id}/{self.feature}{path}")
        content = raw if raw is not None else (None if body is None else json.dumps(body).encode())
        sent = {"Content-Type": "application/json"} if content is not None else {}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
        try:
            target = f"{url.path}?{url.query}" if url.query else url.path
            connection.request(method, target, content, {**sent, **headers})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        answer = json.loads(text) if text else None
        got = {name.lower(): value for name, value in response.getheaders()}
        contract.check(method, url.path, response.status, got.get("content-type", ""), answer)
        return Answer(response.status, got, answer)

    def get(self, path: str = "") -> Any:
        return self._ok(self.send("GET", path), 200)

    def create(self, graph: dict[str, Any], name: str = "drawn", **more: Any) -> Any:
        return self._ok(self.send("POST", "", {"name": name, "graph_definition": graph, **more}), 201)

    def put(self, workflow_id: str, **change: Any) -> Any:
        return self._ok(self.send("PUT", f"/{workflow_id}", change), 200)

    def execute(self, workflow_id: str, run_input: Any = None) -> Any:
        body = {} if run_input is None else {"input": run_input}
        return self._ok(self.send("POST", f"/{workflow_id}/execute", body), 202)

    def run(self, graph: dict[str, Any], run_input: Any = None, limit: float = 30) -> Any:
        """Save a graph, run it, and give the run when it has ended."""
        workflow_id = self.create(graph)["id"]
        return self.ended(workflow_id, self.execute(workflow_id, run_input)["id"], limit)

    def ended(self, workflow_id: str, run_id: str, limit: float = 30) -> Any:
        def final() -> Any:
            run = self.get(f"/{workflow_id}/runs/{run_id}")
            return run if run["status"] in FINAL else None

        return poll(final, limit)

    @staticmethod
    def _ok(answer: Answer, status: int) -> Any:
        assert answer.status == status, answer
        return answer.body


def poll(condition: Any, limit: float = 30) -> Any:
    """The first true value of a condition; fails when it is not there in time. What takes long is asked for less often:
    each question may be a request."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < limit:
        if value := condition():
            return value
        time.sleep(min(max(passed / 10, SHORTEST_PAUSE), LONGEST_PAUSE))
    raise AssertionError(f"not within {limit} s")


def node(node_id: str, node_type: str = "transform", config: Any = None, **data: Any) -> dict[str, Any]:
    if config is None:
        config = {"value": node_id} if node_type == "transform" else {}
    return {
        "id": node_id,
        "type": node_type,
        "position": {"x": 0, "y": 0},
        "data": {"label": node_id, "config": config, **data},
    }


def edge(source: str, target: str, handle: str | None = None) -> dict[str, Any]:
    name = f"{source}-{handle or 'out'}-{target}"
    return {"id": name, "source": source, "target": target, "sourceHandle": handle}


def graph(nodes: list[dict[str, Any]], *edges: dict[str, Any]) -> dict[str, Any]:
    return {"nodes": nodes, "edges": list(edges), "viewport": {"x": 0, "y": 0, "zoom": 1}}


def statuses(run: dict[str, Any]) -> dict[str, str]:
    return {node_id: result["status"] for node_id, result in run["node_results"].items()}
