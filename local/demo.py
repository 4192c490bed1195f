"""`make demo`: an order triage, saved and run through the HTTP API, and shown while and after it runs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.observability import logger
from chalicelib.runs.state import FINAL

from . import timeline
from .address import Address, find
from .caller import Caller
from .demo_apis import DemoApis
from .serve import serving

WORKFLOW = Path(__file__).parent / "demo_workflow.json"
LIMIT_SECONDS, POLL_SECONDS = 60, 0.1
ERASE_LINE = "\r\033[2K"


def main(data_dir: Path) -> int:
    """Run the demo on the stack of a data folder; the exit code. Raises as serving does, CallError, TimeoutError."""
    screen = Screen.of_terminal()
    with _stack(data_dir, screen) as address, DemoApis() as apis:
        return _show(Caller(address), apis.base, screen)


@dataclass(frozen=True, slots=True)
class Screen:
    """How to print: with colour and a line that rewrites itself on a terminal, plainly elsewhere."""

    width: int
    live: bool
    colour: bool

    @classmethod
    def of_terminal(cls) -> Screen:
        """As standard output is."""
        live = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if live else timeline.WIDTH
        return cls(min(max(width, 80), 140), live, live and not os.environ.get("NO_COLOR"))

    def title(self, text: str) -> None:
        """A heading with room above it."""
        print(f"\n{timeline.paint(text, 'bold', self.colour)}")


@contextmanager
def _stack(data_dir: Path, screen: Screen) -> Iterator[Address]:
    """The stack that runs on the data folder; without one, a stack for as long as the demo takes."""
    address = find(data_dir)
    if address and Caller(address).answers():
        print(f"using the stack at {address.url}")
        yield address
        return
    print(f"no stack is running on {data_dir}, so one is started …", flush=True)
    logger.setLevel("ERROR")
    with serving(data_dir, 0) as (_, started):
        print(f"it answers at {started.url}")
        yield started
        if screen.live:
            print("\nstopping it again; `make run` keeps one running")


def _show(api: Caller, base: str, screen: Screen) -> int:
    drawn = json.loads(WORKFLOW.read_text())
    workflow = _saved(api, drawn)
    print(f'saved   "{workflow["name"]}", version {workflow["current_version"]}, workflow {workflow["id"]}')
    given = {"api": base, "order_id": "1042", "customer_id": "77"}
    run = api.call("POST", f"/{workflow['id']}/execute", {"input": given})
    print(f"started run {run['id']}\n")
    run = _follow(api, run, drawn["graph_definition"], screen)
    _report(run, drawn["graph_definition"], screen)
    return 0 if run["status"] == "succeeded" else 1


def _saved(api: Caller, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The demo's workflow in the workspace: the one of an earlier demo if there is one, else a new one."""
    for item in api.call("GET", "/?limit=250")["items"]:
        if item["name"] == drawn["name"]:
            workflow: dict[str, Any] = api.call("GET", f"/{item['id']}")
            if workflow["graph_definition"] != drawn["graph_definition"]:
                workflow = api.call("PUT", f"/{item['id']}", {"graph_definition": drawn["graph_definition"]})
            return workflow
    created: dict[str, Any] = api.call("POST", "", drawn)
    return created


def _follow(api: Caller, run: Mapping[str, Any], graph: Mapping[str, Any], screen: Screen) -> Mapping[str, Any]:
    """Show a run until it ends; the run as it ended. Raises TimeoutError when it takes too long."""
    path = f"/{run['workflow_id']}/runs/{run['id']}"
    end = time.monotonic() + LIMIT_SECONDS
    before: list[str] = []
    while run["status"] not in FINAL:
        if time.monotonic() > end:
            raise TimeoutError(f"the run is still {run['status']} after {LIMIT_SECONDS} s; read it at {path}")
        statuses = [result["status"] for result in run["node_results"].values()]
        if screen.live or statuses != before:
            _progress(run, graph, screen)
        before = statuses
        time.sleep(POLL_SECONDS)
        run = api.call("GET", path)
    if screen.live:
        print(ERASE_LINE, end="")
    return run


def _progress(run: Mapping[str, Any], graph: Mapping[str, Any], screen: Screen) -> None:
    line = timeline.progress(run, graph, datetime.now(UTC))
    if screen.live:
        print(f"{ERASE_LINE}{timeline.cut(line, screen.width - 1)}", end="", flush=True)
    else:
        print(line, flush=True)


def _report(run: Mapping[str, Any], graph: Mapping[str, Any], screen: Screen) -> None:
    bars = timeline.bars(run, graph)
    screen.title("What every node did")
    print(timeline.table(bars, width=screen.width, colour=screen.colour))
    screen.title(f"When it did so   {timeline.LEGEND}")
    print(timeline.timeline(bars, width=screen.width, colour=screen.colour))
    screen.title("Output of the run")
    print(json.dumps(run["output"], indent=2, ensure_ascii=False))
    took = datetime.fromisoformat(run["completed_at"]) - datetime.fromisoformat(run["started_at"])
    reason = f": {run['error_message']}" if run["error_message"] else ""
    text = f"{run['status']} in {timeline.seconds(took.total_seconds())}{reason}"
    print(f"\n{timeline.paint(text, run['status'], screen.colour)}")
