"""An HTTP API for workflows to call; it remembers every call with its times."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

HELD_SECONDS = 60.0


class Upstream:
    """`/<key>/…` belongs to whoever uses that key.

    `?status=503&times=2` answers so twice, then 200; `?sleep=1` takes a second; `?held=1` until its path is
    let go.
    """

    def __init__(self) -> None:
        self.calls: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self.failing: set[str] = set()
        self.let_go: dict[str, threading.Event] = defaultdict(threading.Event)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def begin(self, path: str, call: dict[str, Any]) -> int:
        with self._lock:
            self.calls[path.split("/")[1]].append(call)
            self.counts[path] += 1
            return self.counts[path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may hang up."""


def _handler(upstream: Upstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def answer(self) -> None:
            url = urlsplit(self.path)
            query = dict(parse_qsl(url.query))
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            call = {
                "path": url.path,
                "method": self.command,
                "query": query,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body,
                "began": time.monotonic(),
                "at": time.time(),
            }
            count = upstream.begin(url.path, call)
            time.sleep(float(query.get("sleep", "0")))
            if "held" in query:
                upstream.let_go[url.path].wait(HELD_SECONDS)
            status = int(query.get("status", "200")) if count <= int(query.get("times", "999999")) else 200
            if url.path in upstream.failing:
                status = 500
            call["ended"] = time.monotonic()
            self.reply(status, query, call, count)

        def reply(self, status: int, query: dict[str, str], call: dict[str, Any], count: int) -> None:
            echo = {"path": call["path"], "method": call["method"], "count": count, "query": call["query"]}
            content = query["raw"].encode() if "raw" in query else json.dumps(echo).encode()
            self.send_response(status)
            self.send_header("Content-Type", query.get("type", "application/json"))
            self.send_header("Content-Length", str(len(content)))
            if "location" in query:
                self.send_header("Location", query["location"])
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

        def log_message(self, *_: Any) -> None:
            """Tests read `calls`."""

    return Handler
