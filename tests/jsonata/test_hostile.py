"""No expression takes a process down: all of a hostile suite, one after another, in the memory of a small Lambda."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.jsonata.worker import MEMORY_BYTES

from .hostile import NAMES

ROOT = Path(__file__).parents[2]
LAMBDA_BYTES = 512 * 1024 * 1024
SAMPLE = (
    "endless",
    "doubling by assignments",
    "doubling objects",
    "padding",
    "the input for each",
    "a result that is nested too deep",
    "a large regular expression",
    "a sum",
    "deep lists, as a text with indents",
)
"""One of each kind; with `--all` it is all of them."""
SECONDS = 20
"""A worker takes three; the rest is for a busy machine."""
CONTAINER = f"""
import json, os, resource, sys, time
import app, boto3
from chalicelib.bootstrap import services
from chalicelib.compiler.expressions import compile_expression
from chalicelib.jsonata.errors import ExpressionError
from chalicelib.jsonata.sandbox import Sandbox
from tests.jsonata.hostile import case

resource.setrlimit(resource.RLIMIT_DATA, ({LAMBDA_BYTES - MEMORY_BYTES},) * 2)
sandbox = Sandbox()
for name in json.loads(sys.argv[1]):
    source, given = case(name)
    began = time.monotonic()
    try:
        sandbox.evaluate(compile_expression(source).source, {{"input": given}})
        told = None
    except ExpressionError as error:
        told = str(error)
    print(json.dumps([name, told, time.monotonic() - began]), flush=True)
"""


@pytest.fixture(scope="module")
def seen(pytestconfig: pytest.Config) -> dict[str, tuple[str | None, float]]:
    """What each expression ended with, and after how many seconds. Half of them share a container."""
    names = NAMES if pytestconfig.getoption("--all") else SAMPLE
    containers = [_container(names[::2]), _container(names[1::2])]
    lines = [line for container in containers for line in container.communicate(timeout=300)[0].splitlines()]
    assert len(lines) == len(names), f"a container died of what came after {lines[-1:]}"
    return {name: (told, seconds) for name, told, seconds in map(json.loads, lines)}


def test_hostile_expressions_are_bounded_in_time_and_memory(seen: dict[str, tuple[str | None, float]]) -> None:
    assert {name: seconds for name, (_, seconds) in seen.items() if seconds > SECONDS} == {}
    assert {name: told for name, (told, _) in seen.items() if "its process ended" in (told or "")} == {}


def test_what_is_told_is_the_limit_that_was_met(seen: dict[str, tuple[str | None, float]]) -> None:
    assert seen["endless"][0] == "it takes longer than a second"
    assert seen["padding"][0] == "it needs more than 256 MiB of memory"
    assert seen["a result that is nested too deep"][0] == "its value is nested too deep"


def _container(names: list[str]) -> subprocess.Popen[str]:
    """A process that may take what is left of the Lambda's memory besides a worker."""
    environment = os.environ | {"MIMALLOC_DISALLOW_ARENA_ALLOC": "1"}
    command = [sys.executable, "-c", CONTAINER, json.dumps(names)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
