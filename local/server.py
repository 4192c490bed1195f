"""Chalice's local server, made to answer as API Gateway in front of it does."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from chalice import Chalice
from chalice.config import Config
from chalice.local import ChaliceRequestHandler, ForbiddenError, LocalChalice, LocalDevServer, ThreadedHTTPServer

from chalicelib.problem_details import problem

MAX_REQUEST_BYTES = 10 * 1024 * 1024
"""API Gateway's payload limit (Amazon API Gateway quotas)."""


class _Server(ThreadedHTTPServer):  # type: ignore[misc]
    request_queue_size = 256
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event."""


class _Handler(ChaliceRequestHandler):  # type: ignore[misc]
    disable_nagle_algorithm = True
    wbufsize = -1

    def _generic_handle(self) -> None:
        refusal = self._refusal()
        if refusal is None:
            super()._generic_handle()
        else:
            self.close_connection = True
            self._send_problem(*refusal)

    def _refusal(self) -> tuple[HTTPStatus, str] | None:
        if "transfer-encoding" in self.headers:  # Chalice would take the body for the next request
            return HTTPStatus.LENGTH_REQUIRED, "a body in chunks is not read; send its Content-Length"
        lengths = set(self.headers.get_all("content-length", ["0"]))
        length = lengths.pop()
        if lengths or not (length.isascii() and length.isdigit()):
            return HTTPStatus.BAD_REQUEST, "Content-Length must be one whole number"
        if len(length) > len(str(MAX_REQUEST_BYTES)) or int(length) > MAX_REQUEST_BYTES:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_REQUEST_BYTES:,} bytes can be sent"
        return None

    def _parse_payload(self) -> Any:
        _, body = super()._parse_payload()
        headers = {name: ", ".join(self.headers.get_all(name)) for name in self.headers}
        if len(body or b"") < int(self.headers.get("content-length", "0")):
            raise ConnectionAbortedError("the client hung up before all of the body had come")
        return headers, body

    def _send_error_response(self, error: Any) -> None:
        if isinstance(error, ForbiddenError):
            self._send_problem(HTTPStatus.NOT_FOUND, f"there is nothing at {self.path.split('?')[0]}")
        else:
            super()._send_error_response(error)

    def _send_http_response(self, code: int, headers: Any, body: Any) -> None:
        """Chalice's own errors, such as for a wrong method, become problems; an answer to HEAD has no body."""
        if code >= HTTPStatus.BAD_REQUEST and "problem" not in str(headers.get("Content-Type")):
            self._send_problem(HTTPStatus(code), _message(body))
        elif self.command == "HEAD" and body is not None:
            content = body if isinstance(body, bytes) else body.encode()
            self.send_response(code)
            self._send_headers({**headers, "Content-Length": str(len(content))})
        else:
            super()._send_http_response(code, headers, body)

    def _send_problem(self, status: HTTPStatus, detail: str) -> None:
        response = problem(status, detail)
        headers = {**response.headers, "Connection": "close"} if self.close_connection else dict(response.headers)
        self._send_http_response(response.status_code, headers, response.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server refuses before it knows the request: a bad first line, too large a header."""
        self.close_connection = True
        self.request_version = "HTTP/1.1"
        self.command = getattr(self, "command", None) or "GET"
        self._send_problem(HTTPStatus(code), explain or message or "")

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = _generic_handle

    def log_message(self, *_args: Any) -> None:
        """The API logs what happens; a line for every request is noise."""


def _message(body: Any) -> str:
    try:
        content = json.loads(body or "{}")
    except ValueError:
        return ""
    return str(content.get("Message") or content.get("message") or "")


def make_server(app: Chalice, port: int) -> LocalDevServer:
    """A server on 127.0.0.1; port 0 takes a free one. Raises OSError for a port in use."""
    if not isinstance(app, LocalChalice):  # as create_local_server does: a current request for each thread
        app.__class__ = type("LocalApp", (LocalChalice, type(app)), {})
    return LocalDevServer(app, Config(), "127.0.0.1", port, _Handler, _Server)
