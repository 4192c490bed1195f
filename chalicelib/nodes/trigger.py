"""trigger: where a run begins; passes on the run's input. As a webhook it gives the workflow an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from chalicelib.compiler.node_type import Config, Example, NodeType
from chalicelib.compiler.webhook import Header, Hmac, Webhook
from chalicelib.node_contract import Context, Result

METHODS = ("POST",)

Methods = Annotated[list[Literal["GET", "POST", "PUT", "PATCH", "DELETE"]], Field(min_length=1)]


class TriggerConfig(Config):
    """Who starts runs. It is read before a run, so nothing in it can be an expression."""

    kind: Literal["manual", "webhook"] = Field(
        "manual",
        description='"webhook" gives the workflow a URL; each request to it starts a run with `{body, headers, query}`.'
        " A workflow has one at most. People and schedules start runs of either kind. All of it is read before a run:"
        " none can be an expression.",
    )
    methods: Methods | None = Field(
        None,
        description="webhook: which requests are taken, of GET, POST, PUT, PATCH and DELETE; POST alone without it.",
    )
    hmac: Hmac | None = Field(None, description="webhook: how requests are signed. Those that are not are refused.")
    dedupe_header: Header | None = Field(
        None, description="webhook: requests with the same value of this header within a day are one run."
    )

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
    output="the run's input",
    example=Example(
        graph={
            "nodes": [
                {"id": "order", "type": "trigger"},
                {
                    "id": "thanks",
                    "type": "transform",
                    "data": {"config": {"value": "Thank you for order {% $nodes.order.output.id %}"}},
                },
            ],
            "edges": [{"id": "e1", "source": "order", "target": "thanks"}],
        },
        input={"id": 7},
        output="Thank you for order 7",
    ),
)
