"""Holds every answer that a test gets against the API's own document."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import jsonschema_rs

import app
from chalicelib.reference.document import describe

EDGE = frozenset({404, 405, 411, 413, 431})
"""What whoever stands before the app may answer to any request, such as to a path that is not there."""


def check(method: str, path: str, status: int, content_type: str, body: Any) -> None:
    """Fails for an answer that the document does not tell, also for a key too many."""
    if method == "OPTIONS":
        return  # a browser's question, which Chalice answers
    operation = _operation(method, path.rstrip("/"))
    if operation is None or (status in EDGE and str(status) not in operation["responses"]):
        assert status in EDGE, f"{method} {path} is not in the document, and the answer is {status}"
        return
    assert str(status) in operation["responses"], f"{method} {path}: the document does not tell of {status}"
    response = _resolved(operation["responses"][str(status)])
    if "content" not in response:
        assert body is None, body
        return
    assert content_type in response["content"], content_type
    for error in _validator(json.dumps(response["content"][content_type]["schema"])).iter_errors(body):
        raise AssertionError(f"{method} {path}: at {error.instance_path}: {error.message[:1000]}")


@cache
def document() -> dict[str, Any]:
    """With objects that have no more keys than those that are told."""
    return dict(_closed(json.loads(json.dumps(describe(app.app.routes)))))


def _operation(method: str, path: str) -> Any:
    for template, operations in sorted(document()["paths"].items(), key=lambda item: item[0].count("{")):
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) and method.lower() in operations:
            return operations[method.lower()]
    return None


def _resolved(response: Any) -> Any:
    name = response.get("$ref", "").removeprefix("#/components/responses/")
    return document()["components"]["responses"][name] if name else response


@cache
def _validator(schema: str) -> Any:
    whole = {**json.loads(schema), "components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    is_open_object = "properties" in schema and schema.get("type") == "object"
    return {"additionalProperties": False, **closed} if is_open_object else closed
