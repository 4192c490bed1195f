"""Where the API is and who calls it: options, the environment, the user's file, or the stack on this machine."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .errors import UsageError

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Connection:
    """What it takes to call the API; empty is not known. `source` tells where the most of it is from."""

    url: str = ""
    workspace: str = ""
    token: str = ""
    source: str = "options and the environment"

    def __repr__(self) -> str:
        return f"Connection({self.url!r}, {self.workspace!r}, source={self.source!r})"

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return urlsplit(self.url).hostname in LOOPBACK


def resolve(asked: Connection, *, local: bool, environment: Mapping[str, str] = os.environ) -> Connection:
    """The first that knows decides: an option, the environment, the file; without a file, the local stack.

    What is stored goes only to the URL that it was stored for. Raises UsageError for what is missing.
    """
    stored = find_local(environment) if local else load(environment) or find_local(environment)
    if local and stored is None:
        raise UsageError(
            f"no stack runs on {_data_dir(environment)}", "start one with `make run`, or name its DATA_DIR"
        )
    stored = stored or Connection()
    url = checked_url(asked.url or environment.get("STEPGRAPH_URL", "") or stored.url)
    if url != stored.url:
        stored = Connection()
    token = asked.token or environment.get("STEPGRAPH_TOKEN", "") or stored.token
    workspace = asked.workspace or environment.get("STEPGRAPH_WORKSPACE", "") or stored.workspace
    found = Connection(url, workspace, token, stored.source)
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageError("the token has characters that no token has", "is it all of it, and nothing else?")
    missing = [name for name in ("url", "workspace", "token") if not getattr(found, name)]
    if missing:
        raise UsageError(
            f"it is not known which API to use: no {', no '.join(missing)}",
            f"run `stepgraph configure`, or set {', '.join(f'STEPGRAPH_{name.upper()}' for name in missing)}",
        )
    return found


def checked_url(url: str) -> str:
    """The URL without a slash at its end. Raises UsageError."""
    try:
        parts = urlsplit(url)
        is_usable = not url or (parts.scheme in ("http", "https") and parts.hostname and (parts.port or True))
    except ValueError:
        is_usable = False
    if not is_usable:
        raise UsageError(f"{url!r} is no URL of an API", "it looks like https://api.example.com")
    return url.rstrip("/")


def config_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the user's file is (XDG Base Directory Specification)."""
    home = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "stepgraph" / "config.json"


def load(environment: Mapping[str, str] = os.environ) -> Connection | None:
    """What the user's file says. Raises UsageError for one that can't be read."""
    file = config_file(environment)
    if (known := _read(file)) is None:
        return None
    url, workspace, token = (str(known.get(key, "")) for key in ("url", "workspace", "token"))
    return Connection(url, workspace, token, str(file))


def save(connection: Connection, environment: Mapping[str, str] = os.environ) -> Path:
    """Write the user's file, for the user's eyes alone."""
    file = config_file(environment)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = {key: value for key, value in asdict(connection).items() if key != "source"}
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)  # which makes it 0600
    with os.fdopen(handle, "w") as opened:
        opened.write(json.dumps(known, indent=2) + "\n")
    return Path(name).replace(file)


def find_local(environment: Mapping[str, str] = os.environ) -> Connection | None:
    """The stack of `make run` on the data folder, whose owner is who calls."""
    file = _data_dir(environment) / "stack.json"
    if (known := _read(file)) is None:
        return None
    return Connection(
        str(known.get("url", "")), str(known.get("workspace_id", "")), str(known.get("owner_token", "")), str(file)
    )


def _data_dir(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("DATA_DIR") or ".local")


def _read(file: Path) -> dict[str, Any] | None:
    try:
        known = json.loads(file.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} can't be read: {error}", "run `stepgraph configure` again") from None
    if not isinstance(known, dict):
        raise UsageError(f"{file} is no JSON object", "run `stepgraph configure` again")
    return known
