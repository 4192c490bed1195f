"""How the sandbox and its worker speak: JSON, with its length in front."""

from __future__ import annotations

import json
import struct
from typing import Any

HEADER = struct.Struct("!I")


def frame(message: Any) -> bytes:
    """A message as it goes through the pipe."""
    text = json.dumps(message, separators=(",", ":")).encode()
    return HEADER.pack(len(text)) + text
