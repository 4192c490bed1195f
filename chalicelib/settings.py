"""The only reader of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import ConfigDict, Field, Json, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.model import Model

TRUSTED_URL = re.compile(r"https://|http://(localhost|127\.0\.0\.1)[:/]")
"""Where keys may come from: no one in between can put in others."""


class SettingsError(Exception):
    """A setting is missing or can't be read."""


class Settings(Model):
    """What an operator decides, each by the environment variable of its name in upper case. Sizes in bytes."""

    model_config = ConfigDict(frozen=True)

    database_url: str = Field("", repr=False)
    """Where Postgres is and who logs in to it. An account says it in parts instead, and has no password to tell."""
    database_host: str = ""
    database_port: int = 5432
    database_name: str = "stepgraph"
    database_user: str = "stepgraph"
    """Who logs in by IAM, where there is no secret."""
    database_secret_arn: str = ""
    """Of a secret with `username` and `password`."""
    database_ca_file: Path = Path(__file__).parent / "aws" / "rds-ca.pem"
    """The authorities that may have signed the certificate of a DATABASE_HOST."""
    database_is_proxied: bool = False
    """Whether others share the connections behind those that we make, as with RDS Proxy."""
    database_pool_size: int = Field(1, ge=1)
    database_wait_seconds: float = Field(10, gt=0)
    """How long a database that is away is waited for; one that pauses takes 15 seconds to wake up."""
    database_statement_seconds: int = Field(25, ge=0)
    """How long a statement may take; 0 is for ever. API Gateway waits for 29 seconds."""
    database_lock_seconds: int = Field(10, ge=0)
    """How long a statement waits for another's lock."""
    database_app_role: str = ""
    """The role that the migrations make for the other Lambdas, which log in by IAM; none is made without it."""
    jwt_secret: str | None = Field(None, min_length=32, repr=False)
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
    schedule_backend: Literal["rules", "scheduler"] = "rules"
    """Where timers are kept: EventBridge rules (300 in an account's region), or EventBridge Scheduler (millions)."""
    scheduler_role_arn: str = ""
    """The role by which EventBridge Scheduler calls the trigger."""
    trace: bool = False
    """Whether calls are traced by X-Ray; it costs a cold start half a second."""
    allow_private_http: bool = False
    """Whether http_request may reach loopback and private addresses."""
    allowed_targets: Json[dict[str, list[str]]] = Field(default_factory=dict)
    """What nodes may reach in the account: patterns of ARNs by workspace id, `*` for all of them, as JSON."""
    secrets_prefix: str = "stepgraph/"
    """How names begin in Secrets Manager; the workspace's id and the secret's name follow."""
    secrets_cache_seconds: int = Field(60, ge=0)
    """How long a container keeps the value of a secret."""
    max_secrets: int = Field(100, ge=1)
    """How many secrets a workspace may have; Secrets Manager takes money for each."""
    max_runs: int = Field(1000, ge=1)
    """How many runs may go on at once; more wait for their turn."""
    max_runs_per_workspace: int = Field(500, ge=1)
    max_webhook_runs_per_minute: int = Field(1000, ge=1)
    """How many runs requests to one webhook may start; more are refused."""
    max_sub_workflow_depth: int = Field(10, ge=0)
    """How deep runs may start one another."""
    reconcile_after_seconds: int = Field(60, ge=1)
    """How long a run is left alone before its execution is looked at again."""
    keep_runs_days: int | None = Field(None, ge=1)
    """How long runs are kept after their end; for ever without it."""
    max_graph_bytes: int = Field(1024 * 1024, ge=1)
    max_graph_nodes: int = Field(500, ge=1)
    max_input_bytes: int = Field(256 * 1024, ge=1)
    max_output_bytes: int = Field(6 * 1024 * 1024, ge=1)

    @model_validator(mode="after")
    def _names_a_database(self) -> Self:
        if not self.database_url and not self.database_host:
            raise PydanticCustomError("no_database", "set DATABASE_URL, or DATABASE_HOST")
        return self

    @property
    def jwt_audiences(self) -> tuple[str, ...]:
        """Whom tokens may be for."""
        return tuple(filter(None, (audience.strip() for audience in self.jwt_audience.split(","))))

    @property
    def jwks_url(self) -> str:
        """Where the issuer's keys are, as Cognito and Auth0 do it where nothing else is said."""
        return self.jwt_jwks_url or f"{(self.jwt_issuer or '').rstrip('/')}/.well-known/jwks.json"

    @model_validator(mode="after")
    def _tokens_are_signed_in_one_way(self) -> Self:
        has_secret = bool(self.jwt_secret or self.jwt_secret_arn)
        if has_secret and self.jwt_jwks_url:
            raise PydanticCustomError("two_ways", "tokens are signed with JWT_SECRET or with the keys at JWT_JWKS_URL")
        if not has_secret and not (self.jwt_issuer and self.jwt_audiences):
            raise PydanticCustomError("no_way", "set JWT_SECRET, or JWT_ISSUER and JWT_AUDIENCE")
        if not has_secret and not TRUSTED_URL.match(self.jwks_url):
            raise PydanticCustomError("open_way", "the keys of JWT_ISSUER must come by https, see JWT_JWKS_URL")
        return self

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read all settings. Raises SettingsError naming those that are missing or wrong, without their values."""
        found = {name: environment[name.upper()] for name in cls.model_fields if environment.get(name.upper())}
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            wrong = "; ".join(
                ": ".join([*(str(name).upper() for name in item["loc"]), item["msg"]]) for item in error.errors()
            )
            raise SettingsError(f"the environment lacks settings: {wrong}") from None
