"""Tokens: every way in which one can be wrong, keys that change or can't be had, and signatures as others see them."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import jwt
import psycopg
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.auth import Role
from chalicelib.errors import InvalidTokenError, UnauthenticatedError, UnavailableError
from chalicelib.jwks import KEPT_SECONDS, MAX_BYTES, PAUSE_SECONDS, REFETCH_SECONDS, KeySet
from chalicelib.rs256 import Rs256
from chalicelib.settings import Settings, SettingsError
from chalicelib.tokens import MAX_TOKEN_LENGTH, Authenticator
from local import workspaces
from local.stack import Stack
from tests.client import Api
from tests.containers import deployed_with
from tests.issuer import AUDIENCE, Issuer, jwk

SECRET = "a secret that has thirty-two characters"
ADA = UUID("6b1f0a52-8a57-4d86-9f0c-1f3c2f0f5a11")
NOW = int(time.time())


@dataclass
class Hand:
    """A clock's hand, moved by the test."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture(autouse=True)
def _as_new(issuer: Issuer) -> None:
    issuer.keys, issuer.document, issuer.fetches = {"first": issuer.pair}, None, 0
    issuer.status, issuer.location = 200, None


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def tokens(issuer: Issuer, hand: Hand) -> Authenticator:
    return Authenticator(KeySet(issuer.jwks_url, hand), issuer.url, (AUDIENCE, "another-of-ours"))


@pytest.fixture
def secret_tokens() -> Authenticator:
    return Authenticator(SECRET, None, ())


def user(tokens: Authenticator, token: str, scheme: str = "Bearer") -> UUID:
    return tokens.user({"authorization": f"{scheme} {token}"})


def refusal(tokens: Authenticator, token: str) -> str:
    with pytest.raises(InvalidTokenError) as found:
        user(tokens, token)
    return found.value.detail


def unsigned(header: Any, claims: Any, signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


class TestGoodTokens:
    def test_a_token_of_the_issuer_names_its_user(self, issuer: Issuer, tokens: Authenticator) -> None:
        assert user(tokens, issuer.token(issuer.claims(str(ADA)))) == ADA

    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": [AUDIENCE, "someone-else"]},
            {"aud": "another-of-ours"},
            {"aud": None, "client_id": AUDIENCE, "token_use": "access"},
            {"iat": NOW + 3600},
            {"nbf": NOW - 1, "iat": NOW, "jti": "j"},
        ],
        ids=["one of several audiences", "our other audience", "an access token of Cognito", "a clock ahead", "all"],
    )
    def test_what_issuers_write_is_taken(self, issuer: Issuer, tokens: Authenticator, claims: dict[str, Any]) -> None:
        assert user(tokens, issuer.token(issuer.claims(str(ADA), **claims))) == ADA

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
    def test_the_scheme_may_be_written_in_any_case(self, issuer: Issuer, tokens: Authenticator, scheme: str) -> None:
        assert user(tokens, issuer.token(issuer.claims(str(ADA))), scheme) == ADA

    def test_a_user_that_is_no_uuid_has_one_made_of_issuer_and_name(
        self, issuer: Issuer, tokens: Authenticator
    ) -> None:
        found = user(tokens, issuer.token(issuer.claims("auth0|5f7c8ec7c33c6c004bbafe82")))
        assert found == uuid5(uuid5(NAMESPACE_URL, issuer.url), "auth0|5f7c8ec7c33c6c004bbafe82")

    def test_a_name_that_only_looks_like_a_uuid_is_no_ones_id(self, issuer: Issuer, tokens: Authenticator) -> None:
        for name in (f"urn:uuid:{ADA}", f"{{{ADA}}}", ADA.hex, f"{ADA} "):
            assert user(tokens, issuer.token(issuer.claims(name))) != ADA

    def test_where_keys_are_to_be_had_is_never_read_from_the_token(self, issuer: Issuer, tokens: Authenticator) -> None:
        with Issuer() as thief:
            headers = {"jku": thief.jwks_url, "x5u": thief.url, "jwk": jwk(thief.pair), "x5c": ["AAAA"]}
            assert user(tokens, issuer.token(issuer.claims(str(ADA)), **headers)) == ADA
            stolen = thief.token(issuer.claims(str(ADA)), **headers)
            assert refusal(tokens, stolen) == "the token's signature is wrong"
            assert thief.fetches == 0

    def test_a_secret_may_be_shared_instead(self, secret_tokens: Authenticator) -> None:
        token = jwt.encode({"sub": str(ADA), "exp": NOW + 3600}, SECRET, "HS256")
        assert user(secret_tokens, token) == ADA


WRONG_CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://elsewhere.example/"}, "the token is of another issuer"),
    "no issuer": ({"iss": None}, "the token lacks the claim iss"),
    "another audience": ({"aud": "someone-else"}, "the token is for another audience"),
    "an audience of objects": ({"aud": [{"a": 1}, [], None]}, "the token is for another audience"),
    "no audience": ({"aud": None}, "the token is for another audience"),
    "an audience and our client": ({"aud": "x", "client_id": AUDIENCE}, "the token is for another audience"),
    "an empty audience and our client": ({"aud": [], "client_id": AUDIENCE}, "the token is for another audience"),
    "the client of another": ({"aud": None, "client_id": "x"}, "the token is for another audience"),
    "expired": ({"exp": NOW - 1}, "the token has expired"),
    "not yet valid": ({"nbf": NOW + 3600}, "the token is not valid yet"),
    "no exp": ({"exp": None}, "the token lacks the claim exp"),
    "exp that is a text": ({"exp": "soon"}, "the token is not valid"),
    "exp that is a list": ({"exp": [NOW + 3600]}, "the token is not valid"),
    "endless exp": ({"exp": float("inf")}, "the token is not valid"),
    "nbf that is no number": ({"nbf": {}}, "the token is not valid"),
    "no sub": ({"sub": None}, "the token lacks the claim sub"),
    "an empty sub": ({"sub": ""}, "the token's sub is not a user's id, which is a UUID"),
    "a sub that is a number": ({"sub": 7}, "the token is not valid"),
    "a sub that no text can hold": ({"sub": "\ud800"}, "the token is not valid"),
}


class TestWrongTokens:
    @pytest.mark.parametrize("name", WRONG_CLAIMS)
    def test_claims_that_do_not_hold_are_refused(self, issuer: Issuer, tokens: Authenticator, name: str) -> None:
        changed, reason = WRONG_CLAIMS[name]
        assert refusal(tokens, issuer.token(issuer.claims(str(ADA), **changed))) == reason

    def test_a_subject_that_is_no_uuid_is_no_user_without_an_issuer(self, secret_tokens: Authenticator) -> None:
        for subject in ("auth0|5f7c", ADA.hex, f"urn:uuid:{ADA}"):
            token = jwt.encode({"sub": subject, "exp": NOW + 3600}, SECRET, "HS256")
            assert refusal(secret_tokens, token) == "the token's sub is not a user's id, which is a UUID"

    def test_a_token_for_someone_is_not_for_who_has_no_name(self, secret_tokens: Authenticator) -> None:
        token = jwt.encode({"sub": str(ADA), "exp": NOW + 3600, "aud": "someone"}, SECRET, "HS256")
        assert refusal(secret_tokens, token) == "the token is for another audience"

    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, [], "HS256", "RS512", "PS256"])
    def test_the_token_does_not_choose_how_it_is_verified(
        self, issuer: Issuer, tokens: Authenticator, secret_tokens: Authenticator, alg: Any
    ) -> None:
        token = unsigned({"alg": alg, "kid": "first", "typ": "JWT"}, issuer.claims(str(ADA)))
        assert refusal(tokens, token) == "the token must be signed with RS256 and name its key (kid)"
        assert refusal(secret_tokens, token)

    @pytest.mark.parametrize("alg", ["none", "HS512", "RS256"])
    def test_another_algorithm_is_told(self, secret_tokens: Authenticator, alg: str) -> None:
        token = unsigned({"alg": alg, "typ": "JWT"}, {"sub": str(ADA), "exp": NOW + 3600})
        assert refusal(secret_tokens, token) == "the token is signed with an algorithm that is not taken here"

    def test_the_public_key_is_no_shared_secret(self, issuer: Issuer, tokens: Authenticator) -> None:
        public = issuer.pair.public_key()
        published = issuer.published()
        for secret in (
            public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            public.public_bytes(Encoding.DER, PublicFormat.PKCS1),
            published,
            b"",
        ):
            for kid in ("first", "../../../../dev/null"):
                header = unsigned({"alg": "HS256", "kid": kid}, issuer.claims(str(ADA))).rpartition(".")[0]
                signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
                    header.encode(), secret
                )
                token = f"{header}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
                assert refusal(tokens, token) == "the token must be signed with RS256 and name its key (kid)"

    def test_an_issuers_signature_is_no_shared_secrets(self, issuer: Issuer, secret_tokens: Authenticator) -> None:
        assert refusal(secret_tokens, issuer.token({"sub": str(ADA), "exp": NOW + 3600}))

    def test_a_wrong_signature_is_refused(self, issuer: Issuer, tokens: Authenticator) -> None:
        good = issuer.token(issuer.claims(str(ADA)))
        head, _, signature = good.rpartition(".")
        other_claims = unsigned({}, issuer.claims(str(uuid.uuid4()))).split(".")[1]
        for token in (
            f"{head}.{signature[:-4]}AAAA",
            f"{head}.",
            f"{head}.{signature}{signature}",
            f"{head.split('.')[0]}.{other_claims}.{signature}",
            issuer.token(issuer.claims(str(ADA)), pair=issuer.other_pair),
        ):
            assert refusal(tokens, token) == "the token's signature is wrong"

    @pytest.mark.parametrize(
        "kid", ["unknown", "", "../../../../dev/null", "/etc/passwd", "first\0", "' OR 1=1 --", "http://x/jwks", "é"]
    )
    def test_a_key_that_is_not_published_is_refused_whatever_its_name(
        self, issuer: Issuer, tokens: Authenticator, kid: str
    ) -> None:
        token = issuer.token(issuer.claims(str(ADA)), kid)
        assert refusal(tokens, token) == "the token is signed with a key that its issuer does not publish"

    @pytest.mark.parametrize("kid", [None, 7, ["first"], {"first": 1}])
    def test_a_key_has_a_name_that_is_a_text(self, issuer: Issuer, tokens: Authenticator, kid: Any) -> None:
        assert refusal(tokens, unsigned({"alg": "RS256", "kid": kid}, issuer.claims(str(ADA)), b"x"))
        assert refusal(tokens, unsigned({"alg": "RS256"}, issuer.claims(str(ADA)), b"x"))

    @pytest.mark.parametrize("crit", [["exp"], ["b64"], ["https://unknown.example"], [], "exp", [1], None])
    def test_what_must_be_understood_and_is_not_is_refused(
        self, issuer: Issuer, tokens: Authenticator, crit: Any
    ) -> None:
        claims = issuer.claims(str(ADA))
        head = unsigned({"alg": "RS256", "kid": "first", "crit": crit}, claims).rpartition(".")[0]
        signature = issuer.pair.sign(head.encode(), PKCS1v15(), hashes.SHA256())
        token = f"{head}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        assert refusal(tokens, token) == "the token is not valid"

    @pytest.mark.parametrize(
        "token",
        ["x", "x.y", "x.y.z", "..", "a.b.c.d", "🗝", "\x00", unsigned([], []), unsigned("a", 1), unsigned(None, None),
         base64.b64encode(b"[" * 5000).decode() + ".x.x", base64.b64encode(b'{"a":' * 1000).decode() + ".x.x",
         unsigned({"alg": "RS256", "kid": "first", "b64": False, "crit": ["b64"]}, {})],
    )  # fmt: skip
    def test_garbage_is_refused(self, tokens: Authenticator, secret_tokens: Authenticator, token: str) -> None:
        for each in (tokens, secret_tokens):
            with pytest.raises(UnauthenticatedError):
                user(each, token)

    @given(st.text(st.characters(codec="latin-1"), max_size=200))
    def test_any_header_is_refused(self, text: str) -> None:
        for header in (text, f"Bearer {text}", f"Bearer a.{text}.b"):
            with pytest.raises(UnauthenticatedError):
                Authenticator(SECRET, None, ()).user({"authorization": header})

    def test_a_token_that_is_too_long_is_refused_unread(self, issuer: Issuer, tokens: Authenticator) -> None:
        token = issuer.token(issuer.claims(str(ADA), more="x" * MAX_TOKEN_LENGTH))
        assert refusal(tokens, token) == "the token has more than 8,192 characters"
        assert issuer.fetches == 0

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "x.y.z"])
    def test_no_token_is_told_from_a_wrong_one(self, tokens: Authenticator, header: str) -> None:
        with pytest.raises(UnauthenticatedError) as found:
            tokens.user({"authorization": header})
        assert not isinstance(found.value, InvalidTokenError)
        with pytest.raises(UnauthenticatedError):
            tokens.user({})


class TestKeys:
    def test_they_are_fetched_once_and_again_when_they_are_old(
        self, issuer: Issuer, tokens: Authenticator, hand: Hand
    ) -> None:
        token = issuer.token(issuer.claims(str(ADA)))
        for _ in range(3):
            user(tokens, token)
        assert issuer.fetches == 1
        hand.now = REFETCH_SECONDS + 1
        user(tokens, token)
        assert issuer.fetches == 2

    def test_a_new_key_is_found_when_a_token_names_it(self, issuer: Issuer, tokens: Authenticator, hand: Hand) -> None:
        user(tokens, issuer.token(issuer.claims(str(ADA))))
        issuer.keys = {"second": issuer.other_pair}
        hand.now = PAUSE_SECONDS
        assert user(tokens, issuer.token(issuer.claims(str(ADA)), "second", issuer.other_pair)) == ADA
        assert refusal(tokens, issuer.token(issuer.claims(str(ADA))))  # the first was taken back

    def test_names_that_are_made_up_fetch_no_more_than_once_a_pause(
        self, issuer: Issuer, tokens: Authenticator, hand: Hand
    ) -> None:
        for number in range(20):
            assert refusal(tokens, issuer.token(issuer.claims(str(ADA)), f"made-up-{number}"))
        assert issuer.fetches == 1
        hand.now = PAUSE_SECONDS
        assert refusal(tokens, issuer.token(issuer.claims(str(ADA)), "made-up"))
        assert issuer.fetches == 2

    @pytest.mark.parametrize(
        ("status", "document"),
        [(500, b""), (404, b"{}"), (200, b"<html>"), (200, b"[]"), (200, b'{"keys": []}'),
         (200, b'{"keys": 7}'), (200, b"[" * 100_000), (200, b'{"keys": "' + b" " * MAX_BYTES + b'"}'), (200, b"\xff")],
    )  # fmt: skip
    def test_an_issuer_that_is_away_is_not_the_callers_fault(
        self, issuer: Issuer, tokens: Authenticator, hand: Hand, status: int, document: bytes
    ) -> None:
        token = issuer.token(issuer.claims(str(ADA)))
        issuer.status, issuer.document = status, document
        for _ in range(3):
            with pytest.raises(UnavailableError):
                user(tokens, token)
        assert issuer.fetches == 1
        issuer.status, issuer.document, hand.now = 200, None, PAUSE_SECONDS
        assert user(tokens, token) == ADA

    def test_an_issuer_that_does_not_listen_is_not_the_callers_fault(self) -> None:
        with Issuer() as gone:
            token = gone.token(gone.claims(str(ADA)))
        with pytest.raises(UnavailableError):
            user(Authenticator(KeySet(gone.jwks_url), gone.url, (AUDIENCE,)), token)

    def test_keys_are_not_looked_for_elsewhere(self, issuer: Issuer, tokens: Authenticator) -> None:
        with Issuer() as other:
            issuer.status, issuer.location = 302, other.jwks_url
            with pytest.raises(UnavailableError):
                user(tokens, issuer.token(issuer.claims(str(ADA))))
            assert other.fetches == 0

    def test_known_keys_hold_for_a_day_while_the_issuer_is_away(
        self, issuer: Issuer, tokens: Authenticator, hand: Hand
    ) -> None:
        token = issuer.token(issuer.claims(str(ADA)))
        user(tokens, token)
        issuer.status = 500
        hand.now = KEPT_SECONDS
        assert user(tokens, token) == ADA
        with pytest.raises(UnavailableError):
            user(tokens, issuer.token(issuer.claims(str(ADA)), "second"))
        hand.now += 1
        with pytest.raises(UnavailableError):
            user(tokens, token)

    def test_keys_for_other_ends_are_passed_over(self, issuer: Issuer, tokens: Authenticator) -> None:
        pair, weak = issuer.other_pair, generate_private_key(65537, 1024)  # noqa: S505 - that is what is refused
        unusable = [
            jwk(pair, kid="for-encryption", use="enc"),
            jwk(pair, kid="for-another-algorithm", alg="RS512"),
            jwk(weak, kid="weak", use="sig", alg="RS256"),
            jwk(pair, kid="even", e="Ag"),
            jwk(pair, kid="broken", n="?"),
            {"kty": "oct", "kid": "secret", "k": "AAAA", "alg": "HS256"},
            {"kty": "RSA", "kid": "empty"},
            jwk(pair, kid=7),
            "no key at all",
        ]
        issuer.document = json.dumps({"keys": [*unusable, *issuer.jwks()]}).encode()
        assert user(tokens, issuer.token(issuer.claims(str(ADA)))) == ADA
        for name in ("for-encryption", "for-another-algorithm", "weak", "even", "broken", "secret", "empty"):
            told = refusal(tokens, issuer.token(issuer.claims(str(ADA)), name, pair))
            assert told == "the token is signed with a key that its issuer does not publish"

    def test_a_key_may_leave_its_use_and_algorithm_open(self, issuer: Issuer, tokens: Authenticator) -> None:
        open_key = {name: value for name, value in issuer.jwks()[0].items() if name not in ("use", "alg")}
        issuer.document = json.dumps({"keys": [open_key]}).encode()
        assert user(tokens, issuer.token(issuer.claims(str(ADA)))) == ADA


class TestSignatures:
    """Beside the package cryptography, and beside forgeries that have fooled others."""

    @given(message=st.binary(max_size=100), flipped=st.integers(0, 2047) | st.none(), cut=st.integers(0, 3))
    def test_they_hold_where_cryptography_says_so(
        self, issuer: Issuer, message: bytes, flipped: int | None, cut: int
    ) -> None:
        signature = issuer.pair.sign(message, PKCS1v15(), hashes.SHA256())
        if flipped is not None:
            signature = (int.from_bytes(signature, "big") ^ (1 << flipped)).to_bytes(256, "big")
        signature = signature[: len(signature) - cut]
        public = issuer.pair.public_key()
        try:
            public.verify(signature, message, PKCS1v15(), hashes.SHA256())
            holds = True
        except InvalidSignature:
            holds = False
        numbers = public.public_numbers()
        assert Rs256().verify(message, (numbers.n, numbers.e), signature) is holds
        assert not Rs256().verify(message, (numbers.n, numbers.e), b"\0" + signature)

    @pytest.mark.parametrize("name", ["short padding", "no NULL", "another hash", "another type", "zeros for padding"])
    def test_a_block_that_is_not_the_one_to_be_signed_is_refused(self, issuer: Issuer, name: str) -> None:
        digest = bytes.fromhex("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")  # of "test"
        info = bytes.fromhex("3031300d060960864801650304020105000420") + digest
        without_null = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + digest
        blocks = {
            "good": b"\0\1" + b"\xff" * (253 - len(info)) + b"\0" + info,
            "short padding": (b"\0\1" + b"\xff" * 8 + b"\0" + info).ljust(256, b"\0"),
            "no NULL": b"\0\1" + b"\xff" * (253 - len(without_null)) + b"\0" + without_null,
            "another hash": b"\0\1" + b"\xff" * (253 - len(digest)) + b"\0" + digest,
            "another type": b"\0\2" + b"\xff" * (253 - len(info)) + b"\0" + info,
            "zeros for padding": b"\0\1" + b"\0" * (253 - len(info)) + b"\0" + info,
        }
        numbers = issuer.pair.private_numbers()
        key = (numbers.public_numbers.n, numbers.public_numbers.e)

        def signed(block: bytes) -> bytes:
            return pow(int.from_bytes(block, "big"), numbers.d, key[0]).to_bytes(256, "big")

        assert Rs256().verify(b"test", key, signed(blocks["good"]))
        assert not Rs256().verify(b"test", key, signed(blocks[name]))

    def test_a_signature_beyond_the_modulus_is_refused(self, issuer: Issuer) -> None:
        numbers = issuer.pair.public_key().public_numbers()
        number = int.from_bytes(issuer.pair.sign(b"test", PKCS1v15(), hashes.SHA256()), "big") + numbers.n
        size = 256 if number < 2**2048 else 257
        assert not Rs256().verify(b"test", (numbers.n, numbers.e), number.to_bytes(size, "big"))


GIVEN = {
    "DATABASE_URL": "postgresql://", "AWS_REGION": "r", "AWS_ACCOUNT_ID": "a", "RUN_UNIT_FUNCTION": "f",
    "STATE_MACHINE_ROLE_ARN": "r", "SCHEDULE_TRIGGER_FUNCTION": "s",
}  # fmt: skip


class TestSettings:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({}, "set JWT_SECRET, or JWT_ISSUER and JWT_AUDIENCE"),
            ({"JWT_ISSUER": "https://i.example/"}, "set JWT_SECRET, or JWT_ISSUER and JWT_AUDIENCE"),
            ({"JWT_ISSUER": "https://i.example/", "JWT_AUDIENCE": " , "}, "set JWT_SECRET, or"),
            ({"JWT_SECRET": "short"}, "JWT_SECRET: "),
            ({"JWT_SECRET": SECRET, "JWT_JWKS_URL": "https://i.example/keys"}, "with JWT_SECRET or with the keys"),
            ({"JWT_ISSUER": "http://i.example/", "JWT_AUDIENCE": "a"}, "must come by https"),
            ({"JWT_ISSUER": "i", "JWT_AUDIENCE": "a", "JWT_JWKS_URL": "file:///keys"}, "must come by https"),
        ],
    )
    def test_what_can_not_be_meant_is_refused(self, given: dict[str, str], told: str) -> None:
        with pytest.raises(SettingsError) as found:
            Settings.from_environment({**GIVEN, **given})
        assert told in str(found.value)
        assert "short" not in str(found.value)

    def test_keys_are_where_cognito_and_auth0_have_them(self) -> None:
        pool = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_x"
        given = {**GIVEN, "JWT_AUDIENCE": "web, mobile"}
        cognito = Settings.from_environment({**given, "JWT_ISSUER": pool})
        assert (cognito.jwks_url, cognito.jwt_audiences) == (f"{pool}/.well-known/jwks.json", ("web", "mobile"))
        auth0 = Settings.from_environment({**given, "JWT_ISSUER": "https://tenant.auth0.com/"})
        assert auth0.jwks_url == "https://tenant.auth0.com/.well-known/jwks.json"
        told = Settings.from_environment({**given, "JWT_ISSUER": "i", "JWT_JWKS_URL": "https://i.example/keys"})
        assert told.jwks_url == "https://i.example/keys"


class TestOverHttp:
    def test_a_wrong_token_is_told_apart_from_none(self, owner: Api) -> None:
        none = replace(owner, token=None).send("GET", "")
        assert (none.status, none.headers["www-authenticate"]) == (401, "Bearer")
        wrong = replace(owner, token="x.y.z").send("GET", "")
        assert wrong.status == 401
        assert wrong.headers["www-authenticate"] == (
            'Bearer error="invalid_token", error_description="the token is not valid"'
        )

    def test_of_two_tokens_none_counts(self, owner: Api, base_url: str) -> None:
        from tests.local.test_server import answer_to  # noqa: PLC0415

        header = f"Authorization: Bearer {owner.token}"
        path = f"/api/v1/workspaces/{owner.workspace_id}/workflows"
        for second in (header, "authorization: Bearer x", "AUTHORIZATION: "):
            status, headers, _ = answer_to(base_url, f"GET {path} HTTP/1.1", header, second)
            assert status.split()[1] == "401"
            assert "www-authenticate: bearer" in headers

    def test_of_two_tokens_none_counts_behind_api_gateway(self, owner: Api, stack: Stack) -> None:
        """It gives the last of several headers by its name, and all of them apart."""
        path = "/api/v1/workspaces/{workspace_id}/workflows"
        event = {
            "requestContext": {"httpMethod": "GET", "resourcePath": path},
            "pathParameters": {"workspace_id": owner.workspace_id},
            "headers": {"Authorization": f"Bearer {owner.token}"},
            "multiValueHeaders": {"Authorization": [f"Bearer {owner.token}"]},
            "multiValueQueryStringParameters": None,
            "stageVariables": None,
            "body": None,
        }
        assert stack.app(event, None)["statusCode"] == 200
        event["multiValueHeaders"] = {"Authorization": ["Bearer x", f"Bearer {owner.token}"]}
        assert stack.app(event, None)["statusCode"] == 401

    def test_an_issuers_users_are_members_by_their_ids(self, owner: Api, stack: Stack, issuer: Issuer) -> None:
        workspace_id, email = UUID(owner.workspace_id), f"{uuid.uuid4().hex}@example.com"
        user_id = uuid5(uuid5(NAMESPACE_URL, issuer.url), f"auth0|{email}")
        with psycopg.connect(stack.database_url) as connection:
            connection.execute("INSERT INTO users (id, email) VALUES (%s, %s)", (user_id, email))
        workspaces.add_member(stack.database_url, workspace_id, email, Role.MEMBER)
        ada = replace(owner, token=issuer.token(issuer.claims(f"auth0|{email}")))
        stranger = replace(owner, token=issuer.token(issuer.claims("auth0|another")))
        with deployed_with(**of_issuer(issuer)):
            assert ada.send("GET", "").status == 200
            assert ada.send("POST", "", {}).status == 403
            assert stranger.send("GET", "").status == 404
            assert owner.send("GET", "").status == 401

    def test_an_issuer_that_is_away_is_a_503(self, owner: Api, issuer: Issuer) -> None:
        issuer.status = 500
        with deployed_with(**of_issuer(issuer)):
            answer = replace(owner, token=issuer.token(issuer.claims(str(ADA)))).send("GET", "")
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        assert "www-authenticate" not in answer.headers


def of_issuer(issuer: Issuer) -> dict[str, Any]:
    """Settings by which its tokens are taken, and no others."""
    return {
        "jwt_secret": None,
        "jwt_issuer": issuer.url,
        "jwt_audience": AUDIENCE,
    }
