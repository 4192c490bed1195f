"""What a request is refused with: each place once, in words of who sent it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from chalicelib.errors import InvalidError, MalformedError
from chalicelib.requests import parse_body, parse_headers, parse_query
from chalicelib.runs.schemas import AskRetry, Decide, Idempotent, Retry
from chalicelib.trials.schemas import DryRunRequest
from chalicelib.workflows.schemas import Rollback


@pytest.mark.parametrize(
    ("model", "body", "path", "message"),
    [
        (Retry, {"version": "latest"}, "version", "must be a whole number or 'current'"),
        (Retry, {"version": True}, "version", "must be a whole number or 'current'"),
        (Retry, {"version": 0}, "version", "must be at least 1 or 'current'"),
        (Retry, {"version": 10**20}, "version", "must be at most 2,147,483,647 or 'current'"),
        (Rollback, {"version": 10**20}, "version", "must be at most 2,147,483,647"),
        (DryRunRequest, {"run_id": "x"}, "run_id", "must be a UUID"),
        (DryRunRequest, {"run_id": 5}, "run_id", "must be a UUID"),
        (DryRunRequest, {"mocks": {"a": {"out": 1}}}, "mocks.a.out",
         "there is no such key; the keys are output, branch, error"),
        (DryRunRequest, {"mocks": {"int": {"out": 1}}}, "mocks.int.out",
         "there is no such key; the keys are output, branch, error"),
        (Decide, {"decision": "x", "path": "0"}, "path",
         "must be the indexes of items, each with a slash behind it, such as 3/0/"),
    ],
)  # fmt: skip
def test_a_body_is_refused_with_one_problem_a_place(model: type[BaseModel], body: Any, path: str, message: str) -> None:
    with pytest.raises((InvalidError, MalformedError)) as caught:
        parse_body(json.dumps(body).encode(), model)
    assert caught.value.detail == f"{path}: {message}"
    assert [(error["path"], error["message"]) for error in caught.value.errors] == [(path, message)]


def test_a_body_tells_all_places_that_are_wrong() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_body(b'{"version": "x", "run_id": "y", "mocks": {"a": 1}}', DryRunRequest)
    assert {error["path"] for error in caught.value.errors} == {"version", "run_id", "mocks.a"}


@pytest.mark.parametrize("version", ["0", "latest", "9" * 11])
def test_a_parameter_is_told_without_the_branches_of_its_type(version: str) -> None:
    with pytest.raises(MalformedError, match=r"^version: must be .* or 'current'$") as caught:
        parse_query({"version": version}, AskRetry)
    assert [error["path"] for error in caught.value.errors] == ["version"]


@pytest.mark.parametrize("key", ["a b", "ü", "", "x" * 256])
def test_what_a_header_may_hold_is_told_in_words(key: str) -> None:
    with pytest.raises(MalformedError, match=r"^Idempotency-Key: must be 1 to 255 printable ASCII characters without"):
        parse_headers({"idempotency-key": key}, Idempotent)
