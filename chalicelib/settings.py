"""The only reader of the environment.

It is read by hand, since pydantic alone costs a cold start as much as ten starts of Python, and the Lambdas that serve
no request need it for nothing else.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

MIN_SECRET_LENGTH = 32
RDS_AUTHORITIES = Path(__file__).parent / "aws" / "rds-ca.pem"
TRUSTED_URL = re.compile(r"https://|http://(localhost|127\.0\.0\.1)[:/]")
"""Where keys may come from: no one in between can put in others."""

Value = TypeVar("Value")
Read = Callable[[str], Any]
"""Of a text of the environment. Raises ValueError that says what would be right."""


class SettingsError(Exception):
    """A setting is missing or can't be read."""


def _setting(default: Value, read: Read) -> Value:
    """A field that is no text."""
    found: Value = field(default=default, metadata={"read": read})
    return found


def _whole(least: int) -> Read:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < least:
            raise ValueError(f"an integer, {least} or more")
        return int(text)

    return read


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not float(text):
        raise ValueError("a number of seconds, more than 0")
    return float(text)


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "1", "false", "0"):
        raise ValueError("true or false")
    return text.lower() in ("true", "1")


def _secret(text: str) -> str:
    if len(text) < MIN_SECRET_LENGTH:
        raise ValueError(f"{MIN_SECRET_LENGTH} characters or more")
    return text


def _backend(text: str) -> str:
    if text not in ("rules", "scheduler"):
        raise ValueError("rules or scheduler")
    return text


def _patterns(text: str) -> Mapping[str, list[str]]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or not all(
        isinstance(each, list) and all(isinstance(pattern, str) for pattern in each) for each in found.values()
    ):
        raise ValueError('JSON such as {"*": ["arn:aws:sns:us-east-1:123456789012:news"]}')
    return found


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator decides, each by the environment variable of its name in upper case. Sizes in bytes."""

    database_url: str = field(default="", repr=False)
    """Where Postgres is and who logs in to it. An account says it in parts instead, and has no password to tell."""
    database_host: str = ""
    database_port: int = _setting(5432, _whole(1))
    database_name: str = "stepgraph"
    database_user: str = "stepgraph"
    """Who logs in by IAM, where there is no secret."""
    database_secret_arn: str = ""
    """Of a secret with `username` and `password`."""
    database_ca_file: Path = _setting(RDS_AUTHORITIES, Path)  # noqa: RUF009 - what is shared is never changed
    """The authorities that may have signed the certificate of a DATABASE_HOST."""
    database_is_proxied: bool = _setting(False, _flag)
    """Whether others share the connections behind those that we make, as with RDS Proxy."""
    database_pool_size: int = _setting(1, _whole(1))
    database_wait_seconds: float = _setting(10, _seconds)
    """How long a database that is away is waited for; one that pauses takes 15 seconds to wake up."""
    database_statement_seconds: int = _setting(25, _whole(0))
    """How long a statement may take; 0 is for ever. API Gateway waits for 29 seconds."""
    database_lock_seconds: int = _setting(10, _whole(0))
    """How long a statement waits for another's lock."""
    database_app_role: str = ""
    """The role that the migrations make for the other Lambdas, which log in by IAM; none is made without it."""
    jwt_secret: str | None = field(default=None, repr=False, metadata={"read": _secret})
    """Signs tokens with HS256. Without it the issuer does, with RS256."""
    jwt_secret_arn: str | None = None
    """Of a secret in Secrets Manager, in place of JWT_SECRET."""
    jwt_issuer: str | None = None
    """The `iss` of tokens."""
    jwt_audience: str = ""
    """The `aud` of tokens, or those separated by commas that are taken."""
    jwt_jwks_url: str | None = None
    """Where the issuer publishes its keys; below its own URL without it."""
    aws_region: str
    aws_account_id: str
    run_unit_function: str
    """ARN or name of the Lambda behind every Task state."""
    state_machine_role_arn: str
    """The role that state machines take on."""
    schedule_trigger_function: str
    """ARN of the Lambda that timers of schedules call."""
    schedule_backend: Literal["rules", "scheduler"] = _setting("rules", _backend)
    """Where timers are kept: EventBridge rules (300 in an account's region), or EventBridge Scheduler (millions)."""
    scheduler_role_arn: str = ""
    """The role by which EventBridge Scheduler calls the trigger."""
    trace: bool = _setting(False, _flag)
    """Whether calls are traced by X-Ray; it costs a cold start half a second."""
    allow_private_http: bool = _setting(False, _flag)
    """Whether http_request may reach loopback and private addresses."""
    allowed_targets: Mapping[str, list[str]] = field(default_factory=dict, metadata={"read": _patterns})
    """What nodes may reach in the account: patterns of ARNs by workspace id, `*` for all of them, as JSON."""
    secrets_prefix: str = "stepgraph/"
    """How names begin in Secrets Manager; the workspace's id and the secret's name follow."""
    secrets_cache_seconds: int = _setting(60, _whole(0))
    """How long a container keeps the value of a secret."""
    max_secrets: int = _setting(100, _whole(1))
    """How many secrets a workspace may have; Secrets Manager takes money for each."""
    max_runs: int = _setting(1000, _whole(1))
    """How many runs may go on at once; more wait for their turn."""
    max_runs_per_workspace: int = _setting(500, _whole(1))
    max_webhook_runs_per_minute: int = _setting(1000, _whole(1))
    """How many runs requests to one webhook may start; more are refused."""
    max_sub_workflow_depth: int = _setting(10, _whole(0))
    """How deep runs may start one another."""
    reconcile_after_seconds: int = _setting(60, _whole(1))
    """How long a run is left alone before its execution is looked at again."""
    keep_runs_days: int | None = _setting(None, _whole(1))
    """How long runs are kept after their end; for ever without it."""
    max_graph_bytes: int = _setting(1024 * 1024, _whole(1))
    max_graph_nodes: int = _setting(500, _whole(1))
    max_input_bytes: int = _setting(256 * 1024, _whole(1))
    max_output_bytes: int = _setting(6 * 1024 * 1024, _whole(1))

    @property
    def database_answer_seconds(self) -> float:
        """When a statement is given up that the database itself should have ended before."""
        return self.database_statement_seconds + 2 if self.database_statement_seconds else math.inf

    @property
    def jwt_audiences(self) -> tuple[str, ...]:
        """Whom tokens may be for."""
        return tuple(filter(None, (audience.strip() for audience in self.jwt_audience.split(","))))

    @property
    def jwks_url(self) -> str:
        """Where the issuer's keys are, as Cognito and Auth0 do it where nothing else is said."""
        return self.jwt_jwks_url or f"{(self.jwt_issuer or '').rstrip('/')}/.well-known/jwks.json"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read all settings. Raises SettingsError naming those that are missing or wrong, without their values."""
        given = {each.name: each for each in fields(cls) if environment.get(each.name.upper())}
        wrong = [
            f"{each.name.upper()}: is missing"
            for each in fields(cls)
            if each.default is MISSING and each.default_factory is MISSING and each.name not in given
        ]
        found: dict[str, Any] = {}
        for name, each in given.items():
            try:
                found[name] = each.metadata.get("read", str)(environment[name.upper()])
            except ValueError as error:
                wrong.append(f"{name.upper()}: must be {error}")
        if wrong:
            raise SettingsError(f"the environment lacks settings: {'; '.join(wrong)}")
        settings = cls(**found)
        if contradictions := list(settings._contradictions()):
            raise SettingsError(f"the settings don't go together: {'; '.join(contradictions)}")
        return settings

    def _contradictions(self) -> Iterator[str]:
        if not self.database_url and not self.database_host:
            yield "set DATABASE_URL, or DATABASE_HOST"
        if self.jwt_secret or self.jwt_secret_arn:
            if self.jwt_jwks_url:
                yield "tokens are signed with JWT_SECRET or with the keys at JWT_JWKS_URL"
        elif not (self.jwt_issuer and self.jwt_audiences):
            yield "set JWT_SECRET, or JWT_ISSUER and JWT_AUDIENCE"
        elif not TRUSTED_URL.match(self.jwks_url):
            yield "the keys of JWT_ISSUER must come by https, see JWT_JWKS_URL"
