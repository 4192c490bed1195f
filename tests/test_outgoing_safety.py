"""Where outgoing requests may not go: by address, name, spelling, redirect or rebinding; and what they don't tell."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.http.addresses import is_public, is_public_name
from chalicelib.http.client import OutgoingHttp
from chalicelib.http.connection import ANYWHERE, Network
from chalicelib.node_contract import HttpLimits, NodeFailure
from tests.upstream import Upstream

SECRET = "s3cr3t"


@dataclass
class Recorded:
    """A network on which names have the addresses they are given, in turn, and nothing answers."""

    names: dict[str, list[list[str]]] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)

    def look_up(self, host: str, port: int, **_: Any) -> list[Any]:
        self.looked_up.append(host)
        return [(_family(address), socket.SOCK_STREAM, 6, "", (address, port)) for address in self._addresses(host)]

    def _addresses(self, host: str) -> list[str]:
        if host in self.names:
            turns = self.names[host]
            return turns.pop(0) if len(turns) > 1 else turns[0]
        try:
            return [str(ip_address(host))]
        except ValueError:
            raise socket.gaierror("there is no such name") from None

    def connect(self, _socket: socket.socket, address: Any) -> None:
        self.connected.append(address[0])
        raise ConnectionRefusedError

    def client(self) -> OutgoingHttp:
        return OutgoingHttp(Network(look_up=self.look_up, connect=self.connect), 1_000)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def failure(client: OutgoingHttp, url: str) -> NodeFailure:
    with pytest.raises(NodeFailure) as caught:
        client.request("GET", url, headers={"x-api-key": SECRET}, body=None, limits=HttpLimits(5))
    return caught.value


PRIVATE = """
    127.0.0.1 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.1.1
    100.64.0.1 100.100.100.200 100.127.255.255 169.254.169.254 169.254.170.2 192.0.0.1 192.0.0.8 192.0.0.192 192.0.2.1
    192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
    [::] [::1] [0:0:0:0:0:0:0:1] [::127.0.0.1] [::7f00:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::FFFF:A9FE:A9FE]
    [::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::a9fe:a9fe] [64:ff9b::10.0.0.1] [64:ff9b:1::7f00:1]
    [2002:7f00:1::] [2002:a9fe:a9fe::1] [2002:c0a8:101::1] [2001:0:7f00:1::1] [2001::1] [2001:db8::1] [2001:2::1]
    [2606:4700:0:1:0:5efe:7f00:1] [2606:4700:0:1:200:5efe:a9fe:a9fe] [3fff::1] [100::1] [5f00::1]
    [fc00::1] [fd00:ec2::254] [fd20:ce::254] [fe80::1] [febf::1] [fec0::1] [ff02::1]
    localhost LOCALHOST localhost. LocalHost. me.localhost a.b.localhost. metadata.google.internal
    ip-10-0-0-1.ec2.internal printer.local router.home.arpa
    me@127.0.0.1 me:pw@127.0.0.1 good.example@127.0.0.1 good.example:80@127.0.0.1 %31.1@[::1] 127.0.0.1:80 [::1]:8080
    127.0.0.1#@good.example 127.0.0.1?@good.example 127.0.0.1:
""".split()

BAD = [
    *"""
    0 1 127.1 127.0.1 0x7f.1 0x7f.0.0.1 0X7F000001 0x7f000001 2130706433 017700000001 0177.0.0.1 0177.0x0.0.1 127.0.0.01
    127.0.0.1. 2130706433. 0x7f.1. 0x. 256.256.256.256 127.0.0.1.5 1.1.1.0x1 3232235777 4294967296 1.1.1.1.1
    127。0。0。1 127．0．0．1 127｡0｡0｡1 １２７.0.0.1 ①②⑦.⓪.⓪.① ١٢٧.0.0.1 ⓛocalhost locaｌhost loc\u00adalhost
    %31%32%37.0.0.1 127%2e0%2e0%2e1 localhost%00.good.example 127.0.0.1%00 %6cocalhost
    [fe80::1%25eth0] [::1%25lo] [::1%lo] [fe80::1%eth0] [127.0.0.1] [::1 ::1] ::1 [::ffff:127.0.0.256] [v1.x]
    good.example\\@127.0.0.1 127.0.0.1\\@good.example good.example\\.127.0.0.1 \\127.0.0.1
    127.0.0.1:0 good.example:0 good.example:65536 good.example:x good.example:-1 good.example:80:80 good.example:８０
    good..example .good.example . .. @ me@ :80
    """.split(),
    "", "127.0.0.1 ", " 127.0.0.1", "127.0.0.1\t", "127.0.\n0.1", "127.0.0.1\r\nHost: x", "good.example\x00",
    "1.1.1.1 &@127.0.0.1", "good.example /x", "good.example/\r\nX-Evil: 1", "good.example/?a=\n", "good.example/#\t",
    "a" * 64 + ".example", ".".join(["abcdefg"] * 32), "good.example/" + "x" * 64_000,
]  # fmt: skip
"""What stands behind `http://`."""

WHOLE = [
    "", "x", "//127.0.0.1", "http:", "http:/127.0.0.1", "http:127.0.0.1", "http:///127.0.0.1", "http:\\\\127.0.0.1",
    "file:///etc/passwd", "ftp://127.0.0.1", "gopher://127.0.0.1:6379/_x", "dict://127.0.0.1", "jar:http://127.0.0.1!/",
    "ht\ntp://127.0.0.1", "\thttp://127.0.0.1", " http://127.0.0.1", "url:http://127.0.0.1", "http+unix://%2Fvar%2Frun",
    "javascript://127.0.0.1", "https//127.0.0.1", "ｈttp://127.0.0.1", "http:／／127.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["http", "https", "HtTp"])
@pytest.mark.parametrize("host", PRIVATE)
def test_what_leads_inside_is_refused(host: str, scheme: str) -> None:
    network = Recorded()
    found = failure(network.client(), f"{scheme}://{host}/{SECRET}?{SECRET}")
    assert (found.code, found.retryable, network.connected) == ("private_address", False, [])
    assert str(found).endswith(" leads to an address that workflows may not reach")
    assert SECRET not in str(found)


@pytest.mark.parametrize("url", [*(f"http://{behind}" for behind in BAD), *WHOLE])
def test_what_others_would_read_otherwise_is_refused_unasked(url: str) -> None:
    network = Recorded()
    found = failure(network.client(), url)
    assert (found.code, found.retryable, network.looked_up, network.connected) == ("bad_url", False, [], [])
    assert "127" not in str(found)


def test_the_lists_are_long() -> None:
    assert min(len(set(PRIVATE)), len(set(BAD))) > 60


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://1.1.1.1/", "1.1.1.1"),
        ("https://8.8.8.8:8443/127.0.0.1?u=http://127.0.0.1#@127.0.0.1", "8.8.8.8"),
        ("http://127.0.0.1:pw@93.184.215.14/", "93.184.215.14"),
        ("http://11.0.0.1/", "11.0.0.1"),
        ("http://172.32.0.1/", "172.32.0.1"),
        ("http://100.128.0.1/", "100.128.0.1"),
        ("http://169.253.1.1/", "169.253.1.1"),
        ("http://[2606:4700::1111]/", "2606:4700::1111"),
        ("http://[::ffff:1.1.1.1]/", "::ffff:1.1.1.1"),
        ("http://[64:ff9b::808:808]/", "64:ff9b::808:808"),
        ("http://[2002:101:101::1]/", "2002:101:101::1"),
        ("http://api.example./", "5.5.5.5"),
        ("http://127.0.0.1.example/", "5.5.5.6"),
        ("http://localhost.example/", "5.5.5.7"),
        ("http://xn--bcher-kva.example/ü b", "5.5.5.8"),
        ("http://10.example-1_2.com:80/", "5.5.5.9"),
    ],
)
def test_what_is_public_is_connected_to_at_its_address(url: str, address: str) -> None:
    names = {
        "api.example.": "5.5.5.5",
        "127.0.0.1.example": "5.5.5.6",
        "localhost.example": "5.5.5.7",
        "xn--bcher-kva.example": "5.5.5.8",
        "10.example-1_2.com": "5.5.5.9",
    }
    network = Recorded({name: [[found]] for name, found in names.items()})
    assert failure(network.client(), url).code == "connection_failed"
    assert [ip_address(found) for found in network.connected] == [ip_address(address)]


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["fd00::1", "1.1.1.1"], ["1.1.1.1", "::ffff:10.0.0.1"]]
)
def test_one_private_address_speaks_against_a_name(addresses: list[str]) -> None:
    network = Recorded({"api.example": [addresses]})
    assert failure(network.client(), "http://api.example/").code == "private_address"
    assert network.connected == []


def test_a_name_that_is_bound_anew_is_looked_up_once_and_connected_to_where_it_was_checked() -> None:
    network = Recorded({"api.example": [["1.1.1.1"], ["127.0.0.1"]]})
    assert failure(network.client(), "http://api.example/").code == "connection_failed"
    assert (network.looked_up, network.connected) == (["api.example"], ["1.1.1.1"])


def test_the_next_connection_of_a_name_is_checked_again() -> None:
    network = Recorded({"api.example": [["1.1.1.1"], ["127.0.0.1"]]})
    client = network.client()
    codes = [failure(client, "http://api.example/").code for _ in range(2)]
    assert (codes, network.connected) == (["connection_failed", "private_address"], ["1.1.1.1"])


def test_names_of_the_inside_are_not_looked_up() -> None:
    network = Recorded({"db.internal": [["1.1.1.1"]]})
    assert failure(network.client(), "http://db.internal/").code == "private_address"
    assert network.looked_up == []
    assert is_public_name("internal.example")
    assert is_public_name("mylocalhost")


@pytest.fixture
def here() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@dataclass
class Doors(Recorded):
    """1.1.1.1 is this machine, and all else is as it is on the internet."""

    def connect(self, opened: socket.socket, address: Any) -> None:
        self.connected.append(address[0])
        opened.connect(("127.0.0.1", address[1]))


@pytest.mark.parametrize(
    "location",
    """http://127.0.0.1:{port}/in http://localhost:{port}/in http://127.1:{port}/in http://[::ffff:7f00:1]:{port}/in
    //127.0.0.1:{port}/in http://me@127.0.0.1:{port}/in http://rebound.example:{port}/in
    http://169.254.169.254/latest/meta-data/ file:///etc/passwd http://2130706433:{port}/in ht%09tp://127.0.0.1/in""".split(),
)
def test_a_redirect_leads_nowhere_inside(here: Upstream, location: str) -> None:
    port = here.base.rpartition(":")[2]
    network = Doors({"rebound.example": [["127.0.0.1"]]})
    target = location.format(port=port)
    url = f"http://1.1.1.1:{port}/key?status=302&location={target}"
    with pytest.raises(NodeFailure) as caught:
        network.client().request("GET", url, headers={}, body=None, limits=HttpLimits(5))
    assert caught.value.code in ("private_address", "bad_url", "http_status")
    assert [call["path"] for call in here.calls["key"]] == ["/key"]
    assert set(network.connected) == {"1.1.1.1"}


def test_a_proxy_of_the_environment_is_not_used(here: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = OutgoingHttp(ANYWHERE, 1_000)
    assert client.request("GET", f"{here.base}/key", headers={}, body=None, limits=HttpLimits(5)).status == 200


def test_neither_a_log_nor_an_error_has_a_query_or_a_header(here: Upstream, caplog: pytest.LogCaptureFixture) -> None:
    client = OutgoingHttp(ANYWHERE, 1_000)
    caplog.set_level(logging.DEBUG)
    headers = {"authorization": SECRET}
    client.request("GET", f"{here.base}/key/{SECRET}?token={SECRET}", headers=headers, body=None, limits=HttpLimits(5))
    found = failure(client, f"http://127.0.0.1:9/{SECRET}?token={SECRET}")
    assert SECRET not in str(found.as_json()) + caplog.text


PARTS = st.sampled_from(
    [
        *"http https :// // : / \\ @ # ? [ ] % %25 . .. 0x7f 127.0.0.1 localhost ::1 ::ffff: 10. 1.1.1.1".split(),
        *(" ", "\t", "\r\n", "\0", "１", "。", "example.com", "a", "80", "\ud800", "xn--", "ß"),
    ]
)


@given(
    st.one_of(
        st.text(),
        st.lists(PARTS).map("".join),
        st.lists(PARTS).map(lambda parts: "http://" + "".join(parts)),
        st.ip_addresses().map(lambda address: f"http://{f'[{address}]' if address.version == 6 else address}/"),
    )
)
@example("http://xn--/")
@example("http://\ud800/")
@example("http://a@b@c/?\ud800")
def test_any_text_as_a_url_fails_as_a_node_and_reaches_nothing_private(url: str) -> None:
    network = Recorded({"example.com": [["1.1.1.1"]]})
    failure(network.client(), url)
    assert all(map(is_public, network.connected))
