"""JSONata's $pad, bounded: the limits of an evaluation don't see what one call makes."""

from __future__ import annotations

from typing import Any

MAX_CHARACTERS = 1_000_000


def pad(*arguments: Any) -> str | None:
    """JSONata's $pad(text, width, character): to the right, with a negative width to the left."""
    text, width, character = (*arguments, None, None, None)[:3]
    if text is None:
        return None
    if not isinstance(text, str) or not isinstance(width, int | float) or not isinstance(character, str | None):
        raise ValueError("T0410: $pad takes a text, a width and a character")  # noqa: TRY004
    _check(abs(width))
    count = max(int(abs(width)) - len(text), 0)
    fill = ((character or " ") * count)[:count]
    return text + fill if width >= 0 else fill + text


def _check(characters: float) -> None:
    if characters > MAX_CHARACTERS:
        raise ValueError(f"D2015: a text of more than {MAX_CHARACTERS:,} characters was to be made")
