"""A drawn webhook: what it asks of the requests that start a run."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictStr, field_validator

from chalicelib.model import Model

from .secret_names import RULE, is_name
from .settings import Whole

MAX_TOLERANCE_SECONDS = 86_400


def _is_header_name(value: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", value):
        raise ValueError("must be the name of an HTTP header")
    return value


Header = Annotated[StrictStr, AfterValidator(_is_header_name)]
"""The name of an HTTP header (RFC 9110, section 5.6.2)."""

SIGNATURE_HEADERS = {
    "hex": "X-Signature",
    "base64": "X-Signature",
    "stripe": "Stripe-Signature",
    "slack": "X-Slack-Signature",
}


class Hmac(Model):
    """How requests are signed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    secret: StrictStr = Field(description="The name of the workspace's secret that is the key.")
    header: Header | None = Field(
        None, description="Where the signature is; X-Signature without it, or that of Stripe or Slack."
    )
    algorithm: Literal["sha256", "sha1", "sha512"] = Field("sha256", description="The hash of the signature.")
    format: Literal["hex", "base64", "stripe", "slack"] = Field(
        "hex",
        description="How it is written: hex and base64 sign the body, also with `sha256=` before the signature, as"
        " GitHub and Shopify do; stripe and slack sign a time with it, as these do.",
    )
    tolerance_seconds: Annotated[Whole, Field(ge=1, le=MAX_TOLERANCE_SECONDS)] = Field(
        300, description="stripe, slack: how far the signed time may be from now."
    )

    @field_validator("secret")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not is_name(value):
            raise ValueError(f"must be the name of a secret; {RULE}")
        return value

    @property
    def header_name(self) -> str:
        """Where the signature is, in lower case."""
        return (self.header or SIGNATURE_HEADERS[self.format]).lower()


class Webhook(Model):
    """Which requests start a run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    methods: tuple[str, ...]
    hmac: Hmac | None = None
    dedupe_header: str | None = None
    """Requests with the same value of this header within a day are one."""
