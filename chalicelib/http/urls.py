"""The URLs that requests go to: read in one way only, compared by origin, told without their secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import unquote_plus, urlencode, urljoin, urlsplit

from urllib3.exceptions import LocationValueError
from urllib3.util import Url, parse_url

from chalicelib.node_contract import NodeFailure

SCHEMES = ("http://", "https://")
NO_HTTP_URL = "must be a URL with http:// or https:// and a host"
DEFAULT_PORTS = {"http": 80, "https": 443}
HOST_CHARACTERS = 253
MAX_CHARACTERS = 64_000
"""Longer ones no server takes; and a line of HTTP has a limit."""

_AUTHORITY = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAME = re.compile(r"([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")


class BadUrlError(ValueError):
    """A URL that is not asked; the message says what is wrong, without telling the URL."""


def parsed(url: str) -> Url:
    """The URL as urllib3 reads it, which is who connects. Raises BadUrlError for what others would read otherwise."""
    if len(url) > MAX_CHARACTERS:
        raise BadUrlError(f"must have at most {MAX_CHARACTERS:,} characters")
    if _CONTROL.search(url):
        raise BadUrlError("must have no line break, tab or other control character")
    authority = _AUTHORITY.match(url)
    if authority is None:
        raise BadUrlError(NO_HTTP_URL)
    _check_authority(authority[1])
    try:
        found = parse_url(url)
    except LocationValueError:
        raise BadUrlError("must have a host and a port that can be read") from None
    _check_host(found)
    return found


def checked(url: str) -> str:
    """The URL, if it is one that is asked. Raises NodeFailure."""
    try:
        parsed(url)
    except BadUrlError as error:
        raise NodeFailure("bad_url", f"the URL {error}") from None
    return url


def check_beginning(beginning: str) -> None:
    """Of a URL whose rest is not known yet. Raises BadUrlError."""
    known = beginning.lower()
    if not any(known.startswith(scheme) or scheme.startswith(known) for scheme in SCHEMES):
        raise BadUrlError(NO_HTTP_URL)


def _check_authority(authority: str) -> None:
    if not authority.isascii():
        raise BadUrlError("must have a host in ASCII; an international name is written with xn--")
    if {" ", "\\"} & {*authority} or "%" in authority.rpartition("@")[2]:
        raise BadUrlError("must have a host without spaces, \\ and %")


def _check_host(url: Url) -> None:
    """A number is an address only where it is written as one: resolvers take `127.1`, `0x7f.1` and `017.1` too."""
    host = url.host or ""
    is_name = len(host) <= HOST_CHARACTERS and _NAME.fullmatch(host)
    if url.port == 0 or not (is_name or _is_address(host.strip("[]"))):
        raise BadUrlError(NO_HTTP_URL)
    if is_name and _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) and not _is_address(host):
        raise BadUrlError("must have an IPv4 address as four decimal numbers")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def origin(url: str) -> tuple[str | None, str | None, int]:
    """Scheme, host and port: what a secret is meant for. Raises BadUrlError."""
    found = parsed(url)
    return found.scheme, found.host, found.port or DEFAULT_PORTS[str(found.scheme)]


def led_on(url: str, target: str, how: str) -> str:
    """Where an answer from `url` leads, by `how` (`redirects to`). Raises NodeFailure."""
    try:
        joined = urljoin(url, target)
        scheme = parsed(joined).scheme
    except ValueError:
        raise NodeFailure("bad_url", f"{place(url)} {how} what is no http or https URL") from None
    if (parsed(url).scheme, scheme) == ("https", "http"):
        raise NodeFailure(
            "insecure_url", f"{place(url)} {how} {place(joined)}, where anyone on the way could read along"
        )
    return joined


def place(url: str) -> str:
    """Scheme, host and port: the path, the query and the userinfo may hold a secret."""
    try:
        found = urlsplit(url)
        host, port = (found.hostname or "")[:HOST_CHARACTERS], found.port
    except ValueError:
        return "the URL"
    return f"{found.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


def with_query(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """The URL with these pairs behind the ones it has. No other character of it changes."""
    before, hash_mark, fragment = url.partition("#")
    target, _, query = before.partition("?")
    joined = "&".join(filter(None, (query, urlencode(list(pairs)))))
    return f"{target}?{joined}{hash_mark}{fragment}" if joined else url


def with_parameter(url: str, name: str, value: str) -> str:
    """The URL with this one value of a parameter, whatever it had."""
    before, hash_mark, fragment = url.partition("#")
    target, _, query = before.partition("?")
    others = [pair for pair in query.split("&") if unquote_plus(pair.partition("=")[0]) != name]
    return with_query(f"{target}?{'&'.join(others)}{hash_mark}{fragment}", [(name, value)])
