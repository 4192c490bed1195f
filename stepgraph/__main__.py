"""`python -m stepgraph`, the same as the command `stepgraph`."""

from __future__ import annotations

from .cli import main

main(prog_name="stepgraph")
