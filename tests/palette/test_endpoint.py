"""The palette over HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib.nodes import node_types
from tests.client import Api

Get = Callable[..., tuple[int, dict[str, str], Any]]


@pytest.fixture
def get(base_url: str) -> Get:
    def send(token: str | None, **headers: str) -> tuple[int, dict[str, str], Any]:
        connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=60)
        try:
            authorization = {"Authorization": f"Bearer {token}"} if token else {}
            connection.request("GET", "/api/v1/node-types", headers={**authorization, **headers})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        return response.status, {key.lower(): value for key, value in response.getheaders()}, text and json.loads(text)

    return send


def test_any_user_gets_all_types(get: Get, member: Api) -> None:
    status, _, body = get(member.token)
    assert status == 200
    items = {item["type"]: item for item in body["items"]}
    assert items.keys() == node_types().keys()
    assert (items["condition"]["label"], items["condition"]["handles"]) == ("Condition", ["true", "false"])
    assert (items["switch"]["handles"], items["switch"]["case_handles"]) == (["default"], "cases")
    assert [name for name, item in items.items() if item["is_container"]] == ["for_each"]
    assert items["wait"]["config_schema"]["properties"]["until"]["description"]


def test_a_user_of_no_workspace_gets_them_too(get: Get, stack: Any) -> None:
    from local import workspaces  # noqa: PLC0415

    assert get(workspaces.token(stack.jwt_secret, "00000000-0000-0000-0000-000000000000"))[0] == 200
    status, headers, body = get(None)
    assert (status, headers["content-type"]) == (401, "application/problem+json")
    assert body["detail"].startswith("send a token")


def test_who_has_them_already_is_told_so(get: Get, member: Api) -> None:
    _, first, _ = get(member.token)
    tag = first["etag"]
    assert first["cache-control"] == "private, no-cache"
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        status, headers, body = get(member.token, **{"If-None-Match": known})
        assert (status, headers["etag"], body) == (304, tag, b"")
    assert get(member.token, **{"If-None-Match": '"other"'})[0] == 200
    assert get(None, **{"If-None-Match": tag})[0] == 401
