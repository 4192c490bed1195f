"""The only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError


class SettingsError(Exception):
    """A setting is missing or can't be read."""


class Settings(BaseModel):
    """What an operator decides, each by the environment variable of its name in upper case. Sizes in bytes."""

    model_config = ConfigDict(frozen=True)

    database_url: str = Field(repr=False)
    database_pool_size: int = Field(1, ge=1)
    jwt_secret: str = Field(min_length=32, repr=False)
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

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read all settings. Raises SettingsError naming those that are missing or wrong, without their values."""
        found = {name: environment[name.upper()] for name in cls.model_fields if environment.get(name.upper())}
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            wrong = "; ".join(f"{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
            raise SettingsError(f"the environment lacks settings: {wrong}") from None
