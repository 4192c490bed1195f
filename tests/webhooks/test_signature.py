"""Signatures as the senders of webhooks write them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.compiler.webhook import Hmac
from chalicelib.webhooks.signature import SignatureError, verify

NOW = 1_900_000_000.0
KEY, BODY = "kéy", b'{"a": "\xc3\xa4"}'


def signed(content: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(KEY.encode(), content, algorithm).digest()


def is_good(asked: dict[str, Any], headers: dict[str, str], body: bytes = BODY, now: float = NOW) -> bool:
    try:
        verify(Hmac(secret="key", **asked), KEY, headers, body, now)
    except SignatureError:
        return False
    return True


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("prefix", [True, False])
def test_a_body_is_signed_in_hex(algorithm: str, prefix: bool) -> None:
    text = f"{algorithm}=" * prefix + signed(BODY, algorithm).hex()
    asked = {"header": "X-Hub-Signature-256", "algorithm": algorithm}
    assert is_good(asked, {"x-hub-signature-256": text})
    assert is_good(asked, {"x-hub-signature-256": text.upper()})
    assert not is_good(asked, {"x-hub-signature-256": text}, BODY + b" ")
    assert not is_good(asked, {"x-signature": text})


def test_the_known_signature_of_github_is_good() -> None:
    """From https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries."""
    headers = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    verify(Hmac(secret="k", header="X-Hub-Signature-256"), "It's a Secret to Everybody", headers, b"Hello, World!", NOW)


def test_a_body_is_signed_in_base64() -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(signed(BODY)).decode()
        assert is_good({"format": "base64"}, {"x-signature": text})
        assert is_good({"format": "base64"}, {"x-signature": f"sha256={text}"})
    assert not is_good({"format": "base64"}, {"x-signature": signed(BODY).hex()})


def test_stripe_signs_a_time_and_may_have_several_keys() -> None:
    time = f"{NOW:.0f}"
    good = signed(f"{time}.".encode() + BODY).hex()
    asked = {"format": "stripe"}
    assert is_good(asked, {"stripe-signature": f"t={time},v1={good},v0=x"})
    assert is_good(asked, {"stripe-signature": f"t={time}, v1={'0' * 64}, v1={good}"})
    assert not is_good(asked, {"stripe-signature": f"t={time},v0={good}"})
    assert not is_good(asked, {"stripe-signature": f"t={int(time) - 1},v1={good}"})
    assert not is_good(asked, {"stripe-signature": f"v1={good}"})


def test_slack_signs_a_time_of_its_own_header() -> None:
    time = f"{NOW:.0f}"
    good = f"v0={signed(f'v0:{time}:'.encode() + BODY).hex()}"
    assert is_good({"format": "slack"}, {"x-slack-signature": good, "x-slack-request-timestamp": time})
    assert not is_good({"format": "slack"}, {"x-slack-signature": good})


@pytest.mark.parametrize(("away", "good"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_a_signed_time_is_near_now(away: int, good: bool) -> None:
    time = f"{NOW:.0f}"
    headers = {"stripe-signature": f"t={time},v1={signed(f'{time}.'.encode() + BODY).hex()}"}
    assert is_good({"format": "stripe"}, headers, now=NOW + away) is good
    assert is_good({"format": "stripe", "tolerance_seconds": 301}, headers, now=NOW + away)


@pytest.mark.parametrize("time", ["", "x", "1e9", "-5", "１２", "9" * 400])
def test_a_signed_time_that_is_none_is_refused(time: str) -> None:
    headers = {"stripe-signature": f"t={time},v1={signed(f'{time}.'.encode() + BODY).hex()}"}
    assert not is_good({"format": "stripe"}, headers)


@given(st.sampled_from(["hex", "base64", "stripe", "slack"]), st.text(max_size=80))
def test_no_guess_is_good_and_none_breaks_it(form: str, guess: str) -> None:
    headers = dict.fromkeys(
        ["x-signature", "stripe-signature", "x-slack-signature", "x-slack-request-timestamp"], guess
    )
    assert not is_good({"format": form}, headers)


@given(st.binary(max_size=100))
def test_every_body_can_be_signed(body: bytes) -> None:
    assert is_good({}, {"x-signature": hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()}, body)
