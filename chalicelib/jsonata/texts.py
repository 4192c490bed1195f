"""Functions on texts that JSONata lacks."""

from __future__ import annotations

import base64
import hashlib
import hmac as standard_hmac
import json
import secrets
import uuid as standard_uuid
from typing import Any

from .numbers import in_64_bits

ALGORITHMS = ("md5", "sha1", "sha256", "sha384", "sha512")
_ENCODINGS = ("hex", "base64", "base64url")


def hash_text(text: Any, algorithm: Any = "sha256", encoding: Any = "hex") -> str:
    """The digest of a text in UTF-8."""
    return _encoded(hashlib.new(_algorithm(algorithm), _bytes(text), usedforsecurity=False).digest(), encoding)


def hmac(text: Any, key: Any, algorithm: Any = "sha256", encoding: Any = "hex") -> str:
    """The signature of a text by a key, both in UTF-8."""
    return _encoded(standard_hmac.digest(_bytes(key), _bytes(text), _algorithm(algorithm)), encoding)


def base64url_encode(text: Any) -> str:
    """Base64 with `-` and `_` and no `=`, of a text in UTF-8."""
    return _encoded(_bytes(text), "base64url")


def base64url_decode(text: Any) -> str:
    """The text behind it; `=` at the end may be there or not."""
    try:
        kept = _bytes(text).rstrip(b"=")
        return base64.b64decode(kept + b"=" * (-len(kept) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise ValueError("the text is not base64url of a text in UTF-8") from None


def parse_json(text: Any) -> Any:
    """The value that a JSON text says."""
    try:
        return in_64_bits(json.loads(_bytes(text), parse_constant=_no_number))
    except (ValueError, OverflowError, RecursionError):
        raise ValueError("the text is not JSON") from None


def to_json(value: Any) -> str:
    """The JSON text of a value; unlike $string, a text comes in quotes."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        raise ValueError("a number in the value is infinite; was something divided by zero?") from None


def uuid() -> str:
    """A new random UUID, version 4."""
    return str(standard_uuid.uuid4())


def random() -> float:
    """A random number from 0 to below 1."""
    return secrets.SystemRandom().random()


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise ValueError("it takes a text")  # noqa: TRY004
    return text.encode("utf-8", "surrogatepass")


def _algorithm(name: Any) -> str:
    if name not in ALGORITHMS:
        raise ValueError(f"the algorithm must be one of {', '.join(ALGORITHMS)}")
    return str(name)


def _encoded(digest: bytes, encoding: Any) -> str:
    if encoding not in _ENCODINGS:
        raise ValueError(f"the encoding must be one of {', '.join(_ENCODINGS)}")
    if encoding == "hex":
        return digest.hex()
    if encoding == "base64":
        return base64.b64encode(digest).decode()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
