"""Workflows as files: the form in which they are exported, read and written without losing anything."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import RefusedError, UsageError
from .words import short

EXPORTED = ("id", "name", "description", "is_template", "current_version", "graph_definition")
"""What a file holds of a workflow; it can be sent to the API as it is. `id` and `current_version` tell what it was
exported from, so that a later import knows whether someone else changed it since."""
_VERSION = re.compile(r'("current_version"\s*:\s*)\d+')


def exported(workflow: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a workflow's file."""
    return {key: workflow[key] for key in EXPORTED}


def text_of(content: Any) -> str:
    """A file's text."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def name_of(content: Mapping[str, Any]) -> str:
    """What a workflow's file is called: by its name and the beginning of its id."""
    words = re.sub(r"[^a-z0-9]+", "-", content["name"].lower()).strip("-")[:60]
    return f"{words or 'workflow'}-{short(content['id'])}.json"


def read(name: str) -> dict[str, Any]:
    """The JSON object in a file, or on standard input for `-`. Raises UsageError, RefusedError."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise RefusedError(f"{name} is no text in UTF-8") from None
    except OSError as error:
        raise UsageError(f"{name} can't be read: {error.strerror}") from None
    content = parse(text, name)
    if not isinstance(content, dict):
        raise RefusedError(f"{name} holds no JSON object")
    return content


def parse(text: str, name: str) -> Any:
    """The JSON value in a text. Raises RefusedError, also for what would silently be lost: a key that comes twice."""
    try:
        return json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise RefusedError(f"{name} is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise RefusedError(f"{name} is nested too deep") from None
    except ValueError as error:
        raise RefusedError(f"{name} is not JSON: {error}") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} comes twice in one object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def graph_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The graph in a file, which may also be one itself. Raises RefusedError."""
    graph = content.get("graph_definition", content)
    lists = [graph.get("nodes"), graph.get("edges")] if isinstance(graph, dict) else [None]
    if not all(isinstance(each, list) and all(isinstance(item, dict) for item in each) for each in lists):
        raise RefusedError("the file holds no graph", "a graph is an object with the lists nodes and edges")
    return dict(graph)


def write(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(text)
        Path(name).chmod(file.stat().st_mode & 0o777 if file.exists() else 0o666 & ~_umask())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def note_version(file: Path, content: Mapping[str, Any], version: int) -> None:
    """Write into a file which version it is now, leaving all else as someone laid it out where that can be done."""
    if content.get("current_version") == version:
        return
    wanted = {**content, "current_version": version}
    text = _VERSION.sub(rf"\g<1>{version}", file.read_text(encoding="utf-8-sig"), count=1)
    write(file, text if json.loads(text) == wanted else text_of(wanted))
