"""Lambda functions run by this process instead of a container."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from moto.awslambda_simple.models import LambdaSimpleBackend

Handler = Callable[[str, dict[str, Any]], Any]


def run_lambdas_with(handler: Handler) -> None:
    """Run an invoked function by calling `handler(function_name, event)`; moto answers with the payload.

    As with Lambda, an exception is a FunctionError whose type is its class name, an asynchronous
    invocation is answered before the function runs, and a qualifier is no part of its name.
    """

    def invoke(
        _backend: Any,
        function_name: str,
        _qualifier: Any,
        body: Any,
        headers: Any,
        response_headers: dict[str, str],
    ) -> bytes:
        name, event = _bare_name(function_name), json.loads(body or "{}")
        if headers.get("X-Amz-Invocation-Type") == "Event":
            threading.Thread(target=_run, args=(handler, name, event), daemon=True).start()
            return b""
        payload, error = _run(handler, name, event)
        if error:
            response_headers["x-amz-function-error"] = error
        return payload

    LambdaSimpleBackend.invoke = invoke


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
