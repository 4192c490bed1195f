"""The template in an account of moto's: what its CloudFormation makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra import parts
from local.account import ACCOUNT, REGION

from .cloudformation import STACK, Template

REGIONS = iter(["ap-south-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"])
UNKNOWN = "moto's CloudFormation does not know it"
NOT_MADE = {
    "AWS::ApiGateway::Account": UNKNOWN,
    "AWS::CloudWatch::Alarm": f"{UNKNOWN}; its CloudWatch does, and a test makes them there",
    "AWS::RDS::DBCluster": UNKNOWN,
    "AWS::RDS::DBClusterParameterGroup": UNKNOWN,
    "AWS::RDS::DBInstance": "it is one of a cluster",
    "AWS::RDS::DBProxy": UNKNOWN,
    "AWS::RDS::DBProxyTargetGroup": UNKNOWN,
    "AWS::SNS::Subscription": UNKNOWN,
    "AWS::Scheduler::ScheduleGroup": UNKNOWN,
    "AWS::SecretsManager::Secret": UNKNOWN,
}
"""The types of resources that are left out, and why. Of those that are made, moto forgets which managed policies a role
has, with which key a log group is encrypted, where a function logs and leaves its dead letters, and which subnets a
route table is for: that is looked at in the template."""
FUNCTION = "AWS::Lambda::Function"
AS_THEY_ARE = ("FunctionName", "Description", "Role", "MemorySize", "Timeout", "VpcConfig")


@dataclass(frozen=True)
class Account:
    """A region of moto's with the template in it."""

    region: str
    parameters: dict[str, str]
    made: dict[str, str]
    """The names or ARNs of all that was made, by their names in the template."""

    @property
    def key_arn(self) -> str:
        return f"arn:aws:kms:{self.region}:{ACCOUNT}:key/{self.made['Key']}"

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name=self.region)

    def resources(self, kind: str) -> dict[str, Any]:
        """The properties of resources of a type, with the names that the others have in the account."""
        queue = self.made["DeadLetters"].rpartition("/")[2]
        attributes = {
            "Key.Arn": self.key_arn,
            "DeadLetters.Arn": f"arn:aws:sqs:{self.region}:{ACCOUNT}:{queue}",
            "DeadLetters.QueueName": queue,
        }
        found = Template(self.parameters, self.made | attributes).resources
        return {name: each["Properties"] for name, each in found.items() if type_of(each) == kind}


@contextmanager
def deployed(**parameters: str) -> Iterator[Account]:
    """Meanwhile what moto makes of the template is in a region where nothing else is."""
    region = next(REGIONS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        with mock_aws():
            body = json.dumps({"Resources": makeable(parameters)}).replace(REGION, region)
            cloudformation = boto3.client("cloudformation", region_name=region)
            cloudformation.create_stack(StackName=STACK, TemplateBody=body)
            assert cloudformation.describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
            found = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
            made = {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in found}
            yield Account(region, parameters, made)


def makeable(parameters: dict[str, str]) -> dict[str, Any]:
    """The resources of the template that moto's CloudFormation can make, as it takes them."""
    types = {name: type_of(each) for name, each in parts.merged()["Resources"].items()}
    kept = [name for name, kind in types.items() if kind and kind not in NOT_MADE]
    template = Template(parameters, {"TokenSecret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:token"}, kept)
    common, found = template.functions, template.resources
    return {
        name: _function(common, found[name]["Properties"]) if types[name] == FUNCTION else found[name]
        for name in kept
        if name in found
    }


def type_of(resource: dict[str, Any]) -> str | None:
    """The type of a resource; None where Chalice makes it and the template only adds to it."""
    if "FunctionName" in resource.get("Properties", {}) and "Type" not in resource:
        return FUNCTION
    return resource.get("Type")


def _function(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """As SAM makes it of what Chalice makes, without the code."""
    properties = {key: each for key, each in (common | own).items() if key in AS_THEY_ARE}
    of_chalice = {"Code": {"ZipFile": "app = None"}, "Handler": "app.app", "Runtime": "python3.13"}
    return {"Type": FUNCTION, "Properties": of_chalice | properties}
