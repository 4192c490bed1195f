"""What tests of runs share: a run's input, and what its workflow calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.client import Api
from tests.upstream import Upstream


@pytest.fixture
def given(upstream: Upstream, owner: Api) -> dict[str, Any]:
    """A run's input whose `base` no other test uses."""
    return {"base": f"{upstream.base}/{owner.workspace_id}"}


@pytest.fixture
def calls(upstream: Upstream, owner: Api) -> list[dict[str, Any]]:
    """The calls that came to that base."""
    return upstream.calls[owner.workspace_id]


@pytest.fixture
def nothing_scheduled_after(owner: Api) -> Iterator[None]:
    """No schedule of a test fires on the clocks of the next ones."""
    yield
    for workflow in owner.get("?limit=100")["items"]:
        owner.send("DELETE", f"/{workflow['id']}")
