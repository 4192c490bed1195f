"""Requests that the document allows, and ones that it does not: none fails, and no answer is outside the document."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance

import app
from chalicelib.reference.document import describe
from local.stack import Stack
from tests.client import Api, graph, node

UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
CASES, ALL_CASES = 300, 5_000
"""In all; `--all` makes the larger number of them."""

load_all_checks()
DOCUMENT = describe(app.app.routes) | {"servers": [{"url": "/"}]}
OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()]


@pytest.fixture(scope="module")
def owner(stack: Stack, base_url: str) -> Api:
    workspace_id, token, _ = stack.workspace("any-request")
    return Api(base_url, str(workspace_id), token)


@pytest.fixture(scope="module")
def ids(owner: Api) -> dict[str, str]:
    """Those of a workflow with a container and a run that failed; the workflow stays there."""
    each = node("each", "for_each", {"items": "{% [1, 2] %}"})
    inside = node("inside", "fail", {"message": "no"}) | {"parentId": "each"}
    workflow_id = owner.create(graph([each, inside]), is_template=True)["id"]
    run = owner.ended(workflow_id, owner.execute(workflow_id)["id"])
    assert run["status"] == "failed"
    ids = {"workflow_id": workflow_id, "template_id": workflow_id, "run_id": run["id"]}
    return {**ids, "workspace_id": owner.workspace_id, "version": "1"}


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # the server in this process does meanwhile
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_any_request_is_answered_as_the_document_says(
    operation: APIOperation[Any, Any, Any], owner: Api, ids: dict[str, str], request: pytest.FixtureRequest
) -> None:
    is_whole = request.config.getoption("--all")
    count = (ALL_CASES if is_whole else CASES) // len(OPERATIONS) + 1
    cases = st.one_of(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @hypothesis.settings(
        max_examples=count, derandomize=not is_whole, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @hypothesis.given(case=cases, is_there=st.integers(0, 9))
    def answers(case: Case, is_there: int) -> None:
        for name, value in (case.path_parameters or {}).items():
            if is_there and UUID.fullmatch(str(value)) and (operation.method, name) != ("delete", "workflow_id"):
                case.path_parameters[name] = ids[name]
        answer: Response = case.call(base_url=owner.base, headers={"Authorization": f"Bearer {owner.token}"})
        if "Transfer-Encoding" in answer.request.headers:  # in chunks, as some bodies are: the app never sees it
            assert answer.status_code == HTTPStatus.LENGTH_REQUIRED
            return
        case.validate_response(answer, excluded_checks=[positive_data_acceptance])

    answers()
