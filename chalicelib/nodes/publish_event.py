"""publish_event: sends an event to EventBridge, or a message to an SNS topic or an SQS queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StrictStr, StringConstraints, ValidationInfo, model_validator

from chalicelib.compiler.node_type import Config, Evaluated, Example, Expression, NodeType, is_drawn
from chalicelib.compiler.settings import Whole
from chalicelib.compiler.terms import Kind
from chalicelib.jsontext import to_text
from chalicelib.node_contract import Context, Result

Text = Annotated[StrictStr, StringConstraints(min_length=1, max_length=2048)]
MAX_DELAY_SECONDS = 900
"""Of a message in SQS (Amazon SQS message quotas)."""

_NEEDS: Mapping[str, frozenset[str]] = {
    "eventbridge": frozenset({"source", "detail_type"}),
    "sns": frozenset({"topic_arn", "message"}),
    "sqs": frozenset({"queue_url", "message"}),
}
_TAKES: Mapping[str, frozenset[str]] = {
    "eventbridge": frozenset({"event_bus", "detail"}),
    "sns": frozenset({"subject", "attributes", "group_id", "deduplication_id"}),
    "sqs": frozenset({"delay_seconds", "attributes", "group_id", "deduplication_id"}),
}


class PublishEventConfig(Config):
    """Where to send, and what; each place takes keys of its own."""

    to: Literal["eventbridge", "sns", "sqs"] = Field(description="Where to send.")
    event_bus: Text | None = Field(
        None, description="eventbridge: the name or the ARN of a bus; null is the default one."
    )
    source: Text | None = Field(None, description="eventbridge: required.")
    detail_type: Text | None = Field(None, description="eventbridge: required.")
    detail: dict[str, Any] | Expression | Evaluated = Field(
        default_factory=dict, description="eventbridge: what the event says."
    )
    topic_arn: Text | None = Field(None, description="sns: required.")
    subject: Text | None = Field(None, description="sns: the subject of mails.")
    queue_url: Text | None = Field(None, description="sqs: required.")
    message: Any = Field(None, description="sns, sqs: required. What is no text is sent as JSON.")
    delay_seconds: Annotated[Whole, Field(ge=0, le=MAX_DELAY_SECONDS)] | None = Field(
        None, description="sqs: how long nobody gets the message."
    )
    attributes: dict[str, StrictStr] = Field(
        default_factory=dict, max_length=10, description="sns, sqs: texts by name."
    )
    group_id: Text | None = Field(
        None, description="sns, sqs, where order is kept (FIFO): in what the message has a place."
    )
    deduplication_id: Text | None = Field(
        None, description="sns, sqs, where order is kept (FIFO): of messages with the same one, one is taken."
    )

    @model_validator(mode="after")
    def _fits_its_target(self, info: ValidationInfo) -> PublishEventConfig:
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        missing = sorted(_NEEDS[self.to] - given)
        if missing:
            raise ValueError(f"{self.to} needs {' and '.join(missing)}")
        if extra := sorted(given - _NEEDS[self.to] - _TAKES[self.to] - {"to"}):
            raise ValueError(f"{self.to} takes no {' and no '.join(extra)}")
        if (self.topic_arn or self.queue_url or "").endswith(".fifo") and self.group_id is None:
            raise ValueError(f"{self.to} needs group_id where order is kept (.fifo)")
        if not is_drawn(info) and not isinstance(self.detail, dict):
            raise ValueError("detail must be an object")
        return self


def run(config: PublishEventConfig, context: Context) -> Result:
    """Send it. The output is the id that it was given."""
    targets, seconds = context.targets, context.timeout_seconds
    if config.to == "eventbridge":
        named = (config.event_bus or "default", config.source or "", config.detail_type or "")
        assert isinstance(config.detail, dict)
        return Result(targets.put_event(*named, config.detail, seconds))
    text = config.message if isinstance(config.message, str) else to_text(config.message)
    if config.to == "sns":
        more = {**_common(config), "Subject": config.subject}
        return Result(targets.publish(config.topic_arn or "", text, _given(more), seconds))
    more = {**_common(config), "DelaySeconds": config.delay_seconds}
    return Result(targets.send_message(config.queue_url or "", text, _given(more), seconds))


def _common(config: PublishEventConfig) -> dict[str, Any]:
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in config.attributes.items()}
    return {
        "MessageAttributes": attributes or None,
        "MessageGroupId": config.group_id,
        "MessageDeduplicationId": config.deduplication_id,
    }


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


NODE_TYPE = NodeType(
    name="publish_event",
    label="Publish event",
    description="Sends an event to EventBridge, or a message to an SNS topic or an SQS queue.",
    config=PublishEventConfig,
    run=run,
    output="the id that the event or message was given",
    example=Example(
        graph={
            "nodes": [
                {
                    "id": "tell",
                    "type": "publish_event",
                    "data": {
                        "config": {
                            "to": "eventbridge",
                            "source": "shop",
                            "detail_type": "order placed",
                            "detail": {"id": "{% $input.id %}"},
                        }
                    },
                },
                {
                    "id": "told",
                    "type": "transform",
                    "data": {"config": {"value": "{% $exists($nodes.tell.output) ? 'told' : 'not told' %}"}},
                },
            ],
            "edges": [{"id": "e1", "source": "tell", "target": "told"}],
        },
        needs="`ALLOWED_TARGETS` names the account's default bus.",
        input={"id": 7},
        output="told",
    ),
    kind=Kind.IO,
    default_attempts=3,
)
