"""What nodes reach in the account: functions, event buses, topics and queues, as far as their workspace may."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from uuid import UUID

from chalicelib.jsontext import from_text, to_text
from chalicelib.node_contract import NodeFailure

if TYPE_CHECKING:
    from chalicelib.settings import Settings

EVERYONE = "*"
CONNECT_SECONDS = 5
CACHED_CLIENTS = 32
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
"""Of a call that is waited for (AWS Lambda quotas)."""
MAX_MESSAGE_BYTES = 256 * 1024
"""Of an event or a message with its attributes (quotas of Amazon EventBridge, SNS and SQS)."""
TRY_AGAIN = frozenset(
    {
        "EC2ThrottledException", "InternalFailure", "KMSThrottled", "KMSThrottlingException", "RequestLimitExceeded",
        "RequestThrottled", "ResourceNotReadyException", "ServiceException", "ServiceUnavailable", "SlowDown",
        "Throttled", "Throttling", "ThrottlingException", "TooManyRequestsException",
    }
)  # fmt: skip
"""The codes of refusals that took nothing in (the error pages of Lambda, EventBridge, SNS and SQS)."""


class AccountTargets:
    """The targets of all workspaces; `ALLOWED_TARGETS` says which may reach what."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.client = lru_cache(maxsize=CACHED_CLIENTS)(self._client)
        """The client of a service for calls that may take so many seconds. Nothing is sent twice behind our back."""

    def of(self, workspace_id: UUID) -> WorkspaceTargets:
        """Those of one workspace."""
        allowed = self._settings.allowed_targets
        patterns = [*allowed.get(EVERYONE, []), *allowed.get(str(workspace_id), [])]
        return WorkspaceTargets(self._settings, self.client, patterns)

    def _client(self, service: str, seconds: int) -> Any:
        import boto3  # noqa: PLC0415 - 100 ms that only callers of AWS pay
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=CONNECT_SECONDS, read_timeout=seconds, retries={"mode": "standard", "total_max_attempts": 1}
        )
        return boto3.client(service, region_name=self._settings.aws_region, config=config)


class WorkspaceTargets:
    """All raise NodeFailure: for what is not allowed, what AWS refuses, and what did not answer in time."""

    def __init__(self, settings: Settings, client: Callable[[str, int], Any], allowed: list[str]) -> None:
        self._settings = settings
        self._client_of = client
        self._allowed = allowed

    def invoke(self, function_name: str, payload: Any, seconds: int) -> Any:
        """What a function returns for a payload: JSON."""
        self._check(self._function_arn(function_name), f"function {function_name}")
        text = to_text(payload)
        _check_size("payload", MAX_PAYLOAD_BYTES, text)
        with _our_failures("Lambda"):
            answer = self._client_of("lambda", seconds).invoke(FunctionName=function_name, Payload=text)
            content = _json(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise _function_failed(function_name, content)
        return content

    def put_event(self, event_bus: str, source: str, detail_type: str, detail: Mapping[str, Any], seconds: int) -> str:
        """The id of an event that a bus took."""
        self._check(self._bus_arn(event_bus), f"event bus {event_bus}")
        _check_size("event", MAX_MESSAGE_BYTES, source, detail_type, to_text(detail))
        entry = {"EventBusName": event_bus, "Source": source, "DetailType": detail_type, "Detail": to_text(detail)}
        with _our_failures("EventBridge"):
            (taken,) = self._client_of("events", seconds).put_events(Entries=[entry])["Entries"]
        if "EventId" not in taken:
            raise _refused("EventBridge", taken["ErrorCode"], taken["ErrorMessage"])
        return str(taken["EventId"])

    def publish(self, topic_arn: str, message: str, more: Mapping[str, Any], seconds: int) -> str:
        """The id of a message that a topic took."""
        self._check(topic_arn, f"topic {topic_arn}")
        _check_size("message", MAX_MESSAGE_BYTES, message, *_attribute_texts(more))
        with _our_failures("SNS"):
            answer = self._client_of("sns", seconds).publish(TopicArn=topic_arn, Message=message, **more)
        return str(answer["MessageId"])

    def send_message(self, queue_url: str, message: str, more: Mapping[str, Any], seconds: int) -> str:
        """The id of a message that a queue took."""
        self._check(_queue_arn(queue_url), f"queue {queue_url}")
        _check_size("message", MAX_MESSAGE_BYTES, message, *_attribute_texts(more))
        with _our_failures("SQS"):
            answer = self._client_of("sqs", seconds).send_message(QueueUrl=queue_url, MessageBody=message, **more)
        return str(answer["MessageId"])

    def _check(self, arn: str, what: str) -> None:
        if not any(fnmatchcase(arn, pattern) for pattern in self._allowed):
            raise NodeFailure("not_allowed", f"the workspace may not reach {what}; an operator can allow {arn}")

    def _function_arn(self, name: str) -> str:
        """What its owner means is what is checked: other forms of a name may lead to other accounts."""
        if not _FUNCTION.fullmatch(name):
            raise NodeFailure("bad_function_name", f"{name[:200]} is neither a function's name nor its ARN")
        return name if name.startswith("arn:") else f"{self._account('lambda')}:function:{name}"

    def _bus_arn(self, name: str) -> str:
        return name if name.startswith("arn:") else f"{self._account('events')}:event-bus/{name}"

    def _account(self, service: str) -> str:
        return f"arn:{self._partition}:{service}:{self._settings.aws_region}:{self._settings.aws_account_id}"

    @cached_property
    def _partition(self) -> str:
        return self._settings.state_machine_role_arn.split(":")[1]


_FUNCTION = re.compile(
    r"(?!function:)(arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:)?[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_$-]{1,128})?",
    re.ASCII,
)


def _check_size(what: str, limit: int, *texts: str) -> None:
    size = sum(len(text.encode()) for text in texts)
    if size > limit:
        raise NodeFailure(f"{what}_too_large", f"the {what} has {size:,} bytes; at most {limit:,} can be sent")


def _attribute_texts(more: Mapping[str, Any]) -> Iterator[str]:
    for name, attribute in more.get("MessageAttributes", {}).items():
        yield from (name, *attribute.values())


def _queue_arn(url: str) -> str:
    """Of a queue's URL (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html)."""
    parts = urlsplit(url)
    found = re.fullmatch(r"sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?", parts.netloc)
    path = re.fullmatch(r"/(\d{12})/([\w-]{1,80}(?:\.fifo)?)", parts.path, re.ASCII)
    if not found or not path or parts.scheme != "https" or parts.query or parts.fragment:
        raise NodeFailure(
            "bad_queue_url", f"{url} is no queue's URL, as in https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
        )
    partition = "aws-cn" if found[2] else "aws"
    return f"arn:{partition}:sqs:{found[1]}:{path[1]}:{path[2]}"


@contextmanager
def _our_failures(service: str) -> Iterator[None]:
    from botocore.exceptions import (  # noqa: PLC0415 - with the client, when first used
        BotoCoreError,
        ClientError,
        ConnectTimeoutError,
        EndpointConnectionError,
        HTTPClientError,
        IncompleteReadError,
        ReadTimeoutError,
        SSLError,
    )
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        told = cast("dict[str, str]", error.response["Error"])
        raise _refused(service, told.get("Code", "refused"), told.get("Message", "")) from None
    except (ConnectTimeoutError, EndpointConnectionError):
        raise NodeFailure("no_connection", f"{service} can't be reached", retryable=True) from None
    except ReadTimeoutError:
        raise NodeFailure("timed_out", f"{service} did not answer in time; it may have been done") from None
    except ResponseParserError:
        raise NodeFailure("no_answer", f"{service} gave an answer that can't be read; it may have been done") from None
    except (HTTPClientError, IncompleteReadError, SSLError) as error:  # after it was sent, or who knows when
        raise NodeFailure("no_answer", f"the call of {service} broke off; it may have been done: {error}") from None
    except BotoCoreError as error:
        raise NodeFailure("refused", f"{service} was not called: {error}") from None


def _refused(service: str, code: str, message: str) -> NodeFailure:
    return NodeFailure("refused", f"{service} refused: {code}: {message}", retryable=code in TRY_AGAIN)


def _function_failed(name: str, content: Any) -> NodeFailure:
    told = content if isinstance(content, dict) else {}
    kind, message = told.get("errorType", "error"), told.get("errorMessage", content)
    return NodeFailure("function_failed", f"{name} failed: {kind}: {message}", details={"error_type": kind})


def _json(content: bytes) -> Any:
    try:
        return from_text(content) if content else None
    except (ValueError, RecursionError):
        raise NodeFailure("not_json", "the function returned what is no JSON") from None
