"""http_request: its limits, and an answer that says when to ask again."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.node_contract import HttpLimits, HttpResponse, NodeFailure, Result

from .fakes import FakeHttp, FakeTime, InTurn, refused, run

URL = "https://api.example.com/things"


def busy(retry_after: str | None, status: int = 429) -> HttpResponse:
    return HttpResponse(status, {} if retry_after is None else {"retry-after": retry_after}, b"slow down")


def test_limits_are_passed_on() -> None:
    http = FakeHttp()
    run("http_request", {"url": URL}, http)
    config = {"connect_timeout_seconds": 2, "read_timeout_seconds": 0.5, "max_redirects": 0, "max_response_bytes": 10}
    run("http_request", {"url": URL, **config}, http)
    assert [asked["limits"] for asked in http.asked] == [HttpLimits(7), HttpLimits(7, 2, 0.5, 0, 10)]


def failed(answer: HttpResponse, **config: Any) -> NodeFailure:
    http = FakeHttp(answer)
    with pytest.raises(NodeFailure) as caught:
        run("http_request", {"url": URL, **config}, http)
    assert len(http.asked) == 1
    return caught.value


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
def test_an_answer_that_says_when_is_tried_again_then(retry_after: str, seconds: float, status: int) -> None:
    found = failed(busy(retry_after, status))
    assert (found.retryable, found.wait_seconds, found.details["retry_after_seconds"]) == (True, seconds, seconds)
    assert str(found) == f"GET https://api.example.com answered {status}"


@pytest.mark.parametrize(
    ("retry_after", "told"), [("7", "7"), ("3600", "3,600"), ("999999999", "999,999,999"), ("0" * 30 + "3600", "3,600")]
)
def test_more_time_than_there_is_is_told_instead_of_tried_again(retry_after: str, told: str) -> None:
    found = failed(busy(retry_after))
    why = f"answered 429 and asks to wait for {told} s; the node's timeout_seconds leaves 7 s"
    assert found.as_json() == {
        "code": "http_status",
        "message": f"GET https://api.example.com {why}",
        "status": 429,
        "body": "slow down",
        "retry_after_seconds": int(retry_after),
    }
    assert (found.retryable, found.wait_seconds) == (False, 0)


@pytest.mark.parametrize("digits", ["1" + "0" * 9, "99999999999999999999", "9" * 9_000])
def test_a_time_of_any_length_is_too_long(digits: str) -> None:
    found = failed(busy(digits))
    assert (found.retryable, found.details["retry_after_seconds"]) == (False, 10**9)


@pytest.mark.parametrize(
    "retry_after", [None, "", "soon", "-1", "1.5", "1 second", "Thu, 99 Jan 2030 08:00:00 GMT", "٣"]
)
def test_a_retry_after_that_cant_be_read_is_none(retry_after: str | None) -> None:
    found = failed(busy(retry_after))
    assert (found.retryable, found.wait_seconds, "retry_after_seconds" in found.details) == (True, 0, False)


@pytest.mark.parametrize("status", [400, 301, 500, 502, 504])
def test_only_429_and_503_say_when(status: int) -> None:
    found = failed(busy("1", status))
    assert (found.wait_seconds, "retry_after_seconds" in found.details) == (0, False)


def test_what_may_have_worked_is_not_tried_again_and_a_retry_of_its_own_waits() -> None:
    found = failed(busy("1"), method="POST")
    assert (found.retryable, found.wait_seconds) == (False, 1)


def test_a_status_that_is_a_success_is_one_whatever_it_asks_for() -> None:
    run("http_request", {"url": URL, "success_codes": [429]}, FakeHttp(busy("1")))


FIRST, SECOND = HttpResponse(200, {"link": "<?p=2>; rel=next"}, b"1"), HttpResponse(200, {}, b"2")


def pages(*answers: HttpResponse | NodeFailure, **config: Any) -> tuple[Any, FakeTime, InTurn]:
    """What the node gives or how it fails, the time it took, what it asked."""
    http, time = InTurn(answers=list(answers)), FakeTime()
    try:
        result = run("http_request", {"url": URL, "pages": {"next": "link"}, **config}, http, time=time)
    except NodeFailure as failure:
        return failure, time, http
    assert isinstance(result, Result)
    return result.output, time, http


def test_a_page_that_says_when_is_waited_for_and_those_before_it_are_not_asked_again() -> None:
    output, time, http = pages(FIRST, busy("2"), busy("1", 503), SECOND)
    assert (output["items"], time.slept) == (["1", "2"], [2, 1])
    assert [asked["url"] for asked in http.asked] == [URL, *[f"{URL}?p=2"] * 3]
    assert [asked["limits"].seconds for asked in http.asked] == [7, 7, 5, 4]


def test_a_page_is_asked_for_three_times() -> None:
    failure, time, _ = pages(FIRST, busy("1"), busy("1"), busy("1"))
    assert (failure.code, failure.retryable, time.slept) == ("http_status", False, [1, 1])


def test_the_first_page_and_pages_that_say_nothing_are_left_to_the_nodes_attempts() -> None:
    for answers in ([busy("2")], [FIRST, busy(None)], [FIRST, NodeFailure("timeout", "too slow", retryable=True)]):
        failure, time, _ = pages(*answers)
        assert (failure.retryable, time.slept) == (True, [])


def test_a_page_that_asks_for_more_time_than_is_left_fails() -> None:
    failure, time, _ = pages(FIRST, busy("4"), busy("4"))
    assert (failure.retryable, failure.details["retry_after_seconds"], time.slept) == (False, 4, [4])


def test_a_page_of_what_may_have_worked_is_not_asked_for_again() -> None:
    failure, time, _ = pages(FIRST, busy("1"), method="POST")
    assert (failure.code, time.slept) == ("http_status", [])


@pytest.mark.parametrize(
    "config",
    [
        {"connect_timeout_seconds": 0},
        {"connect_timeout_seconds": 841},
        {"connect_timeout_seconds": "5"},
        {"read_timeout_seconds": -1},
        {"read_timeout_seconds": True},
        {"max_redirects": -1},
        {"max_redirects": 21},
        {"max_redirects": True},
        {"max_response_bytes": 0},
        {"max_response_bytes": 1.5},
        {"body_type": "multipart", "body": {}},
        {"body_type": "xml", "body": "<a/>"},
    ],
)
def test_a_limit_out_of_bounds_is_refused(config: dict[str, Any]) -> None:
    assert refused("http_request", {"url": URL, **config}) == {next(iter(config))}
