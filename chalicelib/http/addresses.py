"""Which addresses and names are of the open internet, and which lead inside."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: how an IPv6-only network writes the IPv4 addresses of the internet, when DNS64 answers for its names."""
ISATAP = {bytes.fromhex("00005efe"), bytes.fromhex("02005efe")}
"""RFC 5214: what stands before an IPv4 address in an interface's part of an IPv6 one."""

CLOSED = tuple(
    map(
        IPv4Network,
        (
            "192.0.0.0/24",  # IETF protocol assignments
            "192.88.99.0/24",  # once the relays of 6to4
            "168.63.129.16/32",  # inside Azure, the host of a virtual machine
        ),
    )
)
"""Taken for public by the releases of Python that we run on, or by all."""
CLOSED_6 = (IPv6Network("3fff::/20"),)
"""Documentation (RFC 9637), which older releases of Python don't know."""

INSIDE = ("localhost", "local", "internal", "home.arpa")
"""Names below these are of a private network (RFC 6761, 6762 and 8375; ICANN keeps `internal` for that)."""


def is_public(address: str) -> bool:
    """Whether an IP address is of the open internet, as are all addresses that it carries inside."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not parsed.is_multicast and not any(parsed in closed for closed in CLOSED)
    if carried := _stands_for(parsed):
        return is_public(str(carried))
    if parsed not in GLOBAL_UNICAST or not parsed.is_global or any(parsed in closed for closed in CLOSED_6):
        return False
    return all(is_public(str(inner)) for inner in _carried(parsed))


def is_public_name(host: str) -> bool:
    """Whether a host may be looked up: a name of the inside is refused unseen, so no one learns which there are."""
    name = host.lower().rstrip(".")
    return not any(name == inside or name.endswith(f".{inside}") for inside in INSIDE)


def is_any(_address: str) -> bool:
    """For a stack on one machine, whose workflows may reach that machine."""
    return True


def _stands_for(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that is meant by a mapped one, or reached through NAT64."""
    return address.ipv4_mapped or (_last(address) if address in NAT64 else None)


def _carried(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses to which a tunnel of 6to4, Teredo or ISATAP would lead."""
    isatap = [_last(address)] if address.packed[8:12] in ISATAP else []
    return [*filter(None, (address.sixtofour,)), *(address.teredo or ()), *isatap]


def _last(address: IPv6Address) -> IPv4Address:
    return IPv4Address(address.packed[12:])
