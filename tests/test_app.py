"""The app as deployments see it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from local.stack import Stack

ROOT = Path(__file__).parents[1]
PREFIX = "/api/v1/workspaces/{workspace_id}/workflows"
ENDPOINTS = {
    ("GET", ""), ("POST", ""), ("GET", "/{workflow_id}"), ("PUT", "/{workflow_id}"), ("DELETE", "/{workflow_id}"),
    ("GET", "/{workflow_id}/versions"), ("POST", "/{workflow_id}/rollback"), ("POST", "/{workflow_id}/execute"),
    ("GET", "/{workflow_id}/runs"), ("GET", "/{workflow_id}/runs/{run_id}"), ("GET", "/templates"),
    ("POST", "/templates/{template_id}/clone"), ("PUT", "/{workflow_id}/schedule"),
}  # fmt: skip

LOOK = """
import json, sys, app
routes = [[method, path] for path, views in app.app.routes.items() for method in views]
print(json.dumps({"routes": routes, "handlers": sorted(app.app.handler_map), "modules": sorted(sys.modules)}))
"""


def test_the_app_imports_without_settings_and_serves_the_thirteen_endpoints() -> None:
    result = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True, check=True
    )
    seen = json.loads(result.stdout)
    assert {(method, path.removeprefix(PREFIX)) for method, path in seen["routes"]} >= ENDPOINTS
    assert {"run_unit", "migrate"} <= set(seen["handlers"])
    assert "boto3" not in seen["modules"]


def test_a_deployment_migrates_by_a_lambda(stack: Stack) -> None:
    assert stack.app.handler_map["migrate"]({}, None) == {"applied": []}
