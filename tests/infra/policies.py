"""What the roles of the template allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, NamedTuple, Self

from chalicelib.aws.event_scheduler import GROUP
from chalicelib.settings import Settings
from local.account import ACCOUNT, REGION

from .cloudformation import STACK, Template

ANY = f"arn:aws:{{}}:{REGION}:{ACCOUNT}:*"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
TOKEN_SECRET, MASTER_SECRET = f"{STACK}-token-secret", f"rds!cluster-{STACK}"
DEAD_LETTERS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK}-dead-letters"
EVERYTHING = {
    "AllowedFunctions": ANY.format("lambda"),
    "AllowedEventBuses": ANY.format("events"),
    "AllowedTopics": ANY.format("sns"),
    "AllowedQueues": ANY.format("sqs"),
    "Tracing": "yes",
}
"""The parameters with which most is allowed."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of AWS as its policies name it; `passed_to` is the service that is given the role, of iam:PassRole."""

    action: str
    resource: str
    passed_to: str | None = None


class Permission(NamedTuple):
    """One action on resources of one pattern."""

    action: str
    resource: str
    passed_to: str | None = None

    def allows(self, call: Call) -> bool:
        return (
            call.action == self.action
            and fnmatchcase(call.resource, self.resource)
            and self.passed_to in (None, call.passed_to)
        )


class Policies:
    """What each Lambda may do, by its name in the template."""

    def __init__(self, template: Template) -> None:
        self._resources = template.resources
        self.permissions = cache(self._permissions)
        """All that a Lambda may do."""

    @classmethod
    def of_stack(cls, settings: Settings) -> Self:
        """Those of a stack of one machine, were it an installation where everything is allowed that can be."""
        known = {
            "StateMachineRole.Arn": settings.state_machine_role_arn,
            "SchedulerRole.Arn": settings.scheduler_role_arn,
            "ScheduleGroup": GROUP,
            "TokenSecret": f"{SECRET}{TOKEN_SECRET}-??????",
            "Database.MasterUserSecret.SecretArn": f"{SECRET}{MASTER_SECRET}-??????",
            "DeadLetters.Arn": DEAD_LETTERS,
        }
        return cls(Template(EVERYTHING, known))

    def _permissions(self, function: str) -> frozenset[Permission]:
        return frozenset(
            Permission(action, resource, _passed_to(statement))
            for statement in self._statements(function)
            for action in _listed(statement["Action"])
            for resource in _listed(statement["Resource"])
        )

    def unused(self, function: str, calls: Iterable[Call]) -> set[Permission]:
        """What it may do and does not by any of these calls."""
        made = tuple(calls)
        return {each for each in self.permissions(function) if not any(map(each.allows, made))}

    def allow(self, function: str, call: Call) -> bool:
        """Whether it may make a call."""
        return any(permission.allows(call) for permission in self.permissions(function))

    def managed(self, function: str) -> list[str]:
        """The managed policies of its role, by their names in the template."""
        return [name.strip("<>") for name in self._role(function)["ManagedPolicyArns"]]

    def _statements(self, function: str) -> Iterator[Mapping[str, Any]]:
        documents = [policy["PolicyDocument"] for policy in self._role(function)["Policies"]]
        documents += [self._resources[name]["Properties"]["PolicyDocument"] for name in self.managed(function)]
        for document in documents:
            yield from (each for each in document["Statement"] if each["Effect"] == "Allow")

    def _role(self, function: str) -> dict[str, Any]:
        arn = str(self._resources[function]["Properties"]["Role"])
        name = arn.rpartition(":")[2].strip("<>").removesuffix(".Arn")
        role: dict[str, Any] = self._resources[name]["Properties"]
        return role


def _passed_to(statement: Mapping[str, Any]) -> str | None:
    service: str | None = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
    return service


def _listed(value: str | list[str]) -> list[str]:
    """Actions or resources, of which a policy may name one alone."""
    return [value] if isinstance(value, str) else value
