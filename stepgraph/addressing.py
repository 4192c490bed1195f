"""Finding what people name: workflows by id, the beginning of one, or name; runs by id; graphs, also in files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from .api import Answer, Api, segment
from .errors import NotFoundError, UsageError
from .files import graph_of, read
from .options import Session
from .words import line, short

RECENT_RUNS = 1_000
"""Among how many runs the beginning of an id is looked for."""

_VERSIONED = re.compile(r"(.+)@([1-9][0-9]{0,8}|current)")


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph and what it is of; `version` is None of a file."""

    title: str
    graph: Mapping[str, Any]
    workflow: Mapping[str, Any]
    version: int | None = None


def find_workflow(api: Api, named: str) -> Answer:
    """A workflow without its graph. Raises NotFoundError, UsageError for a name that several have."""
    if _is_id(named):
        return api.get(f"/workflows/{named}")
    found = _match(named, list(api.items("/workflows")), "workflow")
    if found is None:
        raise NotFoundError(f"there is no workflow {named!r}", "`stepgraph workflows` lists them")
    return found


def find_template(api: Api, named: str) -> Answer:
    """A template of the workspace or of the gallery."""
    found = _match(named, list(api.items("/workflows/templates")), "template")
    if found is None:
        raise NotFoundError(f"there is no template {named!r}", "`stepgraph templates` lists them")
    return found


def find_run(api: Api, named: str) -> Answer:
    """A run in full."""
    if not _is_id(named):
        recent = list(islice(api.items("/runs"), RECENT_RUNS))
        found = _match(named, recent, "run")
        if found is None:
            raise NotFoundError(
                f"there is no run {named!r} among the last {RECENT_RUNS:,}", "`stepgraph runs` lists them"
            )
        named = found["id"]
    return api.get(f"/runs/{segment(named)}")


def run_path(run: Mapping[str, Any]) -> str:
    """Where the API has a run."""
    return f"/workflows/{run['workflow_id']}/runs/{run['id']}"


def graph_of_run(api: Api, run: Mapping[str, Any]) -> Mapping[str, Any]:
    """The graph of the version that a run pins."""
    graph: Mapping[str, Any] = api.get(f"/workflows/{run['workflow_id']}/versions/{run['version']}")["graph_definition"]
    return graph


def find_drawing(session: Session, named: str) -> Drawing:
    """The graph of `WORKFLOW`, `WORKFLOW@VERSION`, or a file."""
    if is_file(named):
        content = read(named)
        return Drawing(named, graph_of(content), content)
    match = _VERSIONED.fullmatch(named)
    workflow = find_workflow(session.api, match[1] if match else named)
    asked = match[2] if match else "current"
    return drawing_of(session.api, workflow, workflow["current_version"] if asked == "current" else int(asked))


def drawing_of(api: Api, workflow: Mapping[str, Any], version: int) -> Drawing:
    """The graph of a version."""
    graph = api.get(f"/workflows/{workflow['id']}/versions/{version}")["graph_definition"]
    return Drawing(f"{line(workflow['name'])} @{version}", graph, workflow, version)


def is_file(named: str) -> bool:
    """Whether a file is meant, and no workflow."""
    return named == "-" or named.endswith(".json") or (("/" in named or "\\" in named) and Path(named).exists())


def _match(named: str, known: Iterable[Answer], kind: str) -> Answer | None:
    """The one with that id or name, or whose id alone begins so."""
    known = list(known)
    found = [each for each in known if named in (each["id"], each.get("name"))]
    found = found or [each for each in known if re.fullmatch("[0-9a-f-]{2,}", named) and each["id"].startswith(named)]
    if len(found) > 1:
        ids = ", ".join(_short_enough(each["id"], found) for each in found[:10])
        raise UsageError(f"{len(found)} {kind}s are meant by {named!r}", f"name one by its id: {ids}")
    return found[0] if found else None


def _short_enough(identifier: str, among: list[Answer]) -> str:
    begins = [each for each in among if short(each["id"]) == short(identifier)]
    return short(identifier) if len(begins) == 1 else identifier


def _is_id(named: str) -> bool:
    try:
        return str(UUID(named)) == named.lower()
    except ValueError:
        return False
