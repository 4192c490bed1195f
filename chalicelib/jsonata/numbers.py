"""JSONata's numbers are doubles; jsonatapy takes integers too, of 64 bits."""

from __future__ import annotations

from typing import Any

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def in_64_bits(value: Any) -> Any:
    """A JSON value with doubles for integers beyond 64 bits. Raises OverflowError for one that no double can say."""
    if isinstance(value, dict):
        return {key: in_64_bits(item) for key, item in value.items()}
    if isinstance(value, list):
        return [in_64_bits(item) for item in value]
    return float(value) if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST else value
