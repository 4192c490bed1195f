"""Values of secrets are found in whatever form they come back."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.redaction import MASK, Redaction

VALUE = 'p"ä/+ß\\s\n& <w>?rd'

ENCODERS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON with all characters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})),
    "JSON with escaped slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "URL": quote,
    "URL, strict": lambda text: quote(text, safe=""),
    "URL in lower case": lambda text: re.sub("%..", lambda escape: escape[0].lower(), quote(text, safe="")),
    "URL, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "UTF-8 read as Latin-1": lambda text: text.encode().decode("latin-1"),
    "JSON of UTF-8 read as Latin-1": lambda text: json.dumps(text.encode().decode("latin-1")),
    "form": quote_plus,
    "query": lambda text: urlencode({"token": text}),
    "HTML": html.escape,
    "hex": lambda text: text.encode().hex(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 in a URL": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "basic auth": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
    "base64 of JSON": lambda text: base64.b64encode(json.dumps({"key": text}).encode()).decode(),
}


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
def test_a_value_is_masked_in_every_form(encode: Callable[[str], str]) -> None:
    redacted = Redaction([VALUE])(f"before {encode(VALUE)} after")
    assert MASK in redacted
    assert encode(VALUE) not in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


@given(
    st.text(st.characters(codec="utf-8"), min_size=5, max_size=30),
    st.binary(max_size=5),
    st.binary(max_size=5),
)
def test_base64_is_masked_wherever_a_value_begins(value: str, before: bytes, after: bytes) -> None:
    text = base64.b64encode(before + value.encode() + after).decode()
    redacted = Redaction([value])(text)
    kept = redacted.partition(MASK)
    assert kept[1] == MASK
    assert text.startswith(kept[0])
    assert len(kept[0]) <= (len(before) * 8 + 5) // 6


@given(
    st.text(min_size=1, max_size=8),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=12),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
        max_leaves=12,
    ),
)
def test_no_text_key_or_number_of_any_value_shows_it(value: str, content: Any) -> None:
    if value not in MASK:
        planted = {"planted": [f"x{value}x", value], f"k{value}": 1, "rest": content}
        assert not list(shows(value, Redaction([value])(planted)))


def shows(value: str, content: Any) -> Any:
    if isinstance(content, dict):
        for key, item in content.items():
            yield from shows(value, key)
            yield from shows(value, item)
    elif isinstance(content, list):
        for item in content:
            yield from shows(value, item)
    elif isinstance(content, str) and value in content.replace(MASK, ""):
        yield content


def test_what_shows_no_value_is_left_as_it_is() -> None:
    content = {"a": [1, 2.5, None, True, "text"], "b": {"c": "päss"}}
    assert Redaction(["s3cret-token"])(content) == content
    assert Redaction([])(content) == content


def test_a_number_that_shows_a_value_is_masked_whole() -> None:
    redacted = Redaction(["4711"])
    assert redacted([4711, 147110, 4.711, 1e300, True, "pin 4711"]) == [MASK, MASK, 4.711, 1e300, True, f"pin {MASK}"]


def test_the_longest_of_several_values_is_masked_first() -> None:
    assert Redaction(["abc", "abcdef"])("abcdef abc") == f"{MASK} {MASK}"


def test_a_value_without_its_line_break_is_masked_too() -> None:
    redacted = Redaction(["key\r\nof lines\r\n"])
    assert redacted("key\nof lines") == MASK
    assert "of lines" not in redacted("Bearer key\nof lines")


def test_a_host_name_in_lower_case_is_masked() -> None:
    assert Redaction(["AcmeTenant"])("https://acmetenant.example.com") == f"https://{MASK}.example.com"


def test_a_long_run_of_letters_and_digits_is_masked_however_the_rest_is_written() -> None:
    value = 'pre/"5b1cbb06ed4f4fc3a5a4"+post'
    text = quote(json.dumps([quote(json.dumps({"key": value}), safe="")]), safe="")
    assert "5b1cbb06ed4f4fc3a5a4" not in Redaction([value])(text)
    assert b"5b1cbb06ed4f4fc3a5a4".hex() not in Redaction([value])(text.encode().hex())
