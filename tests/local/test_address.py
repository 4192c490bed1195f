"""How a running stack is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.address import FILE, Address, find, publish

HERE = Address("http://127.0.0.1:8000", "workspace", "owner", "member")
THERE = Address("http://127.0.0.1:8001", "workspace", "owner", "member")


def test_what_is_published_is_found_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    publish(tmp_path, HERE)
    assert find(tmp_path) == HERE
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_a_stack_that_stops_withdraws_its_address(tmp_path: Path) -> None:
    withdraw = publish(tmp_path, HERE)
    withdraw()
    assert find(tmp_path) is None


def test_a_stack_that_stops_leaves_the_address_of_a_later_one(tmp_path: Path) -> None:
    withdraw = publish(tmp_path, HERE)
    publish(tmp_path, THERE)
    withdraw()
    assert find(tmp_path) == THERE


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"url": "http://127.0.0.1:8000"}', '{"port": 1}'])
def test_a_file_that_tells_no_address_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert find(tmp_path) is None
