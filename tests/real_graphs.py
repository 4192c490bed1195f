"""Where the real-world workflows are: beside the project, or wherever REAL_GRAPHS says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

BESIDE = Path(__file__).parents[2] / "shared" / "graphs" / "real.jsonl"


def real_graphs() -> list[dict[str, Any]]:
    """Lines of `{name, graph_definition, decisions, fails, expect}`; none where there is no such file."""
    file = Path(os.environ.get("REAL_GRAPHS", BESIDE))
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
