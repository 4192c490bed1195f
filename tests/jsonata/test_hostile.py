"""No expression takes a process down: each of a hostile suite is evaluated in a child whose memory is read."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .hostile import HOSTILE

ROOT = Path(__file__).parents[2]
SECONDS = 20
"""The sandbox gives three; the rest is for a busy machine."""
MEGABYTES = 300
CHILD = """
import json, resource, sys
from chalicelib.compiler.expressions import compile_expression
from chalicelib.jsonata.errors import ExpressionError
from chalicelib.jsonata.sandbox import Sandbox
from tests.jsonata.hostile import BINDINGS, HOSTILE
sandbox = Sandbox()
try:
    sandbox.evaluate(compile_expression(HOSTILE[sys.argv[1]]).source, BINDINGS)
    told = None
except ExpressionError as error:
    told = str(error)
del sandbox
peaks = [resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({"told": told, "megabytes": peaks}))
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_expression_is_bounded_in_time_and_memory(name: str) -> None:
    began = time.monotonic()
    child = _child(CHILD, name)
    assert child.returncode == 0, child.stderr
    seen = json.loads(child.stdout)
    assert max(seen["megabytes"]) < MEGABYTES, seen
    assert time.monotonic() - began < SECONDS, seen


def test_the_suite_holds_what_grows_without_the_sandbox() -> None:
    """One of them in the process itself, to see that the child's figures can turn red."""
    code = CHILD.replace("sandbox.evaluate(", "from chalicelib.jsonata.evaluation import evaluate; evaluate(")
    child = _child(code, "doubling")
    assert max(json.loads(child.stdout)["megabytes"]) > MEGABYTES


def _child(code: str, name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, name]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
