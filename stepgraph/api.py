"""The API over HTTP: JSON in and out, errors as exceptions, pages as one list."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

import urllib3

from .configuration import Connection
from .errors import ProblemError, UnreachableError, UsageError

PAGE = 250
"""The most that the API lists at once."""
TIMEOUT = urllib3.Timeout(connect=5, read=60)
TRIES_AGAIN = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


_ERRNO = re.compile(r"\[Errno -?\d+\] ")


class Answer(dict[str, Any]):
    """A JSON object that the API answered. A key that every such answer has is missing only where it is another API."""

    def __missing__(self, key: str) -> NoReturn:
        raise UnreachableError(f"the answer has no {key!r}", "is this the URL of a Stepgraph API?")


class Api:
    """The API below a workspace; paths begin there, such as `/workflows/<id>`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._pool = urllib3.PoolManager(timeout=TIMEOUT)

    def get(self, path: str, **query: Any) -> Answer:
        """Read. Raises ProblemError, UnreachableError, UsageError."""
        asked = {key: value for key, value in query.items() if value is not None}
        return self._send("GET", f"{path}?{urlencode(asked)}" if asked else path)

    def post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> Answer:
        """Make or do something; with an idempotency key, at most once however often it has to be sent."""
        return self._send("POST", path, body, {"Idempotency-Key": key} if key else {})

    def put(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Change something."""
        return self._send("PUT", path, body)

    def delete(self, path: str) -> None:
        """Remove something."""
        self._send("DELETE", path)

    def items(self, path: str, **query: Any) -> Iterator[Answer]:
        """All of a list, a page at a time."""
        cursor: str | None = None
        while True:
            page = self.get(path, **{"limit": PAGE, **query, "cursor": cursor})
            yield from map(Answer, page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        url = f"{self.connection.url}/api/v1/workspaces/{quote(self.connection.workspace, safe='')}{path}"
        sent = {"Authorization": f"Bearer {self.connection.token}", "Accept": "application/json", **(headers or {})}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        try:
            answer = self._pool.request(
                method, url, body=content, headers=sent, redirect=False, retries=_retries(method, sent)
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from None
        except ValueError as error:
            raise UsageError(f"the request can't be sent: {error}") from None
        return self._read(answer)

    def _unreachable(self, error: Exception) -> UnreachableError:
        reason = getattr(error, "reason", None) or error
        words = _ERRNO.sub("", str(reason).rpartition(": ")[2])
        hint = "on this machine `make run` starts it" if self.connection.is_local else ""
        return UnreachableError(f"{self.connection.url} does not answer: {words}", hint)

    def _read(self, answer: urllib3.BaseHTTPResponse) -> Answer:
        try:
            content = json.loads(answer.data) if answer.data else {}
        except ValueError:
            content = None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ProblemError(answer.status, content if isinstance(content, dict) else {})
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES or not isinstance(content, dict):
            raise UnreachableError(
                f"{self.connection.url} answered {answer.status} with what is no JSON object",
                "is this the URL of a Stepgraph API?",
            )
        return Answer(content)


def _retries(method: str, headers: Mapping[str, str]) -> urllib3.Retry:
    """What may be sent twice is sent again when it got lost or there was no room for it."""
    return urllib3.Retry(
        total=3,
        connect=1,
        read=2,
        other=0,
        redirect=0,
        status=2,
        backoff_factor=0.2,
        allowed_methods={"GET", method} if "Idempotency-Key" in headers else {"GET"},
        status_forcelist=TRIES_AGAIN,
        raise_on_status=False,
        raise_on_redirect=False,
    )


def segment(text: str) -> str:
    """A text as one step of a path."""
    return quote(text, safe="")
