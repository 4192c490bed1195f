"""The template without an account: what it tells the Lambdas, and that its parts fit together."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from chalicelib.settings import Settings
from infra import parts
from local.account import REGION
from local.stack import Stack
from tests.aws_calls import API, lambdas, named_in_template

from .cloudformation import STACK, Template, made_up

FUNCTION = f"arn:aws:lambda:{REGION}:123456789012:function:resize"
QUEUE = f"arn:aws:sqs:{REGION}:123456789012:orders"


def settings(**parameters: str) -> Settings:
    return Settings.from_environment(Template(parameters).environment | {"AWS_REGION": REGION})


def test_the_lambdas_can_read_what_they_are_told() -> None:
    found = settings()
    assert (found.database_host, found.database_is_proxied) == (made_up("Database.Endpoint.Address"), False)
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


def test_subnets_of_the_database_have_no_routes() -> None:
    resources = Template({"InternetAccess": "nat-per-zone"}).resources.values()
    kinds = {"AWS::EC2::SubnetRouteTableAssociation"}
    routed = {each["Properties"]["SubnetId"] for each in resources if each.get("Type") in kinds}
    assert routed == {"<PublicSubnetA>", "<PublicSubnetB>", "<PrivateSubnetA>", "<PrivateSubnetB>"}
