"""What moto makes of the template: that it is there in each of its kinds, and fits together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.cloudformation.parsing import resource_class_from_type

from infra import parts
from local.account import ACCOUNT, REGION
from local.stack import Stack
from tests.aws_calls import API, lambdas, named_in_template

from .account import FUNCTION, NOT_MADE, UNKNOWN, Account, deployed, type_of
from .cloudformation import STACK

OF_AN_OPERATOR = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:resize"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"
DAYS = 90


@pytest.fixture(scope="module")
def account(stack: Stack) -> Iterator[Account]:
    """Where an operator decided for most. The stack is there before, since moto's settings are undone in their turn."""
    assert stack
    with deployed(
        InternetAccess="nat-per-zone",
        AllowedFunctions=OF_AN_OPERATOR,
        LogRetentionDays=str(DAYS),
        AlarmEmail="operator@example.com",
        Tracing="yes",
    ) as found:
        yield found


def test_what_moto_knows_is_made_and_nothing_else_is_left_out(account: Account) -> None:
    types = {name: type_of(each) for name, each in parts.merged()["Resources"].items()}
    in_place_of_gateways = {"AWS::EC2::VPCEndpoint"}
    made = {types[name] for name in account.made}
    assert made == set(types.values()) - NOT_MADE.keys() - in_place_of_gateways - {None}
    unknown = {kind for kind, why in NOT_MADE.items() if why.startswith(UNKNOWN)}
    assert {kind for kind in unknown if resource_class_from_type(kind)} == set()


# Lambdas


@pytest.fixture
def functions(account: Account) -> dict[str, Any]:
    """By their names in the template."""
    found = {each["FunctionName"]: each for each in account.client("lambda").list_functions()["Functions"]}
    return {name: found[made] for name, made in account.made.items() if made in found}


def test_each_lambda_has_a_role_that_lambda_alone_takes_on(
    account: Account, functions: dict[str, Any], stack: Stack
) -> None:
    assert functions.keys() == {API, *map(named_in_template, lambdas(stack.app))}
    iam, names = account.client("iam"), {each["Role"].rpartition("/")[2] for each in functions.values()}
    assert len(names) == len(functions)
    for name in names:
        (trusted,) = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert (trusted["Principal"], trusted["Action"]) == ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole")


def test_lambdas_are_in_private_subnets_of_two_zones(account: Account, functions: dict[str, Any]) -> None:
    private = [account.made["PrivateSubnetA"], account.made["PrivateSubnetB"]]
    subnets = account.client("ec2").describe_subnets(SubnetIds=private)["Subnets"]
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 2
    for function in functions.values():
        assert function["VpcConfig"]["SubnetIds"] == private
        assert function["VpcConfig"]["SecurityGroupIds"] == [account.made["LambdaSecurityGroup"]]


def test_of_rules_ours_alone_may_call_the_trigger(account: Account) -> None:
    policy = json.loads(account.client("lambda").get_policy(FunctionName=account.made["ScheduleTrigger"])["Policy"])
    (allowed,) = policy["Statement"]
    rules = f"arn:aws:events:{account.region}:{ACCOUNT}:rule/stepgraph-*"
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    assert allowed["Condition"] == {"ArnLike": {"AWS:SourceArn": rules}}


def test_an_event_that_a_lambda_fails_with_is_kept_encrypted(account: Account, stack: Stack) -> None:
    queue = account.client("sqs").get_queue_attributes(QueueUrl=account.made["DeadLetters"], AttributeNames=["All"])
    kept = queue["Attributes"]
    assert (kept["SqsManagedSseEnabled"], int(kept["MessageRetentionPeriod"])) == ("true", 14 * 24 * 60 * 60)
    by_events = {"ScheduleTrigger", *(named_in_template(each.name) for each in stack.app.event_sources)}
    found = account.resources(FUNCTION)
    assert {name for name, each in found.items() if "DeadLetterQueue" in each} == by_events
    assert {each["DeadLetterQueue"]["TargetArn"] for each in map(found.get, by_events) if each} == {kept["QueueArn"]}


# What is kept, and what someone is told


def test_logs_are_kept_for_as_long_as_the_operator_says_and_encrypted(account: Account) -> None:
    there = account.client("logs").describe_log_groups()["logGroups"]
    groups = account.resources("AWS::Logs::LogGroup")
    assert {each["logGroupName"]: int(each["retentionInDays"]) for each in there} == {
        account.made[name]: DAYS for name in groups
    }
    assert {each["KmsKeyId"] for each in groups.values()} == {account.key_arn}
    for function in account.resources(FUNCTION).values():
        assert function["LoggingConfig"]["LogGroup"] == f"/aws/lambda/{function['FunctionName']}"


def test_the_key_is_for_logs_and_alarms_too_and_rotates(account: Account) -> None:
    client, key = account.client("kms"), {"KeyId": account.made["Key"]}
    assert client.get_key_rotation_status(**key)["KeyRotationEnabled"]
    statements = client.get_key_policy(**key, PolicyName="default")["Policy"]["Statement"]
    services = {each["Principal"].get("Service") for each in statements}
    assert services == {None, f"logs.{account.region}.amazonaws.com", "cloudwatch.amazonaws.com"}


def test_traffic_that_is_refused_is_logged(account: Account) -> None:
    (log,) = account.client("ec2").describe_flow_logs()["FlowLogs"]
    assert (log["ResourceId"], log["TrafficType"]) == (account.made["Vpc"], "REJECT")
    assert log["LogGroupName"] == account.made["FlowLogs"]


def test_alarms_tell_of_what_is_there_to_an_encrypted_topic(account: Account, functions: dict[str, Any]) -> None:
    client, topic = account.client("cloudwatch"), account.made["Alarms"]
    for name, alarm in account.resources("AWS::CloudWatch::Alarm").items():
        client.put_metric_alarm(AlarmName=name, **alarm | {"Threshold": float(alarm["Threshold"])})
    alarms = client.describe_alarms()["MetricAlarms"]
    assert {name for alarm in alarms for name in alarm["AlarmActions"]} == {topic}
    assert all(alarm["AlarmActions"] and alarm["ActionsEnabled"] for alarm in alarms)
    named = {(each["Name"], each["Value"]) for alarm in alarms for each in alarm.get("Dimensions", ())}
    there = {each["FunctionName"] for each in functions.values()}
    assert {value for name, value in named if name == "FunctionName"} <= there
    assert {value for name, value in named if name == "QueueName"} == {f"{STACK}-dead-letters"}
    attributes = account.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["KmsMasterKeyId"] == account.key_arn


def test_every_alarm_is_on_the_dashboard(account: Account) -> None:
    (dashboard,) = account.client("cloudwatch").list_dashboards()["DashboardEntries"]
    assert dashboard["DashboardName"] == STACK
    (shown,) = account.resources("AWS::CloudWatch::Dashboard").values()
    widgets = json.loads(shown["DashboardBody"])["widgets"]
    (alarms,) = (each["properties"]["alarms"] for each in widgets if each["type"] == "alarm")
    names = {arn.rpartition(":")[2].strip("<>").removesuffix(".Arn") for arn in alarms}
    assert names == account.resources("AWS::CloudWatch::Alarm").keys()


# The network, in its kinds


def nat_gateways(ec2: Any) -> set[str]:
    """To which routes lead."""
    routes = [route for table in ec2.describe_route_tables()["RouteTables"] for route in table["Routes"]]
    return {route["NatGatewayId"] for route in routes if "NatGatewayId" in route}


@pytest.mark.parametrize(("access", "gateways"), [("one-nat", 1), ("nat-per-zone", 2), ("none", 0)])
def test_lambdas_go_out_as_the_operator_says(access: str, gateways: int) -> None:
    with deployed(InternetAccess=access, AllowedFunctions=OF_AN_OPERATOR, AllowedQueues=QUEUE) as account:
        ec2 = account.client("ec2")
        assert len(nat_gateways(ec2)) == gateways
        assert len(ec2.describe_internet_gateways()["InternetGateways"]) == min(gateways, 1)
        services = {each["ServiceName"].rpartition(".")[2] for each in ec2.describe_vpc_endpoints()["VpcEndpoints"]}
    assert services == (set() if gateways else {"states", "events", "scheduler", "secretsmanager", "lambda", "sqs"})


@pytest.mark.parametrize("proxy", ["no", "yes"])
def test_only_the_lambdas_and_the_proxy_reach_the_database(proxy: str) -> None:
    with deployed(DatabaseProxy=proxy) as account:
        groups = account.client("ec2").describe_security_groups()["SecurityGroups"]
    names = {each["GroupId"]: each["Description"] for each in groups}
    (rules,) = (each["IpPermissions"] for each in groups if each["Description"].startswith("The database"))
    assert all((rule["FromPort"], rule["ToPort"], rule["IpRanges"]) == (5432, 5432, []) for rule in rules)
    sources = {names[pair["GroupId"]].split(".")[0] for rule in rules for pair in rule["UserIdGroupPairs"]}
    assert sources == {"The Lambdas", *(["RDS Proxy"] if proxy == "yes" else [])}
