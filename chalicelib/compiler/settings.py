"""What every node may set besides its config, and what a graph may set for its runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, field_validator, model_validator

from chalicelib.model import Model

MAX_CALL_SECONDS = 840
"""A Lambda call ends after 900 seconds (AWS Lambda quotas); the rest is for reading and writing results."""
MAX_RUN_SECONDS = 31_536_000
"""An execution ends after a year (AWS Step Functions quotas)."""


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 2.0 is a whole number, and `true` is none at all."""
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004 - pydantic reads ValueError
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole), Field(strict=True)]


def _without_null(data: Any) -> Any:
    return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class RetrySettings(Model):
    """How a failed attempt is made again; bounds are those of Step Functions' Retry field."""

    model_config = ConfigDict(extra="forbid")

    max_attempts: Annotated[Whole, Field(ge=1, le=50)] = 3
    interval_seconds: Annotated[Whole, Field(ge=1, le=86_400)] = 1
    backoff_rate: Annotated[float, Field(ge=1, le=100, strict=True)] = 2.0
    max_delay_seconds: Annotated[Whole, Field(ge=1, le=86_400)] | None = None
    jitter: StrictBool = False

    @model_validator(mode="before")
    @classmethod
    def _null_is_unset(cls, data: Any) -> Any:
        return _without_null(data)

    @field_validator("jitter", mode="before")
    @classmethod
    def _as_step_functions_says_it(cls, value: Any) -> Any:
        """Step Functions' own words for it, FULL and NONE, are taken too."""
        return {"FULL": True, "NONE": False}.get(value.upper(), value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _delay_fits(self) -> RetrySettings:
        if self.max_delay_seconds is not None and self.max_delay_seconds < self.interval_seconds:
            raise ValueError("max_delay_seconds must not be less than interval_seconds")
        return self


class NodeSettings(Model):
    """The keys of a node's `data` that mean something, besides `config`; all others are layout."""

    model_config = ConfigDict(extra="ignore")

    label: str = ""
    retry: RetrySettings | None = None
    timeout_seconds: Annotated[Whole, Field(ge=1, le=MAX_RUN_SECONDS)] | None = None
    on_error: Literal["fail", "continue", "branch"] = "fail"
    join: Literal["any", "all"] = "any"
    disabled: StrictBool = False

    @model_validator(mode="before")
    @classmethod
    def _null_is_unset(cls, data: Any) -> Any:
        return _without_null(data)

    @field_validator("label", mode="before")
    @classmethod
    def _label_is_for_people(cls, value: Any) -> Any:
        """A canvas may keep anything as its label; only a text names the node in messages."""
        return value if isinstance(value, str) else ""


class RunSettings(Model):
    """The keys of a graph's `settings` that mean something; all others are layout."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    timeout_seconds: Annotated[Whole, Field(ge=1, le=MAX_RUN_SECONDS)] | None = None
    """How long a run may take, from when it leaves the queue; one that takes longer is `timed_out`."""
    max_concurrent_runs: Annotated[Whole, Field(ge=1, le=100_000)] | None = None
    overlap: Literal["queue", "skip", "allow"] | None = None
    """What becomes of a run when so many go on: it waits for its turn, it ends at once, or it runs all the same."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_unset(cls, data: Any) -> Any:
        return _without_null(data)

    @property
    def limit(self) -> int | None:
        """How many runs of the workflow may go on at once; None is any number."""
        if self.overlap == "allow":
            return None
        return self.max_concurrent_runs or (1 if self.overlap else None)

    @property
    def skips(self) -> bool:
        """Whether a run that is over the limit ends at once."""
        return self.overlap == "skip"
