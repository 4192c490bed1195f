"""Where a running stack answers: a file in its data folder, for `make demo` and for scripts."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "stack.json"


@dataclass(frozen=True, slots=True)
class Address:
    """The API's URL, and what it takes to use the local workspace."""

    url: str
    workspace_id: str
    owner_token: str
    member_token: str


def publish(data_dir: Path, address: Address) -> Callable[[], None]:
    """Write the file, for its owner's eyes alone; gives what takes it away again."""
    text = json.dumps(asdict(address), indent=2) + "\n"
    handle, name = tempfile.mkstemp(dir=data_dir, prefix=FILE)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    path = Path(name).replace(data_dir / FILE)

    def withdraw() -> None:
        """A stack that was started after this one has put its own address there."""
        if path.exists() and path.read_text() == text:
            path.unlink()

    return withdraw


def find(data_dir: Path) -> Address | None:
    """The address in the file. A stack that was killed leaves it behind, so the caller asks whether it answers."""
    try:
        return Address(**json.loads((data_dir / FILE).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
