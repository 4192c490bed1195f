"""An HTTP API for workflows to call; it remembers every call with its times."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, quote, urlsplit

HELD_SECONDS = 60.0


class Upstream:
    """`/<key>/…` belongs to whoever uses that key.

    `?status=503&times=2` answers so twice, then 200, with `&retry_after=1` asking for a second; `?sleep=1` takes one;
    `/<key>/fail/…` is always 500. `?pages=3&page=2` is the second of three pages, with two items.
    `?echo=1` gives back all that it was sent, in many encodings; `?held=1` waits until its path is let go.
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


def page(path: str, pages: int, number: int) -> dict[str, Any]:
    items = [f"{number}a", f"{number}b"] if number <= pages else []
    following = f"{path}?pages={pages}&page={number + 1}" if number < pages else None
    return {"items": items, "next": following, "cursor": number + 1 if following else None}


def echoed(query: dict[str, str], call: dict[str, Any], count: int) -> dict[str, Any]:
    if "echo" in query:
        return {"sent": encodings(call), call["headers"].get("authorization", ""): "as a key"}
    echo = {"path": call["path"], "method": call["method"], "count": count, "query": call["query"]}
    pages = page(call["path"], int(query["pages"]), int(query.get("page", "1"))) if "pages" in query else {}
    return echo | pages


def headers_of(query: dict[str, str], call: dict[str, Any], echo: dict[str, Any]) -> dict[str, str]:
    headers = {
        "Content-Type": query.get("type", "application/json"),
        "X-Echo": call["headers"].get("authorization", "") if "echo" in query else None,
        "Location": query.get("location"),
        "Retry-After": query.get("retry_after"),
        "Link": f'<{echo["next"]}>; rel="next"' if echo.get("next") else None,
    }
    return {name: value for name, value in headers.items() if value is not None}


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
            echo = echoed(query, call, count)
            content = query["raw"].encode() if "raw" in query else json.dumps(echo).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers_of(query, call, echo).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

        def log_message(self, *_: Any) -> None:
            """Tests read `calls`."""

    return Handler


def encodings(call: dict[str, Any]) -> list[Any]:
    body, headers = call["body"].decode(), call["headers"]
    plain = [call["query"], headers, body, *headers.values()]
    texts = [text for text in plain if isinstance(text, str)]
    return [
        *plain,
        *(base64.b64encode(f"{before}{text}".encode()).decode() for text in texts for before in ("", "a", "ab")),
        *(quote(text, safe="") for text in texts),
        *(text.encode().hex() for text in texts),
        json.dumps(json.dumps(plain)),
    ]
