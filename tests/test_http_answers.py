"""Outgoing HTTP over real sockets: what becomes of answers that are broken, odd or packed, and of connections."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.http.client import OutgoingHttp
from chalicelib.http.connection import ANYWHERE
from chalicelib.http.content import decoded
from chalicelib.node_contract import HttpLimits, HttpResponse, NodeFailure

OK = b"HTTP/1.1 200 OK\r\n"
HI = OK + b"Content-Length: 2\r\n\r\nhi"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes a close a reset."""
ZIPPED = gzip.compress(b"hello", mtime=0)


@dataclass
class Scripted:
    """Answers so many requests on a connection with these bytes; then it closes it, or where it `lingers`, only when
    the next request comes."""

    answer: bytes
    answers: int = 1
    lingers: bool = False
    resets: bool = False
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError), self.tls.wrap_socket(connection, server_side=True) if self.tls else connection as open_:
            for _ in range(self.answers):
                if request := open_.recv(65_536):
                    self.requests.append(request)
                    open_.sendall(self.answer)
            if self.lingers:
                open_.recv(65_536)
            if self.resets:
                open_.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


Serve = Callable[[Scripted], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    listeners = []

    def start(scripted: Scripted) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=scripted.serve, args=(listener,), daemon=True).start()
        return f"{'https' if scripted.tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


@pytest.fixture
def client() -> OutgoingHttp:
    return OutgoingHttp(ANYWHERE, 100_000)


def ask(client: OutgoingHttp, url: str, method: str = "GET", **headers: str) -> HttpResponse:
    return client.request(method, url, headers=headers, body=None, limits=HttpLimits(5))


def failure(client: OutgoingHttp, url: str) -> NodeFailure:
    with pytest.raises(NodeFailure) as caught:
        ask(client, url)
    return caught.value


@pytest.mark.parametrize(
    "scripted",
    [
        Scripted(b""),
        Scripted(b"", resets=True),
        Scripted(OK + b"X-A: b", resets=True),
        Scripted(OK + b"Content-Length: 9\r\n\r\nhello"),
        Scripted(OK + b"Content-Length: 9\r\n\r\nhello", resets=True),
        Scripted(OK + b"Content-Length: 99999999999999999999\r\n\r\nhello"),
        Scripted(OK + b"Content-Encoding: gzip\r\nContent-Length: 99\r\n\r\n" + gzip.compress(b"hello")),
        Scripted(CHUNKED + b"5\r\nhel"),
        Scripted(CHUNKED + b"5\r\nhello\r\n", resets=True),
        Scripted(CHUNKED + b"ffffffffffffffff\r\nhello\r\n"),
    ],
)
def test_an_answer_that_breaks_off_is_no_answer(serve: Serve, client: OutgoingHttp, scripted: Scripted) -> None:
    url = serve(scripted)
    found = failure(client, url)
    assert (found.code, found.retryable) == ("network_error", True)
    assert str(found) == f"{url} broke off before its answer was complete"
    assert scripted.connections == 1


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", ZIPPED[:-10]),
        ("gzip", ZIPPED[:-1]),
        ("gzip", ZIPPED[:3]),
        ("x-gzip", gzip.compress(bytes(90_000), mtime=0)[:-10]),
        ("gzip", ZIPPED + ZIPPED[:-10]),
        ("deflate", zlib.compress(b"hello")[:-3]),
        ("deflate", zlib.compress(b"hello" * 99)[2:-8]),
        ("gzip, gzip", gzip.compress(ZIPPED[:-10], mtime=0)),
        ("deflate, gzip", gzip.compress(zlib.compress(b"hello"), mtime=0)[:-10]),
    ],
)
def test_a_packed_body_without_its_end_is_no_answer(
    serve: Serve, client: OutgoingHttp, encoding: str, packed: bytes
) -> None:
    head = f"Content-Encoding: {encoding}\r\nContent-Length: {len(packed)}\r\n\r\n"
    url = serve(Scripted(OK + head.encode() + packed))
    found = failure(client, url)
    assert (found.code, found.retryable) == ("network_error", True)
    assert str(found) == f"{url} broke off before its answer was complete"


def test_nothing_in_any_packing_is_nothing(serve: Serve, client: OutgoingHttp) -> None:
    scripted = Scripted(OK + b"Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n")
    assert ask(client, serve(scripted)).body == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc No\r\n\r\n",
        b"HTTP/1.1 99 No\r\n\r\n",
        b"HTTP/1.1 1000 No\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000,
        OK + b"X-Long: " + b"x" * 100_000,
        OK + b"X-Many: x\r\n" * 200 + b"\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\nhello",
        CHUNKED + b"0" * 100_000,
    ],
)
def test_what_is_no_http_is_told(serve: Serve, client: OutgoingHttp, answer: bytes) -> None:
    url = serve(Scripted(answer))
    found = failure(client, url)
    assert (found.code, found.retryable) == ("network_error", True)
    assert str(found) in (
        f"{url} has an answer that is no HTTP",
        f"{url} broke off before its answer was complete",  # where the server closes with the request half read
    )


@pytest.mark.parametrize("chunk", [b"zz\r\nhello\r\n", b"-5\r\nhello\r\n", b"1_0\r\nhello\r\n", b"\r\n\r\n"])
def test_chunks_that_are_none_are_no_answer(serve: Serve, client: OutgoingHttp, chunk: bytes) -> None:
    assert failure(client, serve(Scripted(CHUNKED + chunk))).code == "network_error"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_a_body_where_none_belongs_is_none(serve: Serve, client: OutgoingHttp, method: str, status: bytes) -> None:
    scripted = Scripted(b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\nhi")
    answer = ask(client, serve(scripted), method)
    assert (answer.status, decoded(answer)) == (int(status[:3]), {"body": None})


def test_the_answer_to_head_has_no_body_whatever_its_headers_say(serve: Serve, client: OutgoingHttp) -> None:
    head = OK + b"Content-Type: application/json\r\nContent-Length: 9\r\nContent-Encoding: br\r\n\r\n"
    answer = ask(client, serve(Scripted(head)), "HEAD")
    assert (answer.status, answer.headers["content-length"], decoded(answer)) == (200, "9", {"body": None})


def test_interim_answers_are_not_taken_for_the_final_one(serve: Serve, client: OutgoingHttp) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    scripted = Scripted(b"HTTP/1.1 102 Processing\r\n\r\n" + hints * 2 + HI, answers=3)
    url = serve(scripted)
    for _ in range(3):
        answer = ask(client, url)
        assert (answer.status, answer.headers, answer.body) == (200, {"content-length": "2"}, b"hi")
    assert scripted.connections == 1


def test_a_connection_serves_requests_that_may_be_sent_again_and_no_others(serve: Serve, client: OutgoingHttp) -> None:
    scripted = Scripted(HI, answers=9)
    assert used(scripted, serve(scripted), client) == [1, 1, 1, 2, 3, 4, 4]


def used(scripted: Scripted, url: str, client: OutgoingHttp) -> list[int]:
    """How many connections there were after each request."""
    counted = []
    for method in ("GET", "GET", "PUT", "POST", "POST", "PATCH", "DELETE"):
        ask(client, url, method)
        counted.append(scripted.connections)
    return counted


@pytest.mark.parametrize("lingers", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_closes_without_saying_so_fails_no_later_request(
    serve: Serve, client: OutgoingHttp, method: str, lingers: bool
) -> None:
    scripted = Scripted(HI, lingers=lingers)
    url = serve(scripted)
    for _ in range(20):
        assert ask(client, url, method).body == b"hi"
    assert len(scripted.requests) == scripted.connections == 20


def test_headers_are_read_as_utf_8_where_they_are(serve: Serve, client: OutgoingHttp) -> None:
    answer = ask(client, serve(Scripted(OK + "X-A: ü→\r\nX-B: ".encode() + b"\xfc\r\nContent-Length: 0\r\n\r\n")))
    assert (answer.headers["x-a"], answer.headers["x-b"]) == ("ü→", "ü")


def test_a_location_in_utf_8_is_followed(serve: Serve, client: OutgoingHttp) -> None:
    scripted = Scripted("HTTP/1.1 302 Found\r\nLocation: /ü\r\nContent-Length: 0\r\n\r\n".encode())
    assert failure(client, serve(scripted)).code == "too_many_redirects"
    assert scripted.requests[1].startswith(b"GET /%C3%BC HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        (b"gzip", ZIPPED),
        (b"X-GZIP", ZIPPED),
        (b"deflate", zlib.compress(b"hello")),
        (b"deflate", zlib.compress(b"hello")[2:-4]),
        (b"gzip, gzip", gzip.compress(ZIPPED, mtime=0)),
        (b"gzip", gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0)),
        (b"gzip", ZIPPED + b"and more"),
        (b"identity", b"hello"),
        (b"", b"hello"),
    ],
)
def test_a_packed_answer_is_unpacked(serve: Serve, client: OutgoingHttp, encoding: bytes, packed: bytes) -> None:
    scripted = Scripted(OK + b"Content-Encoding: " + encoding + b"\r\n\r\n" + packed)
    assert ask(client, serve(scripted), **{"Accept-Encoding": "br"}).body == b"hello"
    assert b"accept-encoding: gzip\r\n" in scripted.requests[0].lower()


@pytest.mark.parametrize(
    ("encoding", "packed", "told"),
    [
        ("br", b"hello", "has packed its answer as br, which can't be read"),
        ("gzip, made-up", b"hello", "has packed its answer in a way that can't be read"),
        ("gzip", b"hello", "has packed its answer in a way that can't be read"),
        (", ".join(["gzip"] * 50), ZIPPED, "has packed its answer in a way that can't be read"),
    ],
)
def test_an_answer_that_cant_be_unpacked_fails(
    serve: Serve, client: OutgoingHttp, encoding: str, packed: bytes, told: str
) -> None:
    url = serve(Scripted(OK + f"Content-Encoding: {encoding}\r\n\r\n".encode() + packed))
    found = failure(client, url)
    assert (found.code, found.retryable, str(found)) == ("bad_answer", False, f"{url} {told}")


def bomb(layers: int) -> bytes:
    packed = b"\0" * 20_000_000
    for _ in range(layers):
        packed = gzip.compress(packed)
    return OK + b"Content-Encoding: " + b", ".join([b"gzip"] * layers) + b"\r\n\r\n" + packed


@pytest.mark.parametrize("answer", [bomb(1), bomb(3), OK + b"\r\n" + b"x" * 200_000])
def test_an_answer_ends_at_the_limit_of_its_unpacked_size(serve: Serve, client: OutgoingHttp, answer: bytes) -> None:
    url = serve(Scripted(answer))
    found = failure(client, url)
    assert (found.code, found.retryable) == ("response_too_large", False)
    assert str(found) == f"{url} has an answer of more than 100,000 bytes"


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that no one vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def tls_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_that_no_one_vouches_for_is_told(serve: Serve, client: OutgoingHttp, self_signed: Path) -> None:
    scripted = Scripted(HI, tls=tls_of(self_signed))
    url = serve(scripted)
    found = failure(client, url)
    assert (found.code, found.retryable) == ("bad_certificate", False)
    assert str(found).startswith(f"{url} has a certificate to distrust: self")
    assert scripted.requests == []


def test_connections_over_tls_are_kept_alike(serve: Serve, self_signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(self_signed))
    client = OutgoingHttp(ANYWHERE, 1_000)
    scripted = Scripted(HI, answers=9, tls=tls_of(self_signed))
    assert used(scripted, serve(scripted), client) == [1, 1, 1, 2, 3, 4, 4]
    closing = Scripted(HI, tls=tls_of(self_signed))
    assert used(closing, serve(closing), client) == [1, 2, 3, 4, 5, 6, 7]


def test_a_server_that_speaks_no_tls_is_told(serve: Serve, client: OutgoingHttp) -> None:
    url = serve(Scripted(b"HTTP/1.1 400 Bad Request\r\n\r\n")).replace("http:", "https:")
    found = failure(client, url)
    assert (found.code, str(found)) == ("network_error", f"{url} can't be reached over TLS")
