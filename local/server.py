"""Chalice's local server, made to answer as API Gateway in front of it does."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from chalice import Chalice
from chalice.config import Config
from chalice.local import (
    ChaliceRequestHandler,
    ForbiddenError,
    LocalDevServer,
    ThreadedHTTPServer,
    create_local_server,
)

from chalicelib.api import problem

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
        length = self.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return HTTPStatus.BAD_REQUEST, "Content-Length must be a whole number"
        if int(length) > MAX_REQUEST_BYTES:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_REQUEST_BYTES:,} bytes can be sent"
        return None

    def _send_error_response(self, error: Any) -> None:
        if isinstance(error, ForbiddenError):
            self._send_problem(HTTPStatus.NOT_FOUND, f"there is nothing at {self.path.split('?')[0]}")
        else:
            super()._send_error_response(error)

    def _send_http_response(self, code: int, headers: Any, body: Any) -> None:
        """Chalice's own errors, such as for a wrong method, become problems like all others."""
        if code >= HTTPStatus.BAD_REQUEST and "problem" not in str(headers.get("Content-Type")):
            self._send_problem(HTTPStatus(code), _message(body))
        else:
            super()._send_http_response(code, headers, body)

    def _send_problem(self, status: HTTPStatus, detail: str) -> None:
        response = problem(status, detail)
        super()._send_http_response(response.status_code, dict(response.headers), response.body)

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
    server = create_local_server(app, Config(), "127.0.0.1", port)
    server.server.server_close()
    return LocalDevServer(server.app_object, Config(), "127.0.0.1", port, _Handler, _Server)
