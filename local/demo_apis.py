"""The HTTP APIs that the demo's workflow asks: a slow one, a flaky one, a broken one."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

ORDER_SECONDS, CUSTOMER_SECONDS, STOCK_SECONDS = 0.5, 0.8, 0.2
SKUS = ("lamp", "bulb", "vase")


class DemoApis:
    """A server on a free port of 127.0.0.1 while its `with` block runs."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler())
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _answer(path: str, count: int) -> tuple[HTTPStatus, dict[str, Any]]:
    """What the count-th request of a path gets."""
    _, api, *rest = path.split("/")
    item = "/".join(rest)
    if api == "orders":
        time.sleep(ORDER_SECONDS)
        return HTTPStatus.OK, {"id": item, "lines": [{"sku": sku} for sku in SKUS], "total": 240}
    if api == "customers":
        time.sleep(CUSTOMER_SECONDS)
        return HTTPStatus.OK, {"id": item, "name": "Ada", "tier": "gold"}
    if api == "stock":
        time.sleep(STOCK_SECONDS)
        return _stock(item, count)
    return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "no courier today"}


def _stock(sku: str, count: int) -> tuple[HTTPStatus, dict[str, Any]]:
    if sku == SKUS[0] and count == 1:
        return HTTPStatus.SERVICE_UNAVAILABLE, {"busy": True}
    if sku == SKUS[-1]:
        return HTTPStatus.CONFLICT, {"sold_out": sku}
    return HTTPStatus.OK, {"reserved": sku}


def _handler() -> type[BaseHTTPRequestHandler]:
    counts: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            counts[self.path] += 1
            status, body = _answer(self.path, counts[self.path])
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _reply  # noqa: N815 - the names that http.server calls

        def log_message(self, *_args: Any) -> None:
            """The demo shows what happens."""

    return Handler
