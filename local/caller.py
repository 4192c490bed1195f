"""Calling the API of a running stack as the owner of the local workspace."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import urllib3

from .address import Address

CALL_SECONDS = 15


class CallError(Exception):
    """A call did not work, in words for who made it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The HTTP API below `/workflows` of the workspace; a path that begins with `../` is below the workspace itself."""

    address: Address

    def send(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """The status and the JSON of an answer; None where it has no body. Raises CallError."""
        below = path.removeprefix("..") if path.startswith("../") else f"/workflows{path}"
        url = f"{self.address.url}/api/v1/workspaces/{self.address.workspace_id}{below}"
        headers = {"Authorization": f"Bearer {self.address.owner_token}", "Content-Type": "application/json"}
        try:
            answer = urllib3.request(
                method, url, body=body, headers=headers, timeout=CALL_SECONDS, retries=False, redirect=False
            )
            return answer.status, answer.json() if answer.data else None
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise CallError(f"{method} {url} did not work: {error}") from None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer that is no error. Raises CallError."""
        status, content = self.send(method, path, None if body is None else json.dumps(body).encode())
        if status >= HTTPStatus.BAD_REQUEST:
            raise CallError(f"{method} {path} answered {status}: {_detail(content)}")
        return content

    def answers(self) -> bool:
        """Whether anyone is there."""
        try:
            self.call("GET", "/?limit=1")
        except CallError:
            return False
        return True


def _detail(content: Any) -> str:
    return str(content.get("detail", content)) if isinstance(content, dict) else str(content)
