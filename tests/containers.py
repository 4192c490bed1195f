"""The Lambdas' containers, begun anew with other settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bootstrap import services


@contextmanager
def deployed_with(**settings: Any) -> Iterator[None]:
    """Meanwhile all Lambdas are containers that began with other settings, as after a deployment."""
    container = services()
    changed = {"settings": replace(container.settings, **settings), "database": container.database}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(container, "__dict__", changed)
        yield
