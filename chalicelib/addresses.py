"""What a URL's address may tell: its place without its secrets, and which IP addresses are public."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

GLOBAL_UNICAST = IPv6Network("2000::/3")
HOST_CHARACTERS = 253


def place(url: str) -> str:
    """Scheme, host and port: the path, the query and the userinfo may hold a secret."""
    try:
        parsed = urlsplit(url)
        host, port = (parsed.hostname or "")[:HOST_CHARACTERS], parsed.port
    except ValueError:
        return "the URL"
    return f"{parsed.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


def is_public(address: str) -> bool:
    """Whether an IP address is of the open internet, as are all addresses that it carries inside."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not parsed.is_multicast
    if parsed.ipv4_mapped:
        return is_public(str(parsed.ipv4_mapped))
    return parsed in GLOBAL_UNICAST and parsed.is_global and all(is_public(str(inner)) for inner in _carried(parsed))


def is_any(_address: str) -> bool:
    """For a stack on one machine, whose workflows may reach that machine."""
    return True


def _carried(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses to which a tunnel of 6to4 or Teredo would lead."""
    return [*filter(None, (address.sixtofour,)), *(address.teredo or ())]
