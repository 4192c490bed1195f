"""trigger: where a run begins; passes on the run's input. As a webhook it gives the workflow an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from chalicelib.compiler.node_type import Config, Context, NodeType, Result
from chalicelib.compiler.webhook import Header, Hmac, Webhook

METHODS = ("POST",)

Methods = Annotated[list[Literal["GET", "POST", "PUT", "PATCH", "DELETE"]], Field(min_length=1)]


class TriggerConfig(Config):
    """`kind`: who starts runs besides people and schedules; all else is of a webhook, and read before a run: it can't
    be an expression."""

    kind: Literal["manual", "webhook"] = "manual"
    methods: Methods | None = None
    """Which requests are taken; POST alone without it."""
    hmac: Hmac | None = None
    dedupe_header: Header | None = None

    @field_validator("methods", "hmac", "dedupe_header")
    @classmethod
    def _is_of_a_webhook(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("kind") == "manual":
            raise ValueError('is for kind "webhook"')
        return value


def webhook(config: Mapping[str, Any]) -> Webhook | None:
    """What it asks of requests; None where it is no webhook."""
    drawn = TriggerConfig.model_validate(config)
    if drawn.kind != "webhook":
        return None
    return Webhook(methods=tuple(drawn.methods or METHODS), hmac=drawn.hmac, dedupe_header=drawn.dedupe_header)


def run(_config: TriggerConfig, context: Context) -> Result:
    """The run's input is the output."""
    return Result(context.input)


NODE_TYPE = NodeType(
    name="trigger",
    label="Trigger",
    description="Starts the workflow and passes on the input of the run.",
    config=TriggerConfig,
    run=run,
    webhook=webhook,
)
