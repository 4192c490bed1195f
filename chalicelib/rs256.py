"""RS256 signatures (RFC 7518, 3.3), verified with what Python brings.

Verifying takes no secret: one power and one comparison. The package `cryptography`, which PyJWT would use, is 14 MB
of the bundle and 40 ms of every cold start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Never

import jwt
from jwt.algorithms import Algorithm
from jwt.utils import base64url_decode

MIN_BITS, MAX_BITS = 2048, 8192
"""Of a key: RFC 7518, 3.3 asks for 2048, and what is beyond any issuer's costs time."""
MAX_EXPONENT_BITS = 32

_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""What stands before a SHA-256 digest in a signature (RFC 8017, 9.2, note 1)."""


class Rs256(Algorithm):
    """RSASSA-PKCS1-v1_5 with SHA-256; a key is its modulus and its exponent."""

    def prepare_key(self, key: tuple[int, int]) -> tuple[int, int]:
        """The key as it is."""
        return key

    def verify(self, msg: bytes, key: tuple[int, int], sig: bytes) -> bool:
        """RFC 8017, 8.2.2: what must have been signed is built and compared as a whole, so nothing is parsed that a
        forger could have made."""
        modulus, exponent = key
        size = (modulus.bit_length() + 7) // 8
        content = b"\0" + _SHA256 + hashlib.sha256(msg).digest()
        expected = b"\0\1".ljust(size - len(content), b"\xff") + content
        number = int.from_bytes(sig, "big")
        signed = pow(number, exponent, modulus).to_bytes(size, "big")
        return len(sig) == size and number < modulus and signed == expected

    def sign(self, msg: bytes, key: Never) -> bytes:
        """Only the issuer signs."""
        raise NotImplementedError

    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> Any:
        """Only the issuer publishes."""
        raise NotImplementedError

    @staticmethod
    def from_jwk(jwk: Any) -> tuple[int, int]:
        """The key of a JWK (RFC 7518, 6.3.1). Raises ValueError for what is no RSA key to trust."""
        modulus, exponent = (int.from_bytes(base64url_decode(str(jwk.get(name, ""))), "big") for name in ("n", "e"))
        if not MIN_BITS <= modulus.bit_length() <= MAX_BITS:
            raise ValueError(f"an RSA key of {modulus.bit_length()} bits")
        if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > MAX_EXPONENT_BITS:
            raise ValueError("an RSA key with a bad exponent")
        return modulus, exponent


class RsaKey(jwt.PyJWK):
    """A key that an issuer publishes, to be used with RS256 alone. Raises ValueError."""

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        self._jwk_data = dict(jwk)
        self.algorithm_name = "RS256"
        self.Algorithm = Rs256()
        self.key = Rs256.from_jwk(jwk)
