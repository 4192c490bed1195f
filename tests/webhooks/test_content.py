"""What a run is given of a request."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import MalformedError
from chalicelib.jsontext import first_flaw, to_text
from chalicelib.webhooks.content import parse_body, run_input
from chalicelib.webhooks.schemas import Asked

BINARY = bytes(range(256))


@pytest.mark.parametrize(
    ("content_type", "body", "parsed"),
    [
        ("application/json", b'{"a": [1, null]}', {"a": [1, None]}),
        ("Application/JSON; charset=UTF-8", b"[]", []),
        ("application/problem+json", b'"x"', "x"),
        ("application/json", b"", None),
        ("application/x-www-form-urlencoded", b"a=1&b=x+y%20z&c=&a=2", {"a": ["1", "2"], "b": "x y z", "c": ""}),
        ("text/plain", "ä".encode(), "ä"),
        ("text/plain; charset=iso-8859-1", b"\xe4", "ä"),
        ("text/plain; charset=nonsense", b"a", "a"),
        ("text/plain; charset=punycode", b"Mnchen-3ya", "Mnchen-3ya"),
        ("text/plain; charset=punycode", b"abc-zz9", "abc-zz9"),
        ("text/plain; charset=unicode_escape", rb"\u00e4", r"\u00e4"),
        ("application/x-www-form-urlencoded; charset=utf-7", b"a=+AOQ-", {"a": " AOQ-"}),
        ("text/plain; charset=idna", "ä".encode(), "ä"),
        ("TEXT/PLAIN; CHARSET='Shift_JIS'", b"\x82\xa0", "あ"),
        ("text/plain", b"\xff", "\ufffd"),
        ("application/xml", b"<a/>", "<a/>"),
        ("application/atom+xml", b"<a/>", "<a/>"),
        ("application/octet-stream", BINARY, base64.b64encode(BINARY).decode()),
        ("multipart/form-data; boundary=x", b"--x", base64.b64encode(b"--x").decode()),
        ("", b'{"a": 1}', {"a": 1}),
        ("", b" [1]", [1]),
        ("", b"text", "text"),
        ("", BINARY, base64.b64encode(BINARY).decode()),
        ("text/plain", b"", None),
        ("nonsense", b"x", "x"),
    ],
)  # fmt: skip
def test_a_body_is_read_by_its_type(content_type: str, body: bytes, parsed: Any) -> None:
    assert parse_body(body, content_type) == parsed


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"\xff"),
        ("application/json", b"NaN"),
        ("application/json", b'"\\u0000"'),
        ("application/json", b"[" * 200),
        ("text/plain", b"a\0b"),
        ("application/x-www-form-urlencoded", b"a=%00"),
        ("", b"{"),
    ],
)
def test_a_body_that_is_not_of_its_type_is_malformed(content_type: str, body: bytes) -> None:
    with pytest.raises(MalformedError):
        run_input(Asked("POST", {"content-type": content_type}, {}, body), None)


@given(
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", "text/html; charset=utf-16",
                     "image/png", "", "x", "multipart/mixed; boundary"]),
    st.binary(max_size=60),
    st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=5), min_size=1, max_size=3), max_size=3),
)  # fmt: skip
def test_whatever_comes_can_be_kept_or_is_malformed(
    content_type: str, body: bytes, query: dict[str, list[str]]
) -> None:
    try:
        found = run_input(Asked("POST", {"content-type": content_type}, query, body), None)
    except MalformedError:
        return
    to_text(found)
    assert first_flaw(found) is None


def test_headers_that_tell_a_secret_are_left_out() -> None:
    secret = {
        "authorization", "proxy-authorization", "cookie", "x-api-key", "x-gitlab-token", "x-hub-signature-256",
        "x-amz-security-token", "x-sign",
    }  # fmt: skip
    kept = {"content-type", "user-agent", "x-github-event", "x-delivery"}
    found = run_input(Asked("POST", dict.fromkeys(secret | kept, "text/plain"), {}, b""), "x-sign")
    assert found["headers"].keys() == kept


@pytest.mark.parametrize(("as_read", "meant"), [("cafÃ©", "café"), ("café", "café"), ("日本", "日本")])
def test_headers_in_utf_8_are_read_as_such(as_read: str, meant: str) -> None:
    assert run_input(Asked("POST", {"x-place": as_read}, {}, b""), None)["headers"] == {"x-place": meant}


def test_a_query_has_a_list_only_where_a_name_comes_several_times() -> None:
    found = run_input(Asked("GET", {}, {"a": ["1"], "b": ["1", "2"]}, b""), None)
    assert found == {"body": None, "headers": {}, "query": {"a": "1", "b": ["1", "2"]}}
