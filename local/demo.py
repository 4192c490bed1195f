"""`make demo`: an order triage, saved and run through the HTTP API, and shown while and after it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.text import Text

from chalicelib.observability import logger
from stepgraph.api import Api
from stepgraph.commands.runs import outcome
from stepgraph.commands.timeline import picture
from stepgraph.configuration import Connection
from stepgraph.progress import follow
from stepgraph.screen import Screen

from .address import Address, find
from .caller import Caller
from .demo_apis import DemoApis
from .serve import serving

WORKFLOW = Path(__file__).parent / "demo_workflow.json"


def main(data_dir: Path) -> int:
    """Run the demo on the stack of a data folder; the exit code. Raises as serving does, and CliError."""
    screen = Screen(as_json=False)
    with _stack(data_dir, screen) as address, DemoApis() as apis:
        return _show(api_at(address), apis.base, screen)


def api_at(address: Address) -> Api:
    """The API of a stack as its owner's command would call it."""
    return Api(Connection(address.url, address.workspace_id, address.owner_token))


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
        if screen.is_live:
            print("\nstopping it again; `make run` keeps one running")


def _show(api: Api, base: str, screen: Screen) -> int:
    drawn = json.loads(WORKFLOW.read_text())
    workflow, graph = saved(api, drawn), drawn["graph_definition"]
    print(f'saved   "{workflow["name"]}", version {workflow["current_version"]}, workflow {workflow["id"]}\n')
    given = {"api": base, "order_id": "1042", "customer_id": "77"}
    started = api.post(f"/workflows/{workflow['id']}/execute", {"input": given})
    run = follow(api, screen, started, graph, workflow["name"])
    screen.print(Text("\nWhen each node ran", "bold"), *picture(run, graph, screen.out.width), Text())
    screen.print(*outcome(run))
    return 0 if run["status"] == "succeeded" else 1


def saved(api: Api, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The demo's workflow in the workspace: the one of an earlier demo if there is one, else a new one."""
    for item in api.items("/workflows"):
        if item["name"] == drawn["name"]:
            path = f"/workflows/{item['id']}"
            workflow = api.get(path)
            if workflow["graph_definition"] != drawn["graph_definition"]:
                workflow = api.put(path, {"graph_definition": drawn["graph_definition"]})
            return workflow
    return api.post("/workflows", drawn)
