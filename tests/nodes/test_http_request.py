"""http_request: what it sends, what it makes of the answer, when it fails and when that may be tried again."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.node_contract import HttpLimits, HttpResponse, NodeFailure, Result
from chalicelib.nodes.http_request import HttpRequestConfig

from .fakes import FakeHttp, refused, run

URL = "https://api.example.com/things"


def sent(**config: Any) -> dict[str, Any]:
    http = FakeHttp()
    run("http_request", {"url": URL, **config}, http)
    (asked,) = http.asked
    return asked


def body_of(body: bytes, **headers: str) -> Any:
    answer = HttpResponse(200, {name.replace("_", "-"): value for name, value in headers.items()}, body)
    result = run("http_request", {"url": URL}, FakeHttp(answer))
    assert isinstance(result, Result)
    return result.output["body"]


def failure(status: int, method: str = "GET", body: bytes = b"", **config: Any) -> NodeFailure:
    with pytest.raises(NodeFailure) as caught:
        run(
            "http_request",
            {"url": URL, "method": method, **config},
            FakeHttp(HttpResponse(status, {"content-type": "application/json"}, body)),
        )
    return caught.value


def test_a_plain_request_is_a_get_within_the_nodes_time_limit() -> None:
    assert sent() == {"method": "GET", "url": URL, "headers": {}, "body": None, "limits": HttpLimits(7)}


def test_the_output_is_status_headers_and_body() -> None:
    answer = HttpResponse(201, {"content-type": "application/json", "x-id": "5"}, b'{"a": [1, null]}')
    assert run("http_request", {"url": URL, "method": "post"}, FakeHttp(answer)) == Result(
        {
            "status": 201,
            "headers": {"content-type": "application/json", "x-id": "5"},
            "body": {"a": [1, None]},
        }
    )


def test_headers_are_texts_in_lower_case_and_null_leaves_one_out() -> None:
    assert sent(headers={"X-Count": 3, "X-Yes": True, "X-None": None, "x-half": 0.5})["headers"] == {
        "x-count": "3",
        "x-yes": "true",
        "x-half": "0.5",
    }


@pytest.mark.parametrize(
    ("query", "url"),
    [
        ({}, URL),
        ({"a": None, "b": []}, URL),
        ({"a": 1, "b": True, "c": "é x&y"}, f"{URL}?a=1&b=true&c=%C3%A9+x%26y"),
        ({"a": [1, None, "2"]}, f"{URL}?a=1&a=2"),
    ],
)
def test_a_query_is_encoded_and_null_leaves_a_name_out(query: Any, url: str) -> None:
    assert sent(query=query)["url"] == url


def test_a_query_is_added_to_the_one_of_the_url_before_its_fragment() -> None:
    assert sent(url=f"{URL}?a=1#part", query={"b": 2})["url"] == f"{URL}?a=1&b=2#part"


@pytest.mark.parametrize("body", [{"é": 1}, [], 0, False, {}])
def test_a_body_is_sent_as_json(body: Any) -> None:
    asked = sent(method="POST", body=body)
    assert json.loads(asked["body"]) == body
    assert asked["headers"] == {"content-type": "application/json"}


def test_a_text_is_sent_as_it_is() -> None:
    asked = sent(method="POST", body='é "')
    assert asked["body"] == 'é "'.encode()
    assert asked["headers"] == {"content-type": "text/plain; charset=utf-8"}


@pytest.mark.parametrize("body", ["text", 5, {"a": "é"}, [1]])
def test_a_body_as_json_is_json_whatever_it_is(body: Any) -> None:
    asked = sent(method="POST", body=body, body_type="json")
    assert (json.loads(asked["body"]), asked["headers"]) == (body, {"content-type": "application/json"})


def test_a_form_is_encoded_like_a_query() -> None:
    form = {"a b": "é&=", "n": [1, None, 2.5], "yes": True, "none": None}
    asked = sent(method="POST", body=form, body_type="form")
    assert asked["body"] == b"a+b=%C3%A9%26%3D&n=1&n=2.5&yes=true"
    assert asked["headers"] == {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(("body", "content"), [("", b""), ("é", "é".encode()), (5, b"5"), (True, b"true")])
def test_a_body_as_text_is_text(body: Any, content: bytes) -> None:
    asked = sent(method="POST", body=body, body_type="text")
    assert (asked["body"], asked["headers"]) == (content, {"content-type": "text/plain; charset=utf-8"})


@pytest.mark.parametrize("body_type", [None, "json", "form", "text"])
def test_no_body_is_none_of_any_type(body_type: str | None) -> None:
    asked = sent(method="POST", body=None, body_type=body_type)
    assert (asked["body"], asked["headers"]) == (None, {})


@pytest.mark.parametrize(
    ("body_type", "body"),
    [("form", "a=1"), ("form", [1]), ("form", {"a": {}}), ("form", {"a": [[]]}), ("text", {}), ("text", [])],
)
def test_a_body_that_does_not_fit_its_type_is_refused(body_type: str, body: Any) -> None:
    for evaluated in (False, True):
        config = {"url": URL, "body_type": body_type, "body": body}
        assert refused("http_request", config, evaluated=evaluated) == {"body"}


def test_a_body_may_be_an_expression_until_it_is_evaluated() -> None:
    config = {"url": URL, "body_type": "form", "body": "{% $input %}"}
    assert refused("http_request", config) == set()
    assert refused("http_request", config, evaluated=True) == {"body"}


@pytest.mark.parametrize("config", [{"query": {"a": "\ud800"}}, {"body": "\ud800"}, {"body": ["\ud800"]}])
def test_half_of_a_surrogate_pair_is_not_sent(config: Any) -> None:
    with pytest.raises(NodeFailure, match="half of a surrogate pair") as caught:
        sent(**config)
    assert caught.value.code == "bad_request"


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "CONNECTION", "Upgrade", "TE"])
def test_a_header_that_the_request_sets_itself_is_refused_as_drawn(name: str) -> None:
    assert refused("http_request", {"url": URL, "headers": {name: "x"}}) == {"headers"}
    assert refused("http_request", {"url": URL, "headers": {name: "x"}}, evaluated=True) == set()


@pytest.mark.parametrize("headers", [{"a b": "x"}, {"": "x"}, {"a\r\nb": "x"}, {"a": "x\r\ny: z"}, {"a": "\n{x}"}])
def test_a_header_that_cant_be_sent_is_refused_as_drawn(headers: Any) -> None:
    assert refused("http_request", {"url": URL, "headers": headers}) == {"headers"}


@pytest.mark.parametrize("evaluated", [False, True])
def test_a_header_is_named_once_whatever_the_case_of_its_letters(evaluated: bool) -> None:
    twice = {"url": URL, "headers": {"X-A": "1", "x-a": 2}}
    assert refused("http_request", twice, evaluated=evaluated) == {"headers"}
    left_out = {"url": URL, "headers": {"X-A": "1", "x-a": None}}
    assert refused("http_request", left_out, evaluated=evaluated) == set()


def test_every_field_says_what_it_is_for() -> None:
    schema = HttpRequestConfig.model_json_schema()
    for fields in (schema["properties"], schema["$defs"]["Pages"]["properties"]):
        assert all(described["description"].endswith(".") for described in fields.values())


def test_the_content_type_of_the_headers_wins() -> None:
    assert sent(method="POST", body={}, headers={"Content-Type": "application/vnd.api+json"})["headers"] == {
        "content-type": "application/vnd.api+json"
    }


@pytest.mark.parametrize(
    ("body", "content_type", "value"),
    [
        (b"", "application/json", None),
        (b'{"a": 1}', "application/json", {"a": 1}),
        (b"[1]", "application/problem+json; charset=utf-8", [1]),
        (b"5", "application/json", 5),
        (b"null", "application/json", None),
        (b'{"a": 1}', "text/plain", '{"a": 1}'),
        (b"{broken", "application/json", "{broken"),
        (b"[NaN]", "application/json", "[NaN]"),
        (b"1e999", "application/json", "1e999"),
        (b"[" * 100_000, "application/json", "[" * 100_000),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "application/json", '{"a":' * 101 + "1" + "}" * 101),
        (b"[" * 101 + b"]" * 101, "application/json", "[" * 101 + "]" * 101),
        (b"[" * 2 + b"[]," * 200 + b"1]]", "application/json", [[*[[]] * 200, 1]]),
        ("é".encode(), "text/plain; charset=idna", "é"),
        ("é".encode(), "text/plain; charset=undefined", "é"),
        (b"Mnchen-3ya", "text/plain; charset=punycode", "Mnchen-3ya"),
        (b"a-" * 1_000_000 + b"zz9" * 1_000_000, "text/plain; charset=punycode", "a-" * 1_000_000 + "zz9" * 1_000_000),
        (b"\xe9", "text/plain; charset='ISO-8859-1'", "é"),
        (b"\x82\xa0", "text/plain;charset=shift_jis", "あ"),
        ("é".encode("utf-16"), "text/plain; charset=utf-16", "é"),
        ("\ufeffé".encode(), "text/plain; charset=utf-8", "é"),
        ("é".encode(), "text/plain; charset=cp99999", "é"),
        (b"[1]", "TEXT/JSON;charset=utf-8", [1]),
        (b"[1]", "application/x-json", [1]),
        (b"[1]", "application/x-ndjson", "[1]"),
        (b"[1]", "application/json-seq", "[1]"),
        (b"[1]", "text/plain; about=json", "[1]"),
        (b"9" * 5_000, "application/json", "9" * 5_000),
        ("é".encode(), "text/plain", "é"),
    ],
)
def test_the_body_is_parsed_when_it_is_json(body: bytes, content_type: str, value: Any) -> None:
    assert body_of(body, content_type=content_type) == value


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (bytes(range(256)), "application/octet-stream"),
        (bytes(range(256)), ""),
        (b"\x89PNG\r\n", "image/png"),
        (b"\xff", "text/plain"),
        (b"\xe9", "text/plain; charset=utf8"),
        (b"\x82", "text/plain; charset=shift_jis"),
        (b'{"a": "\xff"}', "application/json"),
        (b"a\0b", "text/plain; charset=iso-8859-1"),
        ("é".encode("utf-16"), "text/plain"),
    ],
)
def test_a_body_that_is_no_text_is_whole_in_base64(body: bytes, content_type: str) -> None:
    result = run("http_request", {"url": URL}, FakeHttp(HttpResponse(200, {"content-type": content_type}, body)))
    assert isinstance(result, Result)
    assert result.output["body_encoding"] == "base64"
    assert base64.b64decode(result.output["body"], validate=True) == body


def test_a_failure_says_that_its_body_is_in_base64() -> None:
    assert failure(500, body=b"\xff").details == {"status": 500, "body": "/w==", "body_encoding": "base64"}


def test_without_a_content_type_what_looks_like_json_is_parsed() -> None:
    assert body_of(b'{"a": 1}') == {"a": 1}
    assert body_of(b"{a}") == "{a}"
    assert body_of(b"5") == "5"


@pytest.mark.parametrize(
    ("codes", "good", "bad"),
    [
        (["2xx"], [200, 204, 299], [199, 300, 404]),
        ([200, 404], [200, 404], [201, 405]),
        (["200-204"], [200, 202, 204], [199, 205]),
        (["201"], [201], [200]),
        (["4xx", 200], [200, 400, 499], [201, 500]),
    ],
)
def test_success_codes_decide(codes: list[Any], good: list[int], bad: list[int]) -> None:
    for status in good:
        run("http_request", {"url": URL, "success_codes": codes}, FakeHttp(HttpResponse(status, {}, b"")))
    for status in bad:
        assert failure(status, success_codes=codes).code == "http_status"


def test_only_2xx_succeeds_by_default() -> None:
    assert failure(302).code == "http_status"
    assert failure(199).code == "http_status"


def test_a_status_that_is_no_success_fails_with_the_answer_and_no_query() -> None:
    found = failure(404, body=b'{"why": "gone"}', query={"token": "secret"})
    assert found.as_json() == {
        "code": "http_status",
        "message": "GET https://api.example.com answered 404",
        "status": 404,
        "body": {"why": "gone"},
    }


def test_a_long_answer_of_a_failure_is_cut_and_says_so() -> None:
    kept = failure(500, body=b'"' + b"x" * 5_000 + b'"').details["body"]
    assert len(kept) < 2_100
    assert kept.endswith("(cut)")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"])
def test_only_passing_failures_of_idempotent_requests_may_be_tried_again(method: str) -> None:
    idempotent = method not in ("POST", "PATCH")
    for status in (429, 502, 503, 504):
        assert failure(status, method).retryable == idempotent
    for status in (400, 404, 500, 501):
        assert not failure(status, method).retryable
    for retryable in (True, False):
        http = FakeHttp(NodeFailure("timeout", "too slow", retryable=retryable))
        with pytest.raises(NodeFailure, match="too slow") as caught:
            run("http_request", {"url": URL, "method": method}, http)
        assert caught.value.retryable == (retryable and idempotent)


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        ({}, {"url"}),
        ({"url": 1}, {"url"}),
        ({"url": "api.example.com"}, {"url"}),
        ({"url": "ftp://example.com"}, {"url"}),
        ({"url": "https://"}, {"url"}),
        ({"url": "ftp://{% $input.host %}"}, {"url"}),
        ({"url": "api.example.com/{% $input.id %}"}, {"url"}),
        ({"url": URL, "method": "FETCH"}, {"method"}),
        ({"url": URL, "headers": []}, {"headers"}),
        ({"url": URL, "headers": {"a": {}}}, {"headers"}),
        ({"url": URL, "headers": "text {% $input %}"}, {"headers"}),
        ({"url": URL, "query": {"a": [{}]}}, {"query"}),
        ({"url": URL, "success_codes": "2xx"}, {"success_codes"}),
        ({"url": URL, "success_codes": [99]}, {"success_codes"}),
        ({"url": URL, "success_codes": [200] * 101}, {"success_codes"}),
        ({"url": URL, "headers": {str(i): "" for i in range(201)}}, {"headers"}),
        ({"url": URL, "query": {str(i): "" for i in range(201)}}, {"query"}),
        ({"url": "https://a\\@example.com"}, {"url"}),
        ({"url": URL, "success_codes": [True]}, {"success_codes"}),
        ({"url": URL, "success_codes": ["6xx"]}, {"success_codes"}),
        ({"url": URL, "success_codes": ["2xx\n"]}, {"success_codes"}),
        ({"url": URL, "metod": "GET", "method": "x"}, {"metod", "method"}),
    ],
)
def test_a_bad_config_is_refused(config: Any, settings: set[str]) -> None:
    assert refused("http_request", config) == settings


@pytest.mark.parametrize(
    "config",
    [
        {"url": "{% $input.url %}"},
        {"url": "https://{% $input.host %}/x"},
        {"url": "HTTPS://{% $input.host %}/x"},
        {"url": "http{% $input.secure ? 's' : '' %}://api.example.com"},
        {"url": " {% $input.base %}/x"},
        {"url": "HTTP://example.com"},
        {"url": URL, "method": "{% $input.method %}"},
        {"url": URL, "method": "patch"},
        {"url": URL, "headers": "{% $input.headers %}", "query": " {% $input.query %} "},
        {"url": URL, "success_codes": "{% [200] %}"},
        {"url": URL, "body": {"any": [1, "{% 1 %}"]}},
    ],
)
def test_a_good_config_is_accepted(config: Any) -> None:
    assert refused("http_request", config) == set()


def test_an_evaluated_config_must_have_the_right_types() -> None:
    assert refused("http_request", {"url": URL, "headers": "{% 1 %}"}, evaluated=True) == {"headers"}


def test_an_evaluated_url_that_is_none_fails_the_node() -> None:
    with pytest.raises(NodeFailure, match=r"^the URL must be a URL with http:// or https:// and a host$") as caught:
        sent(url="not a s3cr3t")
    assert caught.value.code == "bad_url"


@pytest.mark.parametrize(
    ("config", "evaluated"),
    [({"url": "s3cr3t"}, False), ({"url": URL, "method": "s3cr3t"}, False), ({"url": URL, "method": "s3cr3t"}, True)],
)
def test_a_wrong_value_is_told_back_only_as_drawn(config: Any, evaluated: bool) -> None:
    with pytest.raises(ValidationError) as caught:
        HttpRequestConfig.model_validate(config, context={"evaluated": evaluated})
    (detail,) = caught.value.errors()
    assert ("s3cr3t" in detail["msg"]) != evaluated


def test_a_failure_tells_neither_userinfo_nor_path() -> None:
    assert str(failure(500, url="https://me:pw@example.com:8443/path#x")) == "GET https://example.com:8443 answered 500"


@pytest.mark.parametrize(
    ("url", "secret", "told"),
    [
        ("https://Ca/n4ry?x=1", "Ca/n4ry", "https://***"),
        ("https://a.Ca:80/n4ry", "Ca:80/n4ry", "https://a.***"),
        ("https://me:12/34@example.com/", "12/34", "https://example.com"),
        ("https://example.com/n4ry-n4ry", "n4ry-n4ry", "https://example.com"),
    ],
)
def test_no_piece_of_a_secret_is_told_as_the_host(url: str, secret: str, told: str) -> None:
    with pytest.raises(NodeFailure) as caught:
        run("http_request", {"url": url}, FakeHttp(HttpResponse(500, {}, b"")), secrets=[secret])
    assert str(caught.value) == f"GET {told} answered 500"
