"""What the roles of the template allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .cloudformation import Template


@dataclass(frozen=True, slots=True)
class Call:
    """A call of AWS as its policies name it; `passed_to` is the service that is given the role, of iam:PassRole."""

    action: str
    resource: str
    passed_to: str | None = None


class Policies:
    """What each Lambda may do, by its name in the template."""

    def __init__(self, template: Template) -> None:
        self._resources = template.resources

    def statements(self, function: str) -> Iterator[Mapping[str, Any]]:
        """What its role allows."""
        role = self._resources[self._role(function)]["Properties"]
        documents = [policy["PolicyDocument"] for policy in role["Policies"]]
        documents += [
            self._resources[name.strip("<>")]["Properties"]["PolicyDocument"] for name in role["ManagedPolicyArns"]
        ]
        for document in documents:
            yield from (each for each in document["Statement"] if each["Effect"] == "Allow")

    def _role(self, function: str) -> str:
        return str(self._resources[function]["Properties"]["Role"].split(":")[-1].strip("<>").removesuffix(".Arn"))

    def allow(self, function: str, call: Call) -> bool:
        """Whether it may make a call."""
        return any(_allows(statement, call) for statement in self.statements(function))

    def actions(self, function: str) -> set[str]:
        """All that it may do with something."""
        return {action for statement in self.statements(function) for action in listed(statement["Action"])}


def _allows(statement: Mapping[str, Any], call: Call) -> bool:
    passed = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
    return (
        call.action in listed(statement["Action"])
        and any(fnmatchcase(call.resource, pattern) for pattern in listed(statement["Resource"]))
        and (passed is None or passed == call.passed_to)
    )


def listed(value: str | list[str]) -> list[str]:
    """Actions or resources, of which a policy may name one alone."""
    return [value] if isinstance(value, str) else value
