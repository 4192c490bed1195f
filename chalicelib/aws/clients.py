"""Making boto3's clients, when first used, and its errors ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chalicelib.errors import UnavailableError

if TYPE_CHECKING:
    from chalicelib.settings import Settings

CONNECT_SECONDS, READ_SECONDS = 3, 10
"""Whoever asks waits 29 seconds at the most (Amazon API Gateway quotas)."""


def client(service: str, settings: Settings) -> Any:
    """A client that waits out throttling."""
    import boto3  # noqa: PLC0415 - 100 ms that only callers of AWS pay
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client(
        service,
        region_name=settings.aws_region,
        config=Config(
            retries={"mode": "adaptive", "max_attempts": 5},
            max_pool_connections=50,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
        ),
    )


@contextmanager
def our_errors(service: str, *but: type[Exception]) -> Iterator[None]:
    """AWS that does not answer, throttles or refuses is unavailable to callers, who may try again."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - with the client, when first used

    try:
        yield
    except but:
        raise
    except ClientError as error:
        raise UnavailableError(_not_now(service, error.response["Error"].get("Code"))) from error
    except BotoCoreError as error:
        raise UnavailableError(_not_now(service)) from error


def _not_now(service: str, code: str | None = None) -> str:
    return f"{service} does not take it now{f' ({code})' if code else ''}; try again in a moment"
