"""Each Lambda may do what it does, as all tests before saw it, and hardly anything else."""

from __future__ import annotations

import pytest

from chalicelib.aws.event_scheduler import GROUP
from chalicelib.bootstrap import services
from local.account import ACCOUNT, REGION
from tests.aws_calls import API, Calls
from tests.client import Api, edge, graph, node

from .cloudformation import Template
from .policies import Call, Policies, listed

ANY, SECRET = f"arn:aws:{{}}:{REGION}:{ACCOUNT}:*", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
NO_EXECUTION = "by hand"
"""What tests/e2e/test_by_hand.py gives its runs, so that no one looks after them; AWS knows no such ARN."""
LAMBDAS = {
    API,
    "RunUnit",
    "ScheduleTrigger",
    "ExecutionStatus",
    "Reconcile",
    "ReconcileSchedules",
    "DeleteOrphanedSecrets",
    "Migrate",
}

BY_AWS = {
    "logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage", "kms:Decrypt",
    "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
}  # fmt: skip
"""What Lambda and Secrets Manager do in a role's name."""
AT_LOGIN = {"rds-db:connect"}
"""What is called of no API: the token of a login is made here, and the database asks what it allows."""


@pytest.fixture(scope="module")
def policies() -> Policies:
    everything = {
        "AllowedFunctions": ANY.format("lambda"),
        "AllowedEventBuses": ANY.format("events"),
        "AllowedTopics": ANY.format("sns"),
        "AllowedQueues": ANY.format("sqs"),
    }
    settings = services().settings
    known = {
        "StateMachineRole.Arn": settings.state_machine_role_arn,
        "SchedulerRole.Arn": settings.scheduler_role_arn,
        "ScheduleGroup": GROUP,
    }
    return Policies(Template(everything, known))


def test_a_lambda_may_call_what_it_calls(owner: Api, aws_calls: Calls, policies: Policies) -> None:
    workflow_id = owner.create(graph([node("a"), node("b")], edge("a", "b")))["id"]
    owner.ended(workflow_id, owner.execute(workflow_id)["id"])
    owner.send("PUT", f"/{workflow_id}/schedule", {"cron": "0 8 * * *"})
    owner.send("DELETE", f"/{workflow_id}")
    assert {call.action for caller, call in aws_calls if caller == API} >= {"states:StartExecution", "events:PutRule"}
    refused = [
        (caller, call)
        for caller, call in aws_calls
        if call.resource != NO_EXECUTION and not policies.allow(caller, call)
    ]
    assert refused == []


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("function", "call"),
    [
        ("RunUnit", Call("events:PutRule", ANY.format("events"))),
        ("RunUnit", Call("secretsmanager:PutSecretValue", f"{SECRET}stepgraph/x")),
        (API, Call("secretsmanager:GetSecretValue", f"{SECRET}other-x")),
        (API, Call("states:StartExecution", "arn:aws:states:us-east-1:123456789012:stateMachine:other")),
        (API, Call("events:DeleteRule", "arn:aws:events:us-east-1:123456789012:rule/other")),
        (API, Call("iam:PassRole", "arn:aws:iam::123456789012:role/admin", "states.amazonaws.com")),
        ("Migrate", Call("states:StartExecution", "arn:aws:states:us-east-1:123456789012:stateMachine:stepgraph-x")),
    ],
)  # fmt: skip
def test_what_is_not_its_own_is_not_allowed(policies: Policies, function: str, call: Call) -> None:
    assert not policies.allow(function, call)


@pytest.mark.usefixtures("stack")
def test_a_role_is_passed_to_the_service_alone_that_it_is_for(policies: Policies) -> None:
    role = services().settings.state_machine_role_arn
    assert policies.allow("RunUnit", Call("iam:PassRole", role, "states.amazonaws.com"))
    assert not policies.allow("RunUnit", Call("iam:PassRole", role, "ec2.amazonaws.com"))


def test_nothing_is_allowed_without_an_allow_list() -> None:
    closed = Policies(Template())
    for action in ("lambda:InvokeFunction", "events:PutEvents", "sns:Publish", "sqs:SendMessage"):
        assert action not in closed.actions("RunUnit")


def test_only_what_has_no_resource_is_allowed_on_all() -> None:
    everything = Policies(Template({"Tracing": "yes"}))
    on_all = {
        action
        for name in LAMBDAS
        for statement in everything.statements(name)
        if statement["Resource"] == "*"
        for action in listed(statement["Action"])
    }
    tracing = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    network = {action for action in BY_AWS if action.startswith("ec2:")}
    assert on_all == {"states:SendTaskSuccess", "events:ListRules", "scheduler:ListSchedules"} | tracing | network


UNUSED: dict[str, set[str]] = {}
"""What a Lambda may do and no test made it do, each for a reason."""


def test_what_is_allowed_is_used(request: pytest.FixtureRequest, aws_calls: Calls, policies: Policies) -> None:
    if request.config.args != ["tests"] or not request.config.getoption("--all"):
        pytest.skip("only all tests together tell what is used, in full")
    used: dict[str, set[str]] = {name: set() for name in LAMBDAS}
    for caller, call in aws_calls:
        used[caller].add(call.action)
    unused = {name: policies.actions(name) - used[name] - BY_AWS - AT_LOGIN for name in LAMBDAS}
    assert {name: actions for name, actions in unused.items() if actions} == UNUSED
