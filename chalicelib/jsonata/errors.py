"""What a JSONata text that fails is told as."""

from __future__ import annotations

from .tokens import place


class ExpressionError(ValueError):
    """An expression can't be parsed or evaluated. `position` counts its characters from 0 where it is known.

    The message holds no value of a run: any of them may be a secret.
    """

    def __init__(self, reason: str, source: str = "", position: int | None = None) -> None:
        where = "" if position is None else f"at {place(source, position)}: "
        super().__init__(f"{where}{reason}")
        self.reason = reason
        self.source = source
        self.position = position
