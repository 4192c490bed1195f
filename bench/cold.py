"""Cold starts: a fresh process imports a function from the bundle that is deployed, answers its first event, and ends.

Its Python is that of a virtual environment in which nothing is installed, as in Lambda's; boto3 lies beside the bundle,
as Lambda brings it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

from infra.__main__ import build
from infra.bundle import LAMBDA_BRINGS, compile_bytecode
from infra.target import MACHINES, Target
from local.account import ACCOUNT, REGION
from local.data import jwt_secret

from .load import Target as Caller
from .server import step_functions
from .wanted import judged

REPETITIONS, QUICK_REPETITIONS = 15, 5
CALL = """
import json, sys
from importlib import import_module
sys.path[:0] = sys.argv[1:3]
module, _, name = sys.argv[3].rpartition(".")
class Context: function_name, aws_request_id = "measured", "1"
answer = getattr(import_module(module), name)(json.loads(sys.argv[4]), Context())
assert not isinstance(answer, dict) or answer.get("statusCode", 200) < 300, answer
"""
LAMBDA_PYTHON = "3.13"
HOUR = "2030-01-01T{:02}:00:00Z"


@dataclass(frozen=True, slots=True)
class Start:
    """A function as the template names it, and the first event that it gets."""

    name: str
    handler: str
    event: Any


def cold_starts(caller: Caller, workflow_id: str, url: str, data_dir: Path, *, quick: bool) -> Iterator[dict[str, Any]]:
    """How long each takes, and how many starts of a bare Python that is, of one right before it; the median of several.

    The workflow's cron is `0 8 * * *`.
    """
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="stepgraph-bundle-")))
        target, interpreter = _target()
        python = _alone(folder, interpreter)
        paths = [_bundle(folder, target), _runtime(folder, interpreter)]
        settings = _settings(url, data_dir, opened.enter_context(step_functions()))
        for start in _starts(caller, workflow_id):
            bare, cold = [], []
            for number in range(QUICK_REPETITIONS if quick else REPETITIONS):
                event = json.dumps(start.event).replace("2030", str(2030 + number))
                bare.append(_seconds(python, "pass", settings={}))
                cold.append(_seconds(python, CALL, *paths, start.handler, event, settings=settings))
            ratios = [each / beside for each, beside in zip(cold, bare, strict=True)]
            numbers = {"ms": round(median(cold) * 1000), "over_bare": round(median(ratios), 1)}
            yield judged("cold_start", {"first": start.name, "python": target.python}, numbers)


def _seconds(python: str, code: str, *arguments: str, settings: Mapping[str, str]) -> float:
    began = time.perf_counter()
    command = [python, "-I", "-B", "-c", code, *arguments]
    subprocess.run(command, env=dict(settings), stdout=subprocess.DEVNULL, check=True)  # noqa: S603
    return time.perf_counter() - began


def _target() -> tuple[Target, str]:
    """What the Lambdas run on, with Python as this machine has it: that of theirs, else ours; and its interpreter."""
    machine = {wheels: architecture for architecture, wheels in MACHINES.items()}[platform.machine()]
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    targets = [Target(python, machine) for python in (LAMBDA_PYTHON, ours)]
    return next((target, interpreter) for target in targets if (interpreter := target.interpreter()))


def _bundle(folder: Path, target: Target) -> str:
    build(target, folder)
    with ZipFile(folder / "deployment.zip") as zipped:
        zipped.extractall(folder / "bundle")
    return str(folder / "bundle")


def _runtime(folder: Path, interpreter: str) -> str:
    for package in LAMBDA_BRINGS:
        found = find_spec(package)
        assert found is not None
        assert found.origin is not None
        shutil.copytree(Path(found.origin).parent, folder / "runtime" / package)
    compile_bytecode(folder / "runtime", interpreter)
    return str(folder / "runtime")


def _alone(folder: Path, interpreter: str) -> str:
    """The interpreter, with nothing installed."""
    command = [interpreter, "-m", "venv", "--without-pip", str(folder / "python")]
    subprocess.run(command, check=True)  # noqa: S603
    return str(folder / "python" / "bin" / "python")


def _settings(url: str, data_dir: Path, aws: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": url,
        "JWT_SECRET": jwt_secret(data_dir),
        "AWS_REGION": REGION,
        "AWS_ACCOUNT_ID": ACCOUNT,
        "AWS_ACCESS_KEY_ID": "measured",
        "AWS_SECRET_ACCESS_KEY": "measured",
        "AWS_ENDPOINT_URL": aws,
        "RUN_UNIT_FUNCTION": "run_unit",
        "SCHEDULE_TRIGGER_FUNCTION": "schedule_trigger",
        "STATE_MACHINE_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/measured",
    }


def _starts(caller: Caller, workflow_id: str) -> Iterator[Start]:
    yield Start("api, get", "app.app", _request(caller, "GET", workflow_id, ""))
    yield Start("api, execute", "app.app", _request(caller, "POST", workflow_id, "/execute"))
    ended = {"name": str(uuid4()), "status": "SUCCEEDED"}
    yield Start("execution_status, nothing to do", "chalicelib.runs.routes.execution_status", _event(ended))
    timer = f"stepgraph-{workflow_id}-0"
    for what, hour in {"not due": 9, "due": 8}.items():
        event = {"timer": timer, "time": HOUR.format(hour)}
        yield Start(f"schedule_trigger, {what}", "chalicelib.schedules.routes.schedule_trigger", event)


def _event(detail: Mapping[str, Any]) -> dict[str, Any]:
    texts = dict.fromkeys(("version", "id", "detail-type", "source", "account", "region"), "")
    return {**texts, "time": datetime.now(UTC).isoformat(), "resources": [], "detail": detail}


def _request(caller: Caller, method: str, workflow_id: str, path: str) -> dict[str, Any]:
    """As API Gateway sends it."""
    resource = f"/api/v1/workspaces/{{workspace_id}}/workflows/{{workflow_id}}{path}"
    headers = {"authorization": f"Bearer {caller.token}", "content-type": "application/json", "host": "measured"}
    return {
        "requestContext": {"httpMethod": method, "resourcePath": resource, "path": resource},
        "pathParameters": {"workspace_id": caller.workspace_id, "workflow_id": workflow_id},
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "multiValueQueryStringParameters": None,
        "stageVariables": None,
        "body": "{}" if method == "POST" else None,
        "isBase64Encoded": False,
    }
