"""Calling a running stack from the command line."""

from __future__ import annotations

import pytest

from local.address import Address
from local.caller import Caller, CallError
from tests.client import Api


def test_an_answer_that_is_an_error_is_told_in_its_own_words(owner: Api) -> None:
    address = Address(owner.base, owner.workspace_id, owner.token or "", "")
    with pytest.raises(CallError, match="answered 404: there is no workflow"):
        Caller(address).call("GET", "/00000000-0000-0000-0000-000000000000")


def test_a_file_left_by_a_killed_stack_is_no_stack() -> None:
    assert not Caller(Address("http://127.0.0.1:1", "workspace", "owner", "member")).answers()
