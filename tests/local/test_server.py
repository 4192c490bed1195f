"""What the local server does with requests that no well-behaved client sends, over bare sockets."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.client import Api

PATH = "/api/v1/workspaces/none/workflows"


def connect(base_url: str) -> socket.socket:
    url = urlsplit(base_url)
    return socket.create_connection((url.hostname or "", url.port or 0), timeout=10)


def answer_to(base_url: str, *lines: str, body: str = "") -> tuple[str, str, str]:
    """The status line, the headers and the rest of what comes until the server hangs up."""
    with connect(base_url) as client:
        client.sendall("\r\n".join([*lines, "Host: here", "", body]).encode())
        client.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    head, _, rest = received.partition("\r\n\r\n")
    status, _, headers = head.partition("\r\n")
    return status, headers.lower(), rest


def test_a_body_in_chunks_is_refused_and_not_taken_for_the_next_request(base_url: str) -> None:
    hidden = "GET /hidden HTTP/1.1\r\n\r\n"
    chunks = f"{len(hidden):x}\r\n{hidden}\r\n0\r\n\r\n"
    status, headers, body = answer_to(base_url, f"POST {PATH} HTTP/1.1", "Transfer-Encoding: chunked", body=chunks)
    assert status.split()[1] == "411"
    assert "content-type: application/problem+json" in headers
    assert "connection: close" in headers
    assert json.loads(body)["status"] == 411


@pytest.mark.parametrize("length", ["-1", "NaN", "1.5", "²", ""])
def test_a_content_length_that_is_no_whole_number_is_refused(base_url: str, length: str) -> None:
    status, headers, body = answer_to(base_url, f"POST {PATH} HTTP/1.1", f"Content-Length: {length}")
    assert status.split()[1] == "400"
    assert "content-type: application/problem+json" in headers
    assert json.loads(body)["detail"] == "Content-Length must be one whole number"


@pytest.mark.parametrize("path", [PATH, "/nowhere"])
def test_an_answer_to_head_has_no_body(base_url: str, path: str) -> None:
    status, headers, body = answer_to(base_url, f"HEAD {path} HTTP/1.1")
    assert int(status.split()[1]) in (404, 405)
    assert "content-length: " in headers
    assert body == ""


def test_a_connection_goes_on_after_head(base_url: str) -> None:
    status, _, rest = answer_to(base_url, f"HEAD {PATH} HTTP/1.1", body="GET /nowhere HTTP/1.1\r\n\r\n")
    assert status.startswith("HTTP/1.1 ")
    assert rest.startswith("HTTP/1.1 404 ")


def test_what_a_client_sent_before_it_hung_up_is_not_done(base_url: str, owner: Api) -> None:
    whole = json.dumps({"name": "half", "graph_definition": {"nodes": [], "edges": []}})
    received = answer_to(
        base_url,
        f"POST /api/v1/workspaces/{owner.workspace_id}/workflows HTTP/1.1",
        f"Authorization: Bearer {owner.token}",
        "Content-Type: application/json",
        f"Content-Length: {len(whole) + 1}",
        body=whole,
    )
    assert received == ("", "", "")
    assert owner.get()["items"] == []


def test_a_length_that_no_one_can_mean_is_too_large(base_url: str) -> None:
    status, _, body = answer_to(base_url, f"POST {PATH} HTTP/1.1", f"Content-Length: {'1' * 5_000}")
    assert (status.split()[1], json.loads(body)["status"]) == ("413", 413)


def test_two_lengths_are_refused(base_url: str) -> None:
    status, _, _ = answer_to(base_url, f"POST {PATH} HTTP/1.1", "Content-Length: 12", "Content-Length: 2")
    assert status.split()[1] == "400"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("FOO / HTTP/1.1", "501"),
        ("nonsense", "400"),
        (f"GET /{'x' * 70_000} HTTP/1.1", "414"),
        ("GET / HTTP/9.9", "505"),
    ],
)
def test_a_request_that_http_itself_refuses_gets_a_problem(base_url: str, line: str, status: str) -> None:
    answered, headers, body = answer_to(base_url, line)
    assert answered.split()[1] == status
    assert "content-type: application/problem+json" in headers
    assert str(json.loads(body)["status"]) == status
