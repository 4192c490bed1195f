"""What users are shown of a workflow that is stored, with what may surprise about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from chalicelib.compiler.words import listed

if TYPE_CHECKING:
    from .schemas import StoredWorkflow, WorkflowDetail, WorkflowWarning

ONLY_STORED = frozenset({"missing_secrets", "webhook_token", "webhook_enabled"})


def shown(workflow: StoredWorkflow) -> WorkflowDetail:
    """What is stored of a workflow as the API gives it, but for the URL of its webhook."""
    told = {key: value for key, value in workflow.items() if key not in ONLY_STORED}
    token, enabled = workflow["webhook_token"], workflow["webhook_enabled"]
    told["webhook"] = {"token": token, "enabled": enabled} if token else None
    told["warnings"] = list(_warnings(workflow))
    return cast("WorkflowDetail", told)


def _warnings(workflow: StoredWorkflow) -> Iterator[WorkflowWarning]:
    triggers = {node["id"] for node in workflow["graph_definition"]["nodes"] if node["type"] == "trigger"}
    for name, nodes in workflow["missing_secrets"].items():
        yield {
            "code": "missing_secret",
            "message": f'the workspace has no secret "{name}" yet; {_lacking(nodes, triggers)}',
            "path": f"$secrets.{name}",
            "node_ids": nodes,
        }


def _lacking(nodes: list[str], triggers: set[str]) -> str:
    """What comes of a secret that is not there: it is by a trigger's that requests are checked, before any run."""
    takers = [node_id for node_id in nodes if node_id not in triggers]
    refused = ["requests to the webhook are refused with 503 until it is there"] if len(takers) < len(nodes) else []
    fails = [f"a run fails where it comes to {listed(takers)}"] if takers else []
    return ", and ".join(refused + fails)
