"""Who calls what of AWS, noted down while tests run: each call of boto3, by the Lambda that made it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from botocore.client import BaseClient
from chalice import Chalice

from local.account import ACCOUNT, REGION
from tests.infra.policies import Call, Policies

API = "APIHandler"
NO_EXECUTION = "by hand"
"""What tests/e2e/test_by_hand.py gives its runs, so that no one looks after them; AWS knows no such ARN."""
_caller: ContextVar[str | None] = ContextVar("caller", default=None)

Calls = set[tuple[str, Call]]
"""Of a Lambda, by its name in the template."""


@contextmanager
def noted(app: Chalice) -> Iterator[Calls]:
    """The calls that the app's Lambdas make meanwhile, in threads of theirs as well."""
    calls: Calls = set()
    served = type(app)
    call, serve = BaseClient._make_api_call, served.__call__  # noqa: SLF001 - what all of boto3 goes through
    submit = ThreadPoolExecutor.submit
    handlers = {name: app.handler_map[name] for name in lambdas(app)}

    def note(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if (caller := _caller.get()) is not None:
            service = client.meta.service_model.service_name
            calls.update((caller, made) for made in _named(service, operation, parameters))
        return call(client, operation, parameters)

    def submit_as_caller(pool: ThreadPoolExecutor, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        return submit(pool, _as(_caller.get(), function), *args, **named)

    BaseClient._make_api_call = note  # noqa: SLF001
    ThreadPoolExecutor.submit = submit_as_caller  # type: ignore[method-assign]
    served.__call__ = _as(API, serve)
    for name, handler in handlers.items():
        app.handler_map[name] = _as(named_in_template(name), handler)
    try:
        yield calls
    finally:
        BaseClient._make_api_call = call  # noqa: SLF001
        ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]
        served.__call__ = serve
        app.handler_map.update(handlers)


def refused(calls: Calls, policies: Policies) -> list[str]:
    """Those that no policy of their Lambda allows."""
    return sorted(
        f"{caller}: {call.action} on {call.resource}"
        for caller, call in frozenset(calls)
        if call.resource != NO_EXECUTION and not policies.allow(caller, call)
    )


def lambdas(app: Chalice) -> list[str]:
    """The names of those besides the one of the API."""
    return [function.name for function in (*app.pure_lambda_functions, *app.event_sources)]


def named_in_template(handler: str) -> str:
    """As Chalice does it."""
    return "".join(part.title() for part in handler.split("_"))


def _as(name: str | None, function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, **named: Any) -> Any:
        token = _caller.set(name)
        try:
            return function(*args, **named)
        finally:
            _caller.reset(token)

    return called


def _named(service: str, operation: str, given: Mapping[str, Any]) -> Iterator[Call]:
    """As policies name it (https://docs.aws.amazon.com/service-authorization/latest/reference/)."""
    prefix, action = action_of(service, operation).split(":")
    yield Call(f"{prefix}:{action}", _RESOURCES[prefix](operation, given))
    role = given.get("roleArn") or given.get("Target", {}).get("RoleArn")
    if role:
        yield Call("iam:PassRole", role, f"{prefix}.amazonaws.com")


def action_of(service: str, operation: str) -> str:
    """The action of an operation."""
    prefix = {"stepfunctions": "states"}.get(service, service)
    return f"{prefix}:{({'Invoke': 'InvokeFunction'}).get(operation, operation)}"


def _of_account(service: str, rest: str) -> str:
    return rest if rest.startswith("arn:") else f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def _state_machine(operation: str, given: Mapping[str, Any]) -> str:
    if operation == "CreateStateMachine":
        return _of_account("states", f"stateMachine:{given['name']}")
    return str(given.get("stateMachineArn") or given.get("executionArn") or "*")


def _rule(operation: str, given: Mapping[str, Any]) -> str:
    if operation == "PutEvents":
        bus = given["Entries"][0]["EventBusName"]
        return bus if bus.startswith("arn:") else _of_account("events", f"event-bus/{bus}")
    name = given.get("Rule") or given.get("Name")
    return _of_account("events", f"rule/{name}") if name else "*"


def _schedule(_operation: str, given: Mapping[str, Any]) -> str:
    return _of_account("scheduler", f"schedule/{given['GroupName']}/{given['Name']}") if "Name" in given else "*"


def _secret(_operation: str, given: Mapping[str, Any]) -> str:
    name = str(given.get("SecretId") or given["Name"])
    return name if name.startswith("arn:") else _of_account("secretsmanager", f"secret:{name}-AbCdEf")


def _queue(_operation: str, given: Mapping[str, Any]) -> str:
    return _of_account("sqs", given["QueueUrl"].rpartition("/")[2])


_RESOURCES: dict[str, Callable[[str, Mapping[str, Any]], str]] = {
    "states": _state_machine,
    "events": _rule,
    "scheduler": _schedule,
    "secretsmanager": _secret,
    "sqs": _queue,
    "lambda": lambda _operation, given: _of_account("lambda", f"function:{given['FunctionName']}"),
    "sns": lambda _operation, given: str(given["TopicArn"]),
}
