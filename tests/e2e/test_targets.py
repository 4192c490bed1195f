"""Nodes that reach into the account: functions, buses, topics and queues, in moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from chalicelib.aws.targets import AccountTargets
from chalicelib.bootstrap import services
from chalicelib.node_contract import NodeFailure
from local import moto_corrections
from local.stack import Stack
from tests.client import Api, graph, node

REGION, ACCOUNT = "us-east-1", "123456789012"
URL = "https://lambda.example.com"
MAYBE_DONE = "it may have been done"


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "Invoke")


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


def greet(event: dict[str, Any]) -> Any:
    if "name" not in event:
        raise KeyError("name")
    return {"hello": event["name"]}


@pytest.fixture
def functions(stack: Stack) -> Iterator[None]:
    """A function of the account besides our own."""

    def invoke(name: str, event: dict[str, Any]) -> Any:
        return greet(event) if name == "greet" else stack.app.handler_map[name](event, None)

    undo = moto_corrections.run_lambdas_with(invoke)
    yield
    undo()


def call(**config: Any) -> dict[str, Any]:
    return graph([node("call", "lambda", {"function_name": "greet", **config})])


def send(**config: Any) -> dict[str, Any]:
    return graph([node("send", "publish_event", config)])


def error_of(run: dict[str, Any]) -> dict[str, Any]:
    (result,) = run["node_results"].values()
    return dict(result["error"])


class TestFunctions:
    pytestmark = pytest.mark.usefixtures("functions")

    @pytest.mark.parametrize("name", ["greet", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:greet:live"])
    def test_what_it_returns_is_the_output(self, owner: Api, name: str) -> None:
        run = owner.run(call(function_name=name, payload={"name": "{% $input.who %}"}), {"who": "Ada"})
        assert (run["status"], run["output"]) == ("succeeded", {"hello": "Ada"})

    def test_what_it_raises_is_the_error(self, owner: Api) -> None:
        run = owner.run(call())
        error = error_of(run)
        assert (error["code"], error["error_type"]) == ("function_failed", "KeyError")
        assert error["message"] == "greet failed: KeyError: 'name'"
        assert run["node_results"]["call"]["attempts"] == 1


class TestMessages:
    def test_a_queue_takes_one(self, owner: Api) -> None:
        url = client("sqs").create_queue(QueueName=f"orders-{uuid4().hex}")["QueueUrl"]
        config = {"message": {"order": "{% $input.n %}"}, "attributes": {"kind": "new"}, "delay_seconds": 0}
        run = owner.run(send(to="sqs", queue_url=url, **config), {"n": 7})
        (message,) = client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
        assert (run["output"], json.loads(message["Body"])) == (message["MessageId"], {"order": 7})
        assert message["MessageAttributes"]["kind"]["StringValue"] == "new"

    def test_a_queue_that_keeps_order_takes_one_once(self, owner: Api) -> None:
        url = client("sqs").create_queue(QueueName=f"o-{uuid4().hex}.fifo", Attributes={"FifoQueue": "true"})[
            "QueueUrl"
        ]
        once = {"group_id": "g", "deduplication_id": "{% $input %}", "message": "text"}
        drawn = send(to="sqs", queue_url=url, **once)
        for _ in range(2):
            owner.run(drawn, "same")
        messages = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        assert [message["Body"] for message in messages] == ["text"]

    def test_a_topic_takes_one(self, owner: Api) -> None:
        topic = client("sns").create_topic(Name=f"news-{uuid4().hex}")["TopicArn"]
        url = client("sqs").create_queue(QueueName=f"reader-{uuid4().hex}")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"
        client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        run = owner.run(send(to="sns", topic_arn=topic, message="hello", subject="Hi"))
        (message,) = client("sqs").receive_message(QueueUrl=url)["Messages"]
        body = json.loads(message["Body"])
        assert (body["MessageId"], body["Message"], body["Subject"]) == (run["output"], "hello", "Hi")

    def test_a_bus_takes_one_beside_schedules(self, owner: Api) -> None:
        owner.send("PUT", f"/{owner.create(graph([node('a')]))['id']}/schedule", {"cron": "0 8 * * *"})
        url = client("sqs").create_queue(QueueName=f"events-{uuid4().hex}")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"
        rule = f"to-{uuid4().hex}"
        source = f"shop.{rule}"
        client("events").put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
        client("events").put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn}])
        run = owner.run(
            send(to="eventbridge", source=source, detail_type="ordered", detail="{% $input %}"), {"sku": "A-7"}
        )
        (message,) = client("sqs").receive_message(QueueUrl=url)["Messages"]
        event = json.loads(message["Body"])
        assert (event["id"], event["detail-type"], event["detail"]) == (run["output"], "ordered", {"sku": "A-7"})
        client("events").remove_targets(Rule=rule, Ids=["1"])
        client("events").delete_rule(Name=rule)

    def test_what_aws_refuses_is_told(self, owner: Api) -> None:
        url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/nowhere"
        error = error_of(owner.run(send(to="sqs", queue_url=url, message="x")))
        assert error["code"] == "refused"
        assert error["message"].startswith("SQS refused: ")

    @pytest.mark.parametrize("url", ["https://example.com/123456789012/q", "http://169.254.169.254/", "q"])
    def test_only_a_queue_has_a_queue_url(self, owner: Api, url: str) -> None:
        assert error_of(owner.run(send(to="sqs", queue_url=url, message="x")))["code"] == "bad_queue_url"

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"to": "sqs", "message": "x"}, "sqs needs queue_url"),
            ({"to": "sns", "topic_arn": "t", "message": "x", "delay_seconds": 1}, "sns takes no delay_seconds"),
            ({"to": "eventbridge"}, "eventbridge needs detail_type and source"),
            ({"to": "sns", "topic_arn": "arn:x.fifo", "message": "x"}, "sns needs group_id where order is kept"),
            ({"to": "email"}, "must be 'eventbridge', 'sns' or 'sqs'"),
            ({"to": "sqs", "queue_url": "u", "message": 1, "delay_seconds": 901}, "at most 900"),
        ],
    )
    def test_what_a_target_needs_is_told_on_save(self, owner: Api, config: dict[str, Any], message: str) -> None:
        answer = owner.send("POST", "", {"name": "x", "graph_definition": send(**config)})
        assert answer.status == 422
        assert message in answer.body["errors"][0]["message"]


class TestAllowed:
    @pytest.fixture
    def targets(self, stack: Stack) -> AccountTargets:
        assert stack
        queues = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:open-*"]
        allowed = {"*": queues, str(MINE): [f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:billing*"]}
        return AccountTargets(replace(services().settings, allowed_targets=allowed))

    def test_only_what_the_operator_allows_is_reached(self, targets: AccountTargets) -> None:
        with pytest.raises(NodeFailure, match="may not reach function greet; an operator can allow arn:aws:lambda:"):
            targets.of(MINE).invoke("greet", {}, 5)
        with pytest.raises(NodeFailure, match="may not reach function billing"):
            targets.of(uuid4()).invoke("billing", {}, 5)
        with pytest.raises(NodeFailure, match="may not reach"):
            targets.of(MINE).invoke(f"arn:aws:lambda:{REGION}:999999999999:function:billing", {}, 5)
        for reach in (
            lambda: targets.of(MINE).put_event("default", "s", "d", {}, 5),
            lambda: targets.of(MINE).publish(f"arn:aws:sns:{REGION}:{ACCOUNT}:t", "m", {}, 5),
            lambda: targets.of(MINE).send_message(f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/closed", "m", {}, 5),
        ):
            with pytest.raises(NodeFailure, match="may not reach"):
                reach()

    @pytest.mark.parametrize(
        "name", ["999999999999:function:billing", "function:billing", "arn:aws:sqs:r:1:billing", "billing/x", "a b"]
    )
    def test_a_function_has_one_way_to_be_named(self, targets: AccountTargets, name: str) -> None:
        """AWS also takes partial ARNs, which mean another account than the pattern that they match."""
        with pytest.raises(NodeFailure, match="is neither a function's name nor its ARN"):
            targets.of(MINE).invoke(name, {}, 5)

    def test_what_is_too_large_is_told_before_it_is_sent(self, targets: AccountTargets) -> None:
        with pytest.raises(NodeFailure, match="payload has 6,291,457 bytes; at most 6,291,456"):
            targets.of(MINE).invoke("billing", "x" * (6_291_456 - 1), 5)
        url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/open-q"
        more = {"MessageAttributes": {"kind": {"DataType": "String", "StringValue": "new"}}}
        with pytest.raises(NodeFailure, match="message has 262,145 bytes; at most 262,144"):
            targets.of(MINE).send_message(url, "x" * (262_144 - 12), more, 5)

    @pytest.mark.usefixtures("functions")
    def test_what_is_allowed_is_reached(self, targets: AccountTargets) -> None:
        name = f"open-{uuid4().hex}"
        url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
        assert targets.of(uuid4()).send_message(url, "m", {}, 5)
        with pytest.raises(NodeFailure, match="billing failed: "):
            targets.of(MINE).invoke("billing", {}, 5)

    @pytest.mark.parametrize(
        ("raised", "code", "retryable", "words"),
        [
            (refusal("TooManyRequestsException"), "refused", True, "Lambda refused"),
            (refusal("AccessDeniedException"), "refused", False, "Lambda refused"),
            (NoCredentialsError(), "refused", False, "was not called"),
            (EndpointConnectionError(endpoint_url=URL), "no_connection", True, "can't be reached"),
            (ReadTimeoutError(endpoint_url=URL), "timed_out", False, MAYBE_DONE),
            (ConnectionClosedError(endpoint_url=URL), "no_answer", False, MAYBE_DONE),
            (IncompleteReadError(actual_bytes=1, expected_bytes=2), "no_answer", False, MAYBE_DONE),
            (SSLError(endpoint_url=URL, error="broken record"), "no_answer", False, MAYBE_DONE),
            (ResponseParserError("invalid XML received: <html>"), "no_answer", False, MAYBE_DONE),
        ],
    )
    def test_only_what_did_nothing_is_tried_again(
        self,
        targets: AccountTargets,
        monkeypatch: pytest.MonkeyPatch,
        raised: Exception,
        code: str,
        retryable: bool,
        words: str,
    ) -> None:
        def fail(*_: Any) -> None:
            raise raised

        monkeypatch.setattr(BaseClient, "_make_api_call", fail)
        with pytest.raises(NodeFailure) as caught:
            targets.of(MINE).invoke("billing", {}, 5)
        assert (caught.value.code, caught.value.retryable) == (code, retryable)
        assert words in str(caught.value)


MINE = uuid4()
