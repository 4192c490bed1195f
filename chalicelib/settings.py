"""The only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


class SettingsError(Exception):
    """A setting is missing or can't be read."""


@dataclass(frozen=True)
class Settings:
    """What an operator decides. Sizes are in bytes."""

    database_url: str
    jwt_secret: str
    region: str
    account_id: str
    run_unit_function: str
    """ARN or name of the Lambda behind every Task state."""
    state_machine_role: str
    """ARN of the role that state machines take on."""
    pool_size: int = 1
    allow_private_http: bool = False
    """Whether http_request may reach loopback and private addresses."""
    max_graph_bytes: int = 1024 * 1024
    max_graph_nodes: int = 500
    max_input_bytes: int = 256 * 1024
    max_output_bytes: int = 6 * 1024 * 1024

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read all settings. Raises SettingsError naming those that are missing or wrong."""
        reader = _Reader(environment)
        settings = {
            "database_url": reader.text("DATABASE_URL"),
            "jwt_secret": reader.text("JWT_SECRET"),
            "region": reader.text("AWS_REGION"),
            "account_id": reader.text("AWS_ACCOUNT_ID"),
            "run_unit_function": reader.text("RUN_UNIT_FUNCTION"),
            "state_machine_role": reader.text("STATE_MACHINE_ROLE_ARN"),
            "pool_size": reader.number("DATABASE_POOL_SIZE", cls.pool_size),
            "allow_private_http": reader.flag("ALLOW_PRIVATE_HTTP", default=cls.allow_private_http),
            "max_graph_bytes": reader.number("MAX_GRAPH_BYTES", cls.max_graph_bytes),
            "max_graph_nodes": reader.number("MAX_GRAPH_NODES", cls.max_graph_nodes),
            "max_input_bytes": reader.number("MAX_INPUT_BYTES", cls.max_input_bytes),
            "max_output_bytes": reader.number("MAX_OUTPUT_BYTES", cls.max_output_bytes),
        }
        if reader.problems:
            raise SettingsError("; ".join(reader.problems))
        return cls(**settings)


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        value = self.environment.get(name, "")
        if not value:
            self.problems.append(f"{name} is not set")
        return value

    def number(self, name: str, default: int) -> int:
        value = self.environment.get(name, "")
        if value and not value.isdigit():
            self.problems.append(f"{name} must be a whole number, not {value!r}")
            return default
        return int(value) if value else default

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.environment.get(name, "").lower()
        if value not in ("", "true", "false"):
            self.problems.append(f"{name} must be true or false, not {value!r}")
        return value == "true" if value else default
