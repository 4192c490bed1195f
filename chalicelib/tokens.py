"""Who is asking: bearer tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

import jwt
from jwt.types import Options

from .errors import InvalidTokenError, UnauthenticatedError

if TYPE_CHECKING:
    from .jwks import KeySet
    from .rs256 import RsaKey

MAX_TOKEN_LENGTH = 8192
"""In characters; API Gateway takes 10,240 bytes of headers in all."""

_CHECKS: Options = {
    "require": ["exp", "sub"],
    "verify_aud": False,  # here: not every issuer writes it
    "verify_iat": False,  # no rule of RFC 7519, and the issuer's clock may be a moment ahead
}
_REASONS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.InvalidIssuerError: "the token is of another issuer",
    jwt.InvalidSignatureError: "the token's signature is wrong",
    jwt.InvalidAlgorithmError: "the token is signed with an algorithm that is not taken here",
}
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Authenticator:
    """Reads bearer tokens (RFC 6750): JWTs that are signed with a shared secret (HS256), or with a key that the issuer
    publishes (RS256). Which of the two is decided here, never by the token."""

    def __init__(self, key: str | KeySet, issuer: str | None, audiences: tuple[str, ...]) -> None:
        self._key = key
        self._algorithm = "HS256" if isinstance(key, str) else "RS256"
        self._issuer = issuer
        self._audiences = audiences

    def user(self, headers: Mapping[str, str]) -> UUID:
        """The user whose token is in the Authorization header.

        Raises UnauthenticatedError, InvalidTokenError, UnavailableError where the issuer's keys can't be had.
        """
        token = _bearer(headers.get("authorization", ""))
        try:
            key = self._key if isinstance(self._key, str) else self._published(self._key, token)
            claims = jwt.decode(token, key, [self._algorithm], _CHECKS, issuer=self._issuer)
            if not self._is_for_us(claims):
                raise InvalidTokenError("the token is for another audience")
            return self._user_id(claims["sub"])
        except jwt.MissingRequiredClaimError as error:
            raise InvalidTokenError(f"the token lacks the claim {error.claim}") from None
        except (jwt.PyJWTError, ValueError) as error:
            raise InvalidTokenError(_REASONS.get(type(error), "the token is not valid")) from None

    def _published(self, keys: KeySet, token: str) -> RsaKey:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != self._algorithm or "kid" not in header:
            raise InvalidTokenError(f"the token must be signed with {self._algorithm} and name its key (kid)")
        if key := keys.find(header["kid"]):
            return key
        raise InvalidTokenError("the token is signed with a key that its issuer does not publish")

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        """Whether it names one of our audiences; where we have none, whether it names none (RFC 7519, 4.1.3)."""
        if not self._audiences:
            return "aud" not in claims
        audience = claims.get("aud", claims.get("client_id"))  # access tokens of Cognito have no aud
        return any(each in self._audiences for each in (audience if isinstance(audience, list) else [audience]))

    def _user_id(self, subject: str) -> UUID:
        """A subject that is a UUID is the user's id. Of an issuer with other names for its users, such as `auth0|5f7c`,
        it is the UUID that RFC 9562, 5.5 makes of the user's name in the issuer's. Raises ValueError."""
        if _UUID.fullmatch(subject):
            return UUID(subject)
        if not subject or not self._issuer:
            raise InvalidTokenError("the token's sub is not a user's id, which is a UUID")
        return uuid5(uuid5(NAMESPACE_URL, self._issuer), subject)


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("send a token in the header Authorization: Bearer <token>")
    if len(token) > MAX_TOKEN_LENGTH:
        raise InvalidTokenError(f"the token has more than {MAX_TOKEN_LENGTH:,} characters")
    return token.strip()
