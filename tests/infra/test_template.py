"""The template without an account: what it tells the Lambdas, and what moto's CloudFormation makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation.parsing import resource_class_from_type

from chalicelib.settings import Settings
from infra import parts
from local.account import REGION
from local.stack import Stack
from tests.aws_calls import API, lambdas, named_in_template

from .cloudformation import STACK, Template

FUNCTION = f"arn:aws:lambda:{REGION}:123456789012:function:resize"
REGIONS = iter(["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"])
QUEUE = f"arn:aws:sqs:{REGION}:123456789012:orders"


def settings(**parameters: str) -> Settings:
    return Settings.from_environment(Template(parameters).environment | {"AWS_REGION": REGION})


def test_the_lambdas_can_read_what_they_are_told() -> None:
    found = settings()
    assert (found.database_host, found.database_is_proxied) == ("<arn>:" * 6 + "<Database.Endpoint.Address>", False)
    assert found.run_unit_function.endswith(f":function:{STACK}-run-unit")
    assert found.keep_runs_days is None
    assert settings(DatabaseProxy="yes").database_is_proxied
    assert settings(KeepRunsDays="90").keep_runs_days == 90


def test_nodes_reach_what_is_listed_unless_workspaces_are_told_apart() -> None:
    listed = {"AllowedFunctions": FUNCTION, "AllowedQueues": f"{QUEUE},{QUEUE}2"}
    assert set(settings(**listed).allowed_targets["*"]) == {FUNCTION, QUEUE, f"{QUEUE}2", ""}
    assert settings(**listed, AllowedTargets='{"w": ["x"]}').allowed_targets == {"w": ["x"]}


def test_every_setting_of_the_template_is_one() -> None:
    told = set(Template().environment)
    for resource in parts.merged()["Resources"].values():
        told |= set(resource.get("Properties", {}).get("Environment", {}).get("Variables", {}))
    assert {name.lower() for name in told} <= {each.name for each in fields(Settings)}


def test_every_lambda_has_a_role_of_its_own_and_a_name(stack: Stack) -> None:
    handlers = map(named_in_template, lambdas(stack.app))
    resources = parts.merged()["Resources"]
    found = {name: resources.get(name, {}).get("Properties", {}) for name in {API, *handlers}}
    assert all({"Role", "FunctionName", "LoggingConfig"} <= set(each) for each in found.values()), found
    assert len({str(each["Role"]) for each in found.values()}) == len(found)


def test_two_parts_do_not_define_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("Resources: {Key: {Type: a}}")
    (tmp_path / "b.yaml").write_text("Resources: {Key: {Type: b}}")
    with pytest.raises(parts.PartsError, match=r"b\.yaml: Resources has Key already"):
        parts.merged(tmp_path)


# In moto


@pytest.fixture
def region() -> Iterator[str]:
    """A region of moto's in which nothing is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        with mock_aws():
            yield next(REGIONS)


def deploy(region: str, **parameters: str) -> Any:
    """As much of the template as moto knows; EC2 as it is then."""
    known = [name for name, each in parts.merged()["Resources"].items() if _is_known(each)]
    resources = Template(parameters, kept=known).resources
    body = {"Resources": {name: resources[name] for name in known if name in resources}}
    cloudformation = boto3.client("cloudformation", region_name=region)
    cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(body).replace(REGION, region))
    assert cloudformation.describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    return boto3.client("ec2", region_name=region)


def _is_known(resource: dict[str, Any]) -> bool:
    return resource.get("Type", "").startswith("AWS::EC2") and resource_class_from_type(resource["Type"]) is not None


def nat_gateways(ec2: Any) -> set[str]:
    """To which routes lead."""
    routes = [route for table in ec2.describe_route_tables()["RouteTables"] for route in table["Routes"]]
    return {route["NatGatewayId"] for route in routes if "NatGatewayId" in route}


def test_subnets_of_the_database_have_no_routes() -> None:
    resources = Template({"InternetAccess": "nat-per-zone"}).resources.values()
    kinds = {"AWS::EC2::SubnetRouteTableAssociation"}
    routed = {each["Properties"]["SubnetId"] for each in resources if each.get("Type") in kinds}
    assert routed == {"<PublicSubnetA>", "<PublicSubnetB>", "<PrivateSubnetA>", "<PrivateSubnetB>"}


@pytest.mark.parametrize(("access", "gateways"), [("one-nat", 1), ("nat-per-zone", 2), ("none", 0)])
def test_lambdas_go_out_as_the_operator_says(region: str, access: str, gateways: int) -> None:
    ec2 = deploy(region, InternetAccess=access, AllowedFunctions=FUNCTION, AllowedQueues=QUEUE)
    assert len(nat_gateways(ec2)) == gateways
    assert len(ec2.describe_internet_gateways()["InternetGateways"]) == min(gateways, 1)
    services = {each["ServiceName"].rpartition(".")[2] for each in ec2.describe_vpc_endpoints()["VpcEndpoints"]}
    assert services == (set() if gateways else {"states", "events", "scheduler", "secretsmanager", "lambda", "sqs"})


@pytest.mark.parametrize("proxy", ["no", "yes"])
def test_only_the_lambdas_and_the_proxy_reach_the_database(region: str, proxy: str) -> None:
    ec2 = deploy(region, DatabaseProxy=proxy)
    names = {each["GroupId"]: each["Description"] for each in ec2.describe_security_groups()["SecurityGroups"]}
    (database,) = (name for name, text in names.items() if text.startswith("The database"))
    rules = ec2.describe_security_groups(GroupIds=[database])["SecurityGroups"][0]["IpPermissions"]
    assert all((rule["FromPort"], rule["ToPort"], rule["IpRanges"]) == (5432, 5432, []) for rule in rules)
    sources = {names[pair["GroupId"]].split(".")[0] for rule in rules for pair in rule["UserIdGroupPairs"]}
    assert sources == {"The Lambdas", *(["RDS Proxy"] if proxy == "yes" else [])}
