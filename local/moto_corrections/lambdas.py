"""Lambda functions run by this process instead of a container."""

# ruff: noqa: SLF001 - moto's insides are what this file is about

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils

Handler = Callable[[str, dict[str, Any]], Any]


def run_lambdas_with(handler: Handler) -> Callable[[], None]:
    """Run an invoked function by calling `handler(function_name, event)`; gives what undoes that.

    As with Lambda, an exception is a FunctionError whose type is its class name, an asynchronous
    invocation is answered before the function runs, and a qualifier is no part of its name. Step Functions
    calls a function without the way through boto3 and moto's HTTP, which took half of a run's time.
    """

    def invoke(
        _backend: Any,
        function_name: str,
        _qualifier: Any,
        body: Any,
        headers: Any,
        response_headers: dict[str, str],
    ) -> bytes:
        asynchronous = headers.get("X-Amz-Invocation-Type") == "Event"
        payload, error = _answer(handler, function_name, body, asynchronous=asynchronous)
        if error:
            response_headers["x-amz-function-error"] = error
        return payload

    def invoke_from_task(parameters: dict[str, Any], **_caller: Any) -> dict[str, Any]:
        asynchronous = parameters.get("InvocationType") == "Event"
        body = parameters.get("Payload")
        payload, error = _answer(handler, parameters["FunctionName"], body, asynchronous=asynchronous)
        answer = {"ExecutedVersion": "$LATEST", "StatusCode": 200, "Payload": json.loads(payload or b"{}")}
        return answer | ({"FunctionError": error} if error else {})

    before = LambdaSimpleBackend.invoke, lambda_eval_utils._invoke_lambda_function

    def undo() -> None:
        LambdaSimpleBackend.invoke, lambda_eval_utils._invoke_lambda_function = before

    LambdaSimpleBackend.invoke, lambda_eval_utils._invoke_lambda_function = invoke, invoke_from_task
    return undo


def _answer(handler: Handler, function_name: str, body: Any, *, asynchronous: bool) -> tuple[bytes, str | None]:
    name, event = _bare_name(function_name), json.loads(body or "{}")
    if asynchronous:
        threading.Thread(target=_run, args=(handler, name, event), daemon=True).start()
        return b"", None
    return _run(handler, name, event)


def _bare_name(function_name: str) -> str:
    parts = function_name.split(":")
    return parts[6] if parts[0] == "arn" else parts[0]


def _run(handler: Handler, name: str, event: dict[str, Any]) -> tuple[bytes, str | None]:
    try:
        result = handler(name, event)
    except Exception as error:  # noqa: BLE001 - Lambda answers whatever a function raises
        return _failure(type(error).__name__, str(error))
    try:
        return json.dumps(result).encode(), None
    except (TypeError, ValueError) as error:
        return _failure("Runtime.MarshalError", f"Unable to marshal response: {error}")


def _failure(error_type: str, message: str) -> tuple[bytes, str]:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode(), "Unhandled"
