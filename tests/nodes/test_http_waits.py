"""http_request: its limits, and an answer that says when to ask again."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.compiler.node_type import HttpLimits, HttpResponse, NodeFailure, Result

from .fakes import FakeHttp, FakeTime, InTurn, refused, run

URL = "https://api.example.com/things"
GOOD = HttpResponse(200, {}, b"fine")


def busy(retry_after: str | None, status: int = 429) -> HttpResponse:
    return HttpResponse(status, {} if retry_after is None else {"retry-after": retry_after}, b"slow down")


def test_limits_are_passed_on() -> None:
    http = FakeHttp()
    run("http_request", {"url": URL}, http)
    config = {"connect_timeout_seconds": 2, "read_timeout_seconds": 0.5, "max_redirects": 3, "max_response_bytes": 10}
    run("http_request", {"url": URL, **config}, http)
    run("http_request", {"url": URL, "follow_redirects": False}, http)
    assert http.limits == [HttpLimits(), HttpLimits(2, 0.5, 3, 10), HttpLimits(max_redirects=0)]


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("3", 3),
        ("0", 1),
        ("Thu, 31 Jan 2030 08:00:04 GMT", 4),
        ("Thu, 31 Jan 2030 09:00:04 +0100", 4),
        ("Thursday, 31-Jan-30 08:00:04 GMT", 4),
        ("Thu Jan 31 08:00:04 2030", 4),
        ("Thu, 31 Jan 2001 08:00:00 GMT", 1),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_an_answer_that_says_when_is_asked_again_then(retry_after: str, seconds: float, status: int) -> None:
    http, time = InTurn([busy(retry_after, status), GOOD]), FakeTime()
    result = run("http_request", {"url": URL}, http, time=time)
    assert isinstance(result, Result)
    assert result.output["body"] == "fine"
    assert time.slept == [seconds]
    assert [asked["timeout"] for asked in http.asked] == [7, 7 - seconds]


def failed(http: FakeHttp | InTurn, time: FakeTime | None = None, **config: Any) -> NodeFailure:
    with pytest.raises(NodeFailure) as caught:
        run("http_request", {"url": URL, **config}, http, time=time)
    return caught.value


def test_more_time_than_there_is_is_told_instead_of_asked_for_again() -> None:
    time = FakeTime()
    found = failed(FakeHttp(busy("3600")), time)
    assert found.as_json() == {
        "code": "http_status",
        "message": "GET https://api.example.com answered 429",
        "status": 429,
        "body": "slow down",
        "retry_after_seconds": 3600,
    }
    assert (found.retryable, time.slept) == (False, [])


def test_waits_end_with_the_time_of_the_node() -> None:
    time = FakeTime()
    assert failed(FakeHttp(busy("3")), time).details["retry_after_seconds"] == 3
    assert time.slept == [3, 3]


def test_a_server_that_always_asks_to_wait_is_asked_eleven_times() -> None:
    http = FakeHttp(busy("1"))
    time = FakeTime(seconds=-1_000_000)
    time.sleep = lambda _: None  # type: ignore[method-assign]
    found = failed(http, time)
    assert (len(http.asked), found.retryable) == (11, True)


@pytest.mark.parametrize(
    "retry_after", [None, "", "soon", "-1", "1.5", "1 second", "9" * 30, "Thu, 99 Jan 2030 08:00:00 GMT", "٣"]
)
def test_a_retry_after_that_cant_be_read_is_none(retry_after: str | None) -> None:
    found = failed(FakeHttp(busy(retry_after)))
    assert (found.retryable, "retry_after_seconds" in found.details) == (True, False)


@pytest.mark.parametrize("status", [400, 301, 500, 502, 504])
def test_only_429_and_503_are_waited_for(status: int) -> None:
    http = FakeHttp(busy("1", status))
    assert "retry_after_seconds" not in failed(http).details
    assert len(http.asked) == 1


def test_what_may_have_worked_is_not_asked_again() -> None:
    http = FakeHttp(busy("1"))
    found = failed(http, method="POST")
    assert (len(http.asked), found.retryable, found.details["retry_after_seconds"]) == (1, False, 1)


def test_waiting_can_be_left_to_the_nodes_retry() -> None:
    http = FakeHttp(busy("1"))
    found = failed(http, wait_for_retry_after=False)
    assert (len(http.asked), found.retryable, found.details["retry_after_seconds"]) == (1, True, 1)


def test_a_status_that_is_a_success_is_not_waited_for() -> None:
    http = FakeHttp(busy("1"))
    run("http_request", {"url": URL, "success_codes": [429]}, http)
    assert len(http.asked) == 1


@pytest.mark.parametrize(
    "config",
    [
        {"connect_timeout_seconds": 0},
        {"connect_timeout_seconds": 841},
        {"connect_timeout_seconds": "5"},
        {"read_timeout_seconds": -1},
        {"read_timeout_seconds": True},
        {"follow_redirects": 1},
        {"max_redirects": 0},
        {"max_redirects": 21},
        {"max_response_bytes": 0},
        {"max_response_bytes": 1.5},
        {"wait_for_retry_after": "yes"},
        {"body_type": "multipart", "body": {}},
        {"body_type": "xml", "body": "<a/>"},
    ],
)
def test_a_limit_out_of_bounds_is_refused(config: dict[str, Any]) -> None:
    assert refused("http_request", {"url": URL, **config}) == {next(iter(config))}
