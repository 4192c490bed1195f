"""Taking the values of secrets out of what is kept, also where they come back encoded.

This guards against echoes: a server that answers with the headers that it got, an error that quotes its request. It is
no fence against an author, who may draw a node that takes a value apart.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from .jsontext import to_text

MASK = "***"
LEAST_BYTES, LEAST_CORE = 4, 6
"""What is shorter than this, in bytes or in characters of base64, may come from anything."""
LONG = 1_000
"""Longer forms would take the regular expression seconds to be compiled."""
NOTHING = "(?!)"
_LONG_RUN = re.compile("[A-Za-z0-9]{16,}")
"""So many letters and digits are a secret by themselves, and look the same in any text inside any other."""
URL_SAFES = ("", "/", "-_.!~*'()", "-_.!~*'();,/?:@&=+$#")
"""What is left as it is: by strict encoders, Python's quote, and JavaScript's encodeURIComponent and encodeURI."""


class Redaction:
    """Puts `***` in the place of some texts, anywhere in a JSON value."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = sorted({form for value in values for form in _forms(value)}, key=len, reverse=True)
        self._short = [form for form in forms if len(form) < LONG]
        self._long = forms[: len(forms) - len(self._short)]
        self._any_short = re.compile("|".join(map(re.escape, self._short)) or NOTHING)
        self._of_numbers = [form for form in self._short if re.fullmatch(r"[-+.\deE]+", form)]

    def __call__(self, value: Any) -> Any:
        """The value without them, keys of objects included; a number that shows one is masked as a whole."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {self(key): self(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self(item) for item in value]
        if self._of_numbers and isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if any(form in to_text(value) for form in self._of_numbers) else value
        return value

    def _text(self, text: str) -> str:
        for form in self._long:
            text = text.replace(form, MASK)
        if len(text) > LONG and not any(form in text for form in self._short):
            return text  # found out three times as fast in a large text
        return self._any_short.sub(MASK, text)


@lru_cache(maxsize=256)
def redaction(values: frozenset[str]) -> Redaction:
    """The redaction of these texts; made once, as that takes milliseconds."""
    return Redaction(values)


def _forms(value: str) -> Iterator[str]:
    """A value as it is, and as programs write it down."""
    with_any_ends = {value, value.replace("\r\n", "\n")}
    plain = with_any_ends | {text.strip() for text in with_any_ends} | {value.lower(), *_LONG_RUN.findall(value)}
    for text in plain - {""}:
        yield text
        yield from _in_urls(text)
        yield from _in_markup(text)
        misread = _misread(text)
        yield from (misread, *_in_json(misread))
        for written in {text, *_in_json(text)}:
            yield written
            yield from _in_bytes(written.encode("utf-8", "surrogatepass"))


def _misread(text: str) -> str:
    """As one sees it who takes UTF-8 for Latin-1, as http.client does with headers."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _in_json(text: str) -> Iterator[str]:
    """In a JSON text that was not read, and in one inside another."""
    for ascii_only in (False, True):
        written = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield written
        yield written.replace("/", "\\/")
        yield "".join(f"\\u{ord(mark):04x}" if mark in "<>&" else mark for mark in written)
        yield json.dumps(written, ensure_ascii=ascii_only)[1:-1]


def _in_urls(text: str) -> Iterator[str]:
    """Percent-encoded, once or twice."""
    encoded = {quote(text, safe=safe, errors="replace") for safe in URL_SAFES} | {quote_plus(text, errors="replace")}
    for upper in encoded:
        for form in (upper, re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), upper)):
            yield form
            yield form.replace("%", "%25")


def _in_markup(text: str) -> Iterator[str]:
    written = html.escape(text)
    yield written
    yield written.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")


def _in_bytes(content: bytes) -> Iterator[str]:
    """In hex and base64, alone or in the midst of other bytes: what stands three bytes further looks the same."""
    if len(content) < LEAST_BYTES:
        return
    yield content.hex()
    yield content.hex().upper()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        alone = encode(content).decode()
        yield alone
        yield quote(alone, safe="")
        for before in range(3):
            first, after = (before * 8 + 5) // 6, (before + len(content)) * 8 // 6
            core = encode(bytes(before) + content).decode()[first:after]
            if len(core) >= LEAST_CORE:
                yield core
