"""Step Functions for functions that are started in a process of their own: it takes any start, and runs nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ARN = "arn:aws:states:us-east-1:123456789012:{}:measured"
ANSWER = {
    "stateMachineArn": ARN.format("stateMachine"),
    "executionArn": ARN.format("execution"),
    "creationDate": 0,
    "startDate": 0,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        content = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = _answer

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def step_functions() -> Iterator[str]:
    """Its URL, for as long as the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
