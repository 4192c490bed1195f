"""The template as CloudFormation reads it: intrinsic functions resolved for given parameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from infra import parts
from local.account import ACCOUNT, REGION

STACK = "stepgraph"
NO_VALUE = object()


class Template:
    """The parts of the template, for these parameters. `attributes` are those of resources that a test has to know, by
    `Name.Attribute`; all others are made up. References to `kept` resources are left for someone else to resolve."""

    def __init__(
        self,
        parameters: Mapping[str, str] | None = None,
        attributes: Mapping[str, str] | None = None,
        kept: Collection[str] = (),
    ) -> None:
        self._template = parts.merged()
        self._attributes = attributes or {}
        self._kept = kept
        declared = self._template["Parameters"]
        assert set(parameters or {}) <= set(declared)
        self._values: dict[str, Any] = {
            name: self._parameter(found, (parameters or {}).get(name, found["Default"]))
            for name, found in declared.items()
        }
        self._values |= {
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::StackName": STACK,
            "AWS::NoValue": NO_VALUE,
        }

    @staticmethod
    def _parameter(declared: Mapping[str, Any], value: Any) -> Any:
        return str(value).split(",") if declared["Type"] == "CommaDelimitedList" else str(value)

    @property
    def resources(self) -> dict[str, Any]:
        """Those that are made, resolved."""
        return {
            name: self.resolve({key: each for key, each in resource.items() if key != "Condition"})
            for name, resource in self._template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    @property
    def functions(self) -> dict[str, Any]:
        """What all Lambdas have in common."""
        found: dict[str, Any] = self.resolve(self._template["Globals"]["Function"])
        return found

    @property
    def environment(self) -> dict[str, str]:
        """Of all Lambdas."""
        found: dict[str, str] = self.functions["Environment"]["Variables"]
        return found

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template does."""
        return bool(self.resolve(self._template["Conditions"][condition]))

    def resolve(self, value: Any) -> Any:
        """A value without functions."""
        if isinstance(value, list):
            return [found for each in value if (found := self.resolve(each)) is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in _FUNCTIONS:
                return _FUNCTIONS[name](self, argument)
        resolved = {key: self.resolve(each) for key, each in value.items()}
        return {key: each for key, each in resolved.items() if each is not NO_VALUE}

    def ref(self, name: str) -> Any:
        return {"Ref": name} if name in self._kept else self._text(name)

    def attribute(self, argument: str | list[str]) -> Any:
        name = argument if isinstance(argument, str) else ".".join(argument)
        return {"Fn::GetAtt": name.split(".", 1)} if name.split(".", maxsplit=1)[0] in self._kept else self._text(name)

    def _text(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        assert name.split(".", maxsplit=1)[0] in self._template["Resources"], name
        return self._attributes.get(
            name, f"arn:aws:none:{REGION}:{ACCOUNT}:of:<{name}>" if "." in name else f"<{name}>"
        )

    def substituted(self, argument: str | list[Any]) -> str:
        text, more = (argument, {}) if isinstance(argument, str) else argument
        values = self.resolve(more)
        return re.sub(
            r"\$\{([\w.:]+)\}",
            lambda found: str(values[found[1]] if found[1] in values else self._text(found[1])),
            text,
        )

    def mapped(self, argument: list[str]) -> Any:
        found: Any = self._template["Mappings"]
        for key in argument:
            found = found[key]
        return found

    def chosen(self, argument: list[Any]) -> Any:
        condition, when_true, when_false = argument
        return self.resolve(when_true if self.holds(condition) else when_false)


def made_up(attribute: str) -> str:
    """An attribute of a resource that no one made."""
    return f"arn:aws:none:{REGION}:{ACCOUNT}:of:<{attribute}>"


def _equals(template: Template, argument: list[Any]) -> bool:
    first, second = template.resolve(argument)
    return str(first) == str(second)


def _joined(template: Template, argument: list[Any]) -> str:
    separator, values = argument
    return str(separator).join(map(str, template.resolve(values)))


def _selected(template: Template, argument: list[Any]) -> Any:
    index, values = argument
    return template.resolve(values)[int(index)]


def _split(template: Template, argument: list[Any]) -> list[str]:
    return str(template.resolve(argument[1])).split(argument[0])


_FUNCTIONS: dict[str, Any] = {
    "Ref": Template.ref,
    "Condition": lambda template, argument: (
        template.holds(argument) if isinstance(argument, str) else {"Condition": template.resolve(argument)}
    ),
    "Fn::GetAtt": Template.attribute,
    "Fn::Sub": Template.substituted,
    "Fn::If": Template.chosen,
    "Fn::Equals": _equals,
    "Fn::Not": lambda template, argument: not template.resolve(argument[0]),
    "Fn::And": lambda template, argument: all(map(template.resolve, argument)),
    "Fn::Or": lambda template, argument: any(map(template.resolve, argument)),
    "Fn::Join": _joined,
    "Fn::Select": _selected,
    "Fn::Split": _split,
    "Fn::GetAZs": lambda _template, _argument: [f"{REGION}a", f"{REGION}b"],
    "Fn::Cidr": lambda _template, argument: [f"10.20.{number}.0/24" for number in range(argument[1])],
    "Fn::FindInMap": lambda template, argument: template.mapped([str(each) for each in template.resolve(argument)]),
}
