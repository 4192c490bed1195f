"""What secrets may be called: names that Secrets Manager keeps and that an expression can say."""

from __future__ import annotations

import re

MAX_CHARACTERS = 64
RULE = f"a name has letters, digits, _ and -, begins with a letter, and has at most {MAX_CHARACTERS} characters"

_NAME = re.compile(rf"[A-Za-z][A-Za-z0-9_-]{{0,{MAX_CHARACTERS - 1}}}")


def is_name(text: str) -> bool:
    """Whether a secret may be called so. A name with `-` goes in backticks: $secrets.`api-key`."""
    return _NAME.fullmatch(text) is not None
