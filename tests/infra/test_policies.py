"""Each Lambda may do what it does, and nothing that it never does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

import chalicelib.aws
from chalicelib.bootstrap import services
from local.account import ACCOUNT, REGION
from local.stack import Stack
from tests.aws_calls import API, Calls, action_of, lambdas, named_in_template, refused
from tests.upstream import Upstream

from . import scenario
from .cloudformation import Template
from .policies import ANY, DEAD_LETTERS, SECRET, Call, Permission, Policies

NETWORK = {
    "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
}  # fmt: skip
TRACING = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
BY_AWS = {"logs:CreateLogStream", "logs:PutLogEvents", "kms:Decrypt", *NETWORK, *TRACING}
"""What Lambda and Secrets Manager do in a role's name."""
A_DEAD_LETTER = Permission("sqs:SendMessage", DEAD_LETTERS)
"""And that, where an event failed three times."""
AT_LOGIN = {"rds-db:connect"}
"""What is called of no API: the token of a login is made here, and the database asks what it allows."""
EXECUTION = f"arn:aws:states:{REGION}:{ACCOUNT}:execution"
MANAGED_POLICIES = 10
"""Of a role (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
UNUSED: dict[str, set[Permission]] = {}
"""What a Lambda may do and is not made to do here, each with its reason."""


@pytest.fixture(scope="module")
def names(stack: Stack) -> set[str]:
    """Of all Lambdas, in the template."""
    return {API, *map(named_in_template, lambdas(stack.app))}


@pytest.fixture(scope="module")
def policies(stack: Stack) -> Policies:
    assert stack
    return Policies.of_stack(services().settings)


@pytest.fixture(scope="module")
def calls(stack: Stack, base_url: str, upstream: Upstream) -> Calls:
    """All that the Lambdas call of AWS, in a scenario in which they do all that they ever do."""
    return scenario.play(stack, base_url, upstream)


def test_every_call_of_the_code_is_made(calls: Calls) -> None:
    made = {call.action for _, call in calls} - {"iam:PassRole"}
    assert made == {action for file in Path(chalicelib.aws.__path__[0]).glob("*.py") for action in _in_code(file)}


def _in_code(file: Path) -> Iterator[str]:
    """The actions that boto3's methods stand for, of the clients that are made there."""
    found = list(ast.walk(ast.parse(file.read_text())))
    texts = {each.value for each in found if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    named = {each.attr for each in found if isinstance(each, ast.Attribute)} | texts
    for service in texts & set(boto3.Session().get_available_services()):
        operations = boto3.client(service, region_name=REGION).meta.method_to_api_mapping
        yield from (action_of(service, operation) for method, operation in operations.items() if method in named)


def test_what_a_lambda_calls_is_allowed(calls: Calls, policies: Policies) -> None:
    assert refused(calls, policies) == []


def test_what_a_lambda_may_call_it_calls(names: set[str], calls: Calls, policies: Policies) -> None:
    unused = {
        name: {
            permission
            for permission in policies.unused(name, (call for caller, call in calls if caller == name))
            if permission.action not in BY_AWS | AT_LOGIN and permission != A_DEAD_LETTER
        }
        for name in names
    }
    assert {name: permissions for name, permissions in unused.items() if permissions} == UNUSED


@pytest.mark.parametrize(
    ("function", "call"),
    [
        ("RunUnit", Call("events:PutRule", ANY.format("events"))),
        ("RunUnit", Call("secretsmanager:PutSecretValue", f"{SECRET}stepgraph/x")),
        (API, Call("secretsmanager:GetSecretValue", f"{SECRET}other-x")),
        (API, Call("states:StartExecution", "arn:aws:states:us-east-1:123456789012:stateMachine:other")),
        (API, Call("events:DeleteRule", "arn:aws:events:us-east-1:123456789012:rule/other")),
        ("ScheduleTrigger", Call("states:StopExecution", f"{EXECUTION}:stepgraph-x:x")),
        (API, Call("states:DescribeExecution", f"{EXECUTION}:stepgraph-x:x")),
        (API, Call("iam:PassRole", "arn:aws:iam::123456789012:role/admin", "states.amazonaws.com")),
        ("Migrate", Call("states:StartExecution", "arn:aws:states:us-east-1:123456789012:stateMachine:stepgraph-x")),
    ],
)  # fmt: skip
def test_what_is_not_its_own_is_not_allowed(policies: Policies, function: str, call: Call) -> None:
    assert not policies.allow(function, call)


def test_a_role_is_passed_to_the_service_alone_that_it_is_for(policies: Policies) -> None:
    role = services().settings.state_machine_role_arn
    assert policies.allow("RunUnit", Call("iam:PassRole", role, "states.amazonaws.com"))
    assert not policies.allow("RunUnit", Call("iam:PassRole", role, "ec2.amazonaws.com"))


def test_nothing_is_allowed_without_an_allow_list() -> None:
    targets = {"lambda:InvokeFunction", "events:PutEvents", "sns:Publish", "sqs:SendMessage"}
    assert targets & {permission.action for permission in Policies(Template()).permissions("RunUnit")} == set()


def test_only_what_has_no_resource_is_allowed_on_all(names: set[str], policies: Policies) -> None:
    everything = {permission for name in names for permission in policies.permissions(name)}
    on_all = {permission.action for permission in everything if permission.resource == "*"}
    assert on_all == {"states:SendTaskSuccess", "events:ListRules", "scheduler:ListSchedules"} | TRACING | NETWORK


def test_no_role_has_more_policies_than_iam_gives_it(names: set[str], policies: Policies) -> None:
    assert max(len(policies.managed(name)) for name in names) <= MANAGED_POLICIES
