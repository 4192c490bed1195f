"""Outgoing HTTP over real sockets: its time limit, its redirects, what it refuses and what its errors tell."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.http.client import OutgoingHttp, Request
from chalicelib.http.connection import ANYWHERE, Network
from chalicelib.http.urls import place
from chalicelib.node_contract import HttpLimits, HttpResponse, NodeFailure
from tests.upstream import Upstream

LIMIT = 0.4
STEPS, STEP_SECONDS = 100, 0.05
"""What a slow server would take as a whole: over ten times the limit."""
SECRET = "s3cr3t"
NO_HEADERS: Mapping[str, str] = {}
LIMITS = HttpLimits(5)


@dataclass
class Slow:
    """Sends a beginning, then the same piece again and again; it counts the pieces and sees the client leave."""

    beginning: bytes
    piece: bytes
    pause: float = STEP_SECONDS
    steps: int = STEPS
    before: bytes = b""
    """What is answered to a request before."""
    sent: int = 0
    left: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            try:
                if self.before:
                    connection.sendall(self.before)
                    connection.recv(65_536)
                connection.sendall(self.beginning)
                while self.sent < self.steps:
                    connection.sendall(self.piece)
                    self.sent += 1
                    time.sleep(self.pause)
            except OSError:
                self.left.set()


@pytest.fixture
def serve() -> Iterator[Callable[[Slow], str]]:
    listeners = []

    def start(slow: Slow) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=slow.serve, args=(listener,), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


@pytest.fixture
def other() -> Iterator[Upstream]:
    """Another origin than `upstream`."""
    with Upstream() as running:
        yield running


@pytest.fixture
def here() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def ask(
    url: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] = NO_HEADERS,
    body: bytes | None = None,
    network: Network = ANYWHERE,
    most_bytes: int = 10_000,
    seconds: float = 5,
    **limits: Any,
) -> HttpResponse:
    client = OutgoingHttp(network, most_bytes)
    return client.request(method, url, headers=headers, body=body, limits=HttpLimits(seconds, **limits))


def failure(url: str, method: str = "GET", **given: Any) -> NodeFailure:
    with pytest.raises(NodeFailure) as caught:
        ask(url, method, **given)
    return caught.value


def redirect(upstream: Upstream, location: str, status: int = 302, path: str = "/a/from") -> str:
    query = location.replace("%", "%25").replace("&", "%26").replace("?", "%3F").replace("#", "%23")
    return f"{upstream.base}{path}?status={status}&location={query}"


@pytest.mark.parametrize(
    "slow",
    [
        Slow(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"x"),
        Slow(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        Slow(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        Slow(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        Slow(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        Slow(b"HTTP/1.1 200 OK\r\n", b"X-Slow: x\r\n"),
        Slow(b"", b"H"),
        Slow(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        Slow(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        Slow(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 100\r\n\r\n", b"x"),
    ],
    ids="body chunks chunk-size body-to-the-end header headers status-line continue hints redirect".split(),
)
def test_a_slow_answer_ends_at_the_limit(serve: Callable[[Slow], str], slow: Slow) -> None:
    url = serve(slow)
    found = failure(f"{url}/path?token={SECRET}", seconds=LIMIT)
    assert (found.code, str(found), found.retryable) == ("timeout", f"{url} did not answer within 0.4 s", True)
    assert slow.left.wait(5)
    assert slow.sent < STEPS / 2


def test_a_slow_answer_on_a_used_connection_ends_at_the_limit(serve: Callable[[Slow], str]) -> None:
    slow = Slow(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", before=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    client, url = OutgoingHttp(ANYWHERE, 1_000), serve(slow)
    assert client.request("GET", url, headers={}, body=None, limits=HttpLimits(LIMIT)).body == b""
    with pytest.raises(NodeFailure, match=r"did not answer within 0\.4 s"):
        client.request("GET", url, headers={}, body=None, limits=HttpLimits(LIMIT))
    assert slow.left.wait(5)
    assert slow.sent < STEPS / 2


def test_a_flood_of_interim_answers_ends_at_the_limit(serve: Callable[[Slow], str]) -> None:
    slow = Slow(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000, pause=0, steps=1_000_000)
    assert failure(serve(slow), seconds=LIMIT).code == "timeout"
    assert slow.sent < slow.steps / 2


def test_a_server_that_reads_nothing_ends_at_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        assert failure(url, "POST", body=b"x" * 20_000_000, seconds=LIMIT).code == "timeout"
        assert failure(url.replace("http:", "https:"), seconds=LIMIT).code == "timeout"


@dataclass
class Looping:
    """Redirects every request to itself, each after a pause."""

    pause: float = 0
    asked: int = 0

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    self.asked += 1
                    time.sleep(self.pause)
                    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /?again\r\nContent-Length: 0\r\n")
                    connection.sendall(b"Connection: close\r\n\r\n")


def test_a_chain_of_redirects_ends_at_the_limit(serve: Callable[[Slow | Looping], str]) -> None:
    looping = Looping(pause=LIMIT / 3)
    assert failure(serve(looping), seconds=LIMIT, max_redirects=20).code == "timeout"
    assert 1 < looping.asked < 10


def test_a_loop_of_redirects_ends(serve: Callable[[Slow | Looping], str]) -> None:
    looping = Looping()
    url = serve(looping)
    found = failure(f"{url}/?token={SECRET}")
    assert (found.code, found.retryable) == ("too_many_redirects", False)
    assert str(found) == f"{url} redirects more than {LIMITS.max_redirects} times"
    assert looping.asked == LIMITS.max_redirects + 1


@dataclass
class OneConnection:
    """Takes no second connection, and answers all requests on the first, each after a pause."""

    pause: float

    def serve(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            while connection.recv(65_536):
                time.sleep(self.pause)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_a_connection_is_used_again_after_its_exchange(serve: Callable[[Slow | OneConnection], str]) -> None:
    """Also when the time of exchanges before is over, in the middle of another one."""
    client, url = OutgoingHttp(ANYWHERE, 1_000), serve(OneConnection(pause=LIMIT / 4))
    for _ in range(8):
        assert client.request("GET", url, headers={}, body=None, limits=HttpLimits(LIMIT)).status == 200


@pytest.mark.parametrize("status", [413, 429, 503])
def test_a_retry_after_is_an_answer_like_another(serve: Callable[[Slow], str], status: int) -> None:
    head = f"HTTP/1.1 {status} No\r\nRetry-After: 60\r\nContent-Length: 100\r\n\r\n".encode()
    answer = ask(serve(Slow(head, b"x", pause=0.001)))
    assert (answer.status, answer.headers["retry-after"], answer.body) == (status, "60", b"x" * 100)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
def test_a_redirect_keeps_or_changes_the_method(here: Upstream, status: int, method: str) -> None:
    headers = {"content-type": "text/plain", "Content-Language": "en", "x-api-key": SECRET}
    answer = ask(redirect(here, "/a/to?q=1", status), method, headers=headers, body=b"text")
    keeps = status > 303 or method in ("GET", "HEAD") or (status != 303 and method != "POST")
    first, then = here.calls["a"]
    assert (answer.status, first["body"]) == (200, b"text")
    assert (then["path"], then["query"]) == ("/a/to", {"q": "1"})
    assert (then["method"], then["body"]) == ((method, b"text") if keeps else ("GET", b""))
    assert ("content-type" in then["headers"], "content-language" in then["headers"]) == (keeps, keeps)
    assert then["headers"]["x-api-key"] == SECRET


def test_another_origin_gets_only_headers_that_are_no_secret(here: Upstream, other: Upstream) -> None:
    headers = {"X-Api-Key": SECRET, "Authorization": SECRET, "Cookie": SECRET, "Host": "me", "Accept": "text/plain"}
    answer = ask(redirect(here, f"{other.base}/b/to", 307), "POST", headers=headers, body=b"text")
    (then,) = other.calls["b"]
    assert (answer.status, then["method"], then["body"]) == (200, "POST", b"text")
    assert then["headers"]["accept"] == "text/plain"
    assert then["headers"]["host"] == other.base.removeprefix("http://")
    assert not {"x-api-key", "authorization", "cookie"} & then["headers"].keys()
    assert here.calls["a"][0]["headers"]["x-api-key"] == SECRET


def test_a_url_with_credentials_sends_them_as_basic_unless_a_header_does(here: Upstream) -> None:
    url = here.base.replace("//", f"//me:{SECRET}%21@") + "/a"
    ask(url)
    ask(url, headers={"Authorization": "Bearer x"})
    sent = [call["headers"]["authorization"] for call in here.calls["a"]]
    assert sent == [f"Basic {b64encode(f'me:{SECRET}!'.encode()).decode()}", "Bearer x"]


@pytest.mark.parametrize("location", ["http://api.example/b", "http://other.example/b", "HTTP://api.example"])
def test_a_redirect_from_https_to_http_is_refused(location: str) -> None:
    hop = Request("GET", f"https://api.example/a?{SECRET}", {"authorization": SECRET}, None)
    with pytest.raises(NodeFailure) as caught:
        hop.redirected(302, location)
    assert (caught.value.code, caught.value.retryable) == ("insecure_url", False)
    assert str(caught.value).startswith("https://api.example redirects to http://")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "keeps"),
    [
        ("/b", True),
        ("https://api.example:443/b", True),
        ("https://API.example/b", True),
        ("https://me@api.example/b", True),
        ("https://api.example:8443/b", False),
        ("https://api.example./b", False),
        ("https://sub.api.example/b", False),
        ("//api.example.evil/b", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(location: str, keeps: bool) -> None:
    hop = Request("GET", "https://api.example/a", {"authorization": SECRET}, None)
    assert ("authorization" in hop.redirected(302, location).headers) == keeps


def test_without_redirects_one_is_an_answer(here: Upstream) -> None:
    answer = ask(redirect(here, "/a/to"), max_redirects=0)
    assert (answer.status, answer.headers["location"], len(here.calls["a"])) == (302, "/a/to", 1)


def test_an_answer_says_where_it_came_from(here: Upstream) -> None:
    assert ask(redirect(here, "/a/to?q=1")).url == f"{here.base}/a/to?q=1"


def test_what_belongs_to_the_connection_is_not_the_callers_to_set(here: Upstream) -> None:
    ask(f"{here.base}/a", headers={"Host": "inside", "Connection": "x-api-key", "TE": "trailers", "Upgrade": "h2c"})
    sent = here.calls["a"][0]["headers"]
    assert sent["host"] == here.base.removeprefix("http://")
    assert not {"connection", "te", "upgrade"} & sent.keys()


def test_a_header_that_comes_several_times_is_joined(serve: Callable[[Slow], str]) -> None:
    head = b"HTTP/1.1 200 OK\r\nLink: <a>; rel=x\r\nlink: <b>; rel=next\r\nContent-Length: 0\r\n\r\n"
    assert ask(serve(Slow(head, b"", steps=0))).headers["link"] == "<a>; rel=x, <b>; rel=next"


@pytest.mark.parametrize(
    "slow",
    [
        Slow(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", b"", steps=1, pause=5),
        Slow(b"HTTP/1.1 200 OK\r\n", b"", steps=1, pause=5),
        Slow(b"", b"", steps=1, pause=5),
    ],
    ids="body headers nothing".split(),
)
def test_silence_ends_at_the_limit_of_reading(serve: Callable[[Slow], str], slow: Slow) -> None:
    url = serve(slow)
    found = failure(f"{url}/{SECRET}", seconds=60, read_seconds=0.2)
    assert (found.code, found.retryable) == ("timeout", True)
    assert str(found) == f"{url} did not go on with its answer within 0.2 s"


def test_an_answer_that_goes_on_slowly_is_read_whatever_the_limit_of_silence(serve: Callable[[Slow], str]) -> None:
    slow = Slow(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", b"x", steps=20, pause=0.05)
    assert ask(serve(slow), read_seconds=0.5).body == b"x" * 20


def test_a_name_and_an_address_that_dont_answer_end_at_the_limit_of_connecting() -> None:
    never = threading.Event()

    def silent(opened: socket.socket, _address: Any) -> None:
        never.wait(opened.gettimeout())
        raise TimeoutError

    looking = Network(look_up=lambda *_, **__: [never.wait(5)])
    reaching = Network(look_up=names("1.1.1.1"), connect=silent)
    for network in (looking, reaching):
        found = failure("http://api.test/x", network=network, seconds=60, connect_seconds=0.1)
        assert str(found) == "http://api.test can't be connected to within 0.1 s"
        assert (found.code, found.retryable) == ("timeout", True)
    never.set()


def test_tls_that_is_not_agreed_on_ends_at_the_limit_of_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"https://127.0.0.1:{deaf.getsockname()[1]}"
        found = failure(url, seconds=60, connect_seconds=0.2)
    assert str(found) == f"{url} can't be connected to within 0.2 s"


def test_a_request_may_lower_the_limit_of_an_answer_but_not_raise_it(serve: Callable[[Slow], str]) -> None:
    def sized() -> str:
        return serve(Slow(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"x" * 500, steps=1))

    assert "more than 400 bytes" in str(failure(sized(), max_bytes=400))
    assert "more than 300 bytes" in str(failure(sized(), most_bytes=300, max_bytes=400))
    assert len(ask(sized(), max_bytes=500).body) == 500


@pytest.mark.parametrize("location", ["ftp://example.com", "file:///etc/passwd", "https://", "http://[", "gopher:x"])
def test_a_redirect_leads_to_http_only(here: Upstream, location: str) -> None:
    found = failure(redirect(here, location))
    assert (found.code, found.retryable) == ("bad_url", False)
    assert str(found) == f"{here.base} redirects to what is no http or https URL"


def test_a_redirect_without_a_location_is_an_answer(here: Upstream) -> None:
    assert ask(f"{here.base}/a?status=302").status == 302
    assert ask(f"{here.base}/a?status=304&location=/b").status == 304


def names(*addresses: str) -> Callable[..., list[Any]]:
    """A resolver by which every name has these addresses; an address is its own."""

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        found = addresses if host.endswith(".test") else (host,)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    return look_up


def with_names(*addresses: str) -> Network:
    """A network on which 127.0.0.1 and 127.0.0.2 are public."""
    return Network({"127.0.0.1", "127.0.0.2"}.__contains__, names(*addresses))


def test_a_redirect_to_a_private_address_is_refused(here: Upstream) -> None:
    port = here.base.rpartition(":")[2]
    found = failure(redirect(here, f"http://127.0.0.3:{port}/a/to"), network=with_names())
    assert (found.code, str(found).startswith(f"http://127.0.0.3:{port} leads to")) == ("private_address", True)
    assert [call["path"] for call in here.calls["a"]] == ["/a/from"]


def test_all_addresses_of_a_name_must_be_public(here: Upstream) -> None:
    url = here.base.replace("127.0.0.1", "api.test")
    assert failure(url, network=with_names("127.0.0.1", "10.0.0.1")).code == "private_address"
    assert not here.calls


def test_each_address_of_a_name_is_tried(here: Upstream) -> None:
    url = here.base.replace("127.0.0.1", "api.test") + "/a"
    assert ask(url, network=with_names("127.0.0.2", "127.0.0.1")).status == 200
    assert here.calls["a"][0]["headers"]["host"].startswith("api.test:")


def test_a_name_that_takes_long_to_resolve_ends_at_the_limit() -> None:
    never = threading.Event()
    network = Network(look_up=lambda *_, **__: [never.wait(5)])
    found = failure("http://api.test/x", network=network, seconds=LIMIT)
    assert (str(found), never.is_set()) == ("http://api.test did not answer within 0.4 s", False)
    never.set()


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": f"{SECRET}\n"},
        {"x-api-key": f"{SECRET}\r\nx: y"},
        {"x-api-key": f"{SECRET}\0"},
        {"x-api-key": f"{SECRET}\u20ac"},
        {f"bearer {SECRET}": "x"},
        {f"{SECRET}\n": "x"},
        {"": SECRET},
    ],
)
def test_a_header_that_cant_be_sent_is_not_told(here: Upstream, headers: dict[str, str]) -> None:
    found = failure(here.base, headers=headers)
    assert (found.code, found.retryable) == ("bad_request", False)
    assert str(found).startswith("the request can't be sent: ")
    assert SECRET not in str(found)
    assert not here.calls


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (f"http://me:{SECRET}@127.0.0.1:9/{SECRET}?{SECRET}#{SECRET}", "connection_failed"),
        (f"http://me:{SECRET}@no-such-host.invalid/{SECRET}", "name_not_found"),
        (f"http://me:{SECRET}@{'a' * 64}.example/{SECRET}", "bad_url"),
        (f"http://me:{SECRET}@/x", "bad_url"),
        (f"http://h:port{SECRET}/x", "bad_url"),
        (f"ftp://me:{SECRET}@example.com/", "bad_url"),
        (SECRET, "bad_url"),
    ],
)
def test_an_error_tells_no_secret_of_the_url(url: str, code: str) -> None:
    found = failure(url)
    assert (found.code, SECRET in str(found)) == (code, False)


def test_a_broken_answer_is_a_network_error(serve: Callable[[Slow], str]) -> None:
    for beginning in (b"", SECRET.encode() + b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"):
        found = failure(serve(Slow(beginning, b"", steps=0)))
        assert (found.code, found.retryable, SECRET in str(found)) == ("network_error", True, False)


def test_a_refused_connection_names_the_place() -> None:
    assert str(failure("http://127.0.0.1:9/nothing")) == "http://127.0.0.1:9 can't be connected to"


@pytest.mark.parametrize("size", [999, 1_000, 1_001, 100_000])
def test_the_size_of_an_answer_is_bounded(serve: Callable[[Slow], str], size: int) -> None:
    url = serve(Slow(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode(), b"x" * size, steps=1))
    if size <= 1_000:
        assert len(ask(url, most_bytes=1_000).body) == size
    else:
        assert failure(url, most_bytes=1_000).code == "response_too_large"


def test_a_small_answer_that_unpacks_to_a_large_one_is_bounded(serve: Callable[[Slow], str]) -> None:
    packed = gzip.compress(b"x" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    assert failure(serve(Slow(head, packed, steps=1)), most_bytes=100_000).code == "response_too_large"


def test_framing_is_not_the_callers_to_set(here: Upstream) -> None:
    ask(f"{here.base}/a", "POST", body=b"GET /evil", headers={"Content-Length": "0", "Transfer-Encoding": "chunked"})
    assert [(call["method"], call["body"]) for call in here.calls["a"]] == [("POST", b"GET /evil")]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://me:pw@api.example.com/path?q#f", "https://api.example.com"),
        ("http://[::1]:8080/x", "http://[::1]:8080"),
        ("http://h:99999/x", "the URL"),
    ],
)
def test_a_place_is_scheme_host_and_port(url: str, told: str) -> None:
    assert place(url) == told
