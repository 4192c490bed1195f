"""All that the Lambdas do in an installation, from end to end, done once."""

from __future__ import annotations

import uuid

import pytest

from local import clock
from local.moto_corrections.status_events import deliver_pending
from local.stack import Stack
from tests.aws_calls import Calls, noted
from tests.client import Api
from tests.upstream import Upstream

from . import deeds_of_operators, deeds_of_schedules, deeds_of_users
from .installation import LIMIT, Installation

DEEDS = (*deeds_of_users.DEEDS, *deeds_of_schedules.DEEDS, *deeds_of_operators.DEEDS)
BY_THE_CLOCK = (*clock.EVERY_SECONDS, "schedule_trigger")


def play(stack: Stack, base_url: str, upstream: Upstream) -> Calls:
    """The calls of AWS that were made in it. Meanwhile the stack's clock calls no one, and so is never quicker than
    the Lambda that is to do something."""
    workspace_id, token, _ = stack.workspace(uuid.uuid4().hex)
    api, lambdas = Api(base_url, str(workspace_id), token), stack.app.handler_map
    with noted(stack.app) as calls, pytest.MonkeyPatch.context() as patch:
        it = Installation(api, stack, upstream, dict(lambdas))
        for name in BY_THE_CLOCK:
            patch.setitem(lambdas, name, lambda *_: None)
        for deed in DEEDS:
            deed(it)
            assert deliver_pending(LIMIT)
    for workflow in api.get("?limit=250")["items"]:  # so that no schedule fires on the clocks of other tests
        api.send("DELETE", f"/{workflow['id']}")
    return calls
