"""What an http_request does in a run, and what is told of one that is drawn wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bootstrap import Services, services
from chalicelib.node_contract import HttpLimits, NodeFailure
from local.stack import Stack
from tests.client import Api, graph, node, poll
from tests.upstream import Upstream

SECRET = "s3cr3t"


def ask(path: str, **config: Any) -> dict[str, Any]:
    """A graph that asks the upstream of the run's input."""
    return graph([node("ask", "http_request", {"url": f"{{% $input.base %}}/{path}", **config})])


def test_a_server_that_says_when_is_not_asked_before(owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
    result = owner.run(ask("busy?status=503&times=1&retry_after=2"), given)["node_results"]["ask"]
    assert (result["status"], result["attempts"], len(calls)) == ("succeeded", 2, 2)
    assert calls[1]["began"] - calls[0]["ended"] >= 2
    assert result["history"][0]["error"]["retry_after_seconds"] == 2


def test_why_an_attempt_waits_is_seen_while_it_does(owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
    workflow_id = owner.create(ask("busy?status=429&retry_after=10"))["id"]
    run = f"/{workflow_id}/runs/{owner.execute(workflow_id, given)['id']}"
    error = poll(lambda: owner.get(run)["node_results"]["ask"]["error"], limit=8)
    assert (error["retry_after_seconds"], len(calls)) == (10, 1)
    assert owner.send("POST", f"{run}/cancel", {}).status == 200


def test_a_server_that_asks_for_more_time_than_there_is_is_not_asked_again(
    owner: Api, given: dict[str, Any], calls: list[Any]
) -> None:
    run = owner.run(ask("busy?status=429&retry_after=3600"), given)
    assert (run["status"], len(calls)) == ("failed", 1)
    why = "answered 429 and asks to wait for 3,600 s; the node's timeout_seconds leaves 30 s"
    assert run["error_message"].endswith(why)


@pytest.mark.parametrize(
    "pages",
    [
        {"next": "link", "items": "body.items"},
        {"next": "body.next", "items": "body.items"},
        {"next": "body.cursor", "parameter": "page", "items": "body.items"},
        {"parameter": "page", "items": "body.items"},
    ],
)
def test_pages_come_out_as_one_list(owner: Api, given: dict[str, Any], pages: dict[str, Any]) -> None:
    output = owner.run(ask("list?pages=3", pages=pages), given)["output"]
    assert (output["items"], output["complete"]) == (["1a", "1b", "2a", "2b", "3a", "3b"], True)


def test_a_form_is_what_an_expression_gives(owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
    owner.run(ask("form", method="POST", body_type="form", body="{% $input.form %}"), given | {"form": {"a": [1, "ä"]}})
    assert calls[0]["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert calls[0]["body"] == b"a=1&a=%C3%A4"


@pytest.mark.parametrize(
    "config",
    [
        {"headers": {"x-key": f"{{% '{SECRET}' & '\\n' %}}"}},
        {"headers": {"x-key": f"{{% ['{SECRET}'] %}}"}},
        {"url": f"{{% 'http://127.0.0.1:9/{SECRET}' %}}", "headers": {"x-key": SECRET}},
        {"method": f"{{% '{SECRET}' %}}"},
        {"query": {"a": f"{{% {{'b': '{SECRET}'}} %}}"}},
    ],
)
def test_an_error_of_a_run_tells_nothing_of_what_was_sent(owner: Api, given: dict[str, Any], config: Any) -> None:
    drawn = ask("", **config)
    drawn["nodes"][0]["data"]["retry"] = {"max_attempts": 1}
    run = owner.run(drawn, given)
    assert run["status"] == "failed"
    assert SECRET not in str(run["node_results"]) + run["error_message"]


def test_all_that_is_wrong_with_a_request_is_told_with_its_field(owner: Api) -> None:
    config = {
        "method": "FETCH",
        "url": "ftp://{% $input.host %}/x",
        "headers": {"Host": "x"},
        "body_type": "form",
        "body": "a=1",
        "success_codes": ["2x"],
        "max_redirects": 50,
        "timeout": 5,
        "pages": {"next": "$.next"},
    }
    answer = owner.send("POST", "", {"name": "wrong", "graph_definition": graph([node("ask", "http_request", config)])})
    assert answer.status == 422
    told = {error["path"].partition("config.")[2]: error for error in answer.body["errors"]}
    assert set(told) == {*(config.keys() - {"body_type", "success_codes", "pages"}), "success_codes[0]", "pages.next"}
    assert {error["node_id"] for error in told.values()} == {"ask"}
    assert told["method"]["message"].startswith('node "ask": config method: must be one of GET, HEAD, ')


def test_loopback_is_reached_only_where_the_operator_allows_it(stack: Stack, upstream: Upstream) -> None:
    assert stack.app
    account = Services(replace(services().settings, allow_private_http=False))
    url = f"{upstream.base}/operator"
    with pytest.raises(NodeFailure) as caught:
        account.http.request("GET", url, headers={}, body=None, limits=HttpLimits(5))
    assert (caught.value.code, upstream.calls["operator"]) == ("private_address", [])
    assert services().http.request("GET", url, headers={}, body=None, limits=HttpLimits(5)).status == 200
