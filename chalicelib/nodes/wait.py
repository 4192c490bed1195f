"""wait: goes on after some seconds or at a time; nothing runs meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator, model_validator

from chalicelib.compiler.node_type import Config, Example, Expression, NodeType, is_drawn
from chalicelib.compiler.settings import MAX_RUN_SECONDS
from chalicelib.compiler.terms import Kind
from chalicelib.node_contract import Context, NodeFailure, WaitUntil


class WaitConfig(Config):
    """Either `seconds` or `until`."""

    seconds: Expression | Annotated[float, Field(ge=0, le=MAX_RUN_SECONDS, strict=True)] | None = Field(
        None, description="How long to wait, up to a year. Set this or `until`."
    )
    until: str | None = Field(
        None, description="An ISO 8601 time, up to a year away; without an offset it is UTC. Set this or `seconds`."
    )

    @field_validator("until")
    @classmethod
    def _is_a_time(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not ("{%" in value and is_drawn(info)):
            _parse(value)
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> WaitConfig:
        if (self.seconds is None) == (self.until is None):
            raise ValueError("set either seconds or until")
        return self


def _parse(value: str) -> datetime:
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be an ISO 8601 time such as 2030-01-31T08:00:00Z") from None


def run(config: WaitConfig, context: Context) -> WaitUntil:
    """Wait until then; a time that has passed is no wait. The output is `{until}`."""
    if config.until is not None:
        until = _parse(config.until)
        if until > context.now + timedelta(seconds=MAX_RUN_SECONDS):
            raise NodeFailure("wait_too_long", f"until {until.isoformat()} is more than a year away")
        return WaitUntil(until)
    assert isinstance(config.seconds, float | int)
    return WaitUntil(context.now + timedelta(seconds=config.seconds))


NODE_TYPE = NodeType(
    name="wait",
    label="Wait",
    description="Waits some seconds or until a time.",
    config=WaitConfig,
    run=run,
    output="`{until}`",
    example=Example(
        graph={
            "nodes": [
                {"id": "pause", "type": "wait", "data": {"config": {"seconds": "{% $input.minutes * 60 %}"}}},
                {"id": "remind", "type": "transform", "data": {"config": {"value": "have you seen our offer?"}}},
            ],
            "edges": [{"id": "e1", "source": "pause", "target": "remind"}],
        },
        input={"minutes": 0.01},
        output="have you seen our offer?",
    ),
    kind=Kind.WAIT,
)
