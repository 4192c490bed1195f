"""An issuer of tokens: it signs them, publishes its keys over HTTP, changes them, and goes away."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "stepgraph-test"


class Issuer:
    """`keys` are published, by their names; `document` is what is published in their place, with `status`."""

    def __init__(self) -> None:
        self.pair = generate_private_key(65537, 2048)
        self.other_pair = generate_private_key(65537, 2048)
        self.keys: dict[str, RSAPrivateKey] = {"first": self.pair}
        self.document: bytes | None = None
        self.status = 200
        self.location: str | None = None
        self.fetches = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/.well-known/jwks.json"

    def published(self) -> bytes:
        return self.document if self.document is not None else json.dumps({"keys": self.jwks()}).encode()

    def jwks(self, **more: Any) -> list[dict[str, Any]]:
        return [jwk(pair, kid=name, use="sig", alg="RS256", **more) for name, pair in self.keys.items()]

    def claims(self, subject: str, **more: Any) -> dict[str, Any]:
        """What a good token says; a claim that is None is left out."""
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": subject, "exp": int(time.time()) + 60, **more}
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self, claims: dict[str, Any], kid: Any = "first", pair: RSAPrivateKey | None = None, **headers: Any
    ) -> str:
        return jwt.encode(claims, pair or self.pair, "RS256", {"kid": kid, **headers})


def jwk(pair: RSAPrivateKey, **more: Any) -> dict[str, Any]:
    """The public half, as RFC 7517 writes it."""
    return {**RSAAlgorithm.to_jwk(pair.public_key(), as_dict=True), **more}


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            content = issuer.published()
            self.send_response(issuer.status)
            self.send_header("Content-Length", str(len(content)))
            if issuer.location:
                self.send_header("Location", issuer.location)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Tests read `fetches`."""

    return Handler
