"""`stepgraph timeline`: when each node of a run ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from stepgraph.addressing import find_run, find_workflow, graph_of_run
from stepgraph.options import Command, Session
from stepgraph.progress import head, rows
from stepgraph.screen import DIM
from stepgraph.timeline import LEGEND
from stepgraph.timeline import timeline as drawn

NARROWEST, WIDEST = 60, 100


@click.command(cls=Command)
@click.argument("run")
@click.pass_obj
def timeline(session: Session, run: str) -> None:
    """Draw when the nodes of a RUN ran, on one axis of time."""
    found = find_run(session.api, run)
    name = find_workflow(session.api, found["workflow_id"])["name"]
    session.screen.show(
        found, head(found, name), *picture(found, graph_of_run(session.api, found), session.screen.out.width)
    )


def picture(run: Mapping[str, Any], graph: Mapping[str, Any], width: int) -> Iterator[RenderableType]:
    """The bars of a run and what they mean, in as much of a width as is read well."""
    yield from drawn(rows(run, graph), min(max(width, NARROWEST), WIDEST))
    yield Text(LEGEND, DIM)
