"""Headers of requests: which can be sent, which are the request's own to set, which another origin may see."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote

from chalicelib.node_contract import NodeFailure

from .urls import origin, parsed

USER_AGENT = "stepgraph"
TO_ANY_ORIGIN = frozenset({"accept", "accept-encoding", "accept-language", "user-agent", "content-type"})
FRAMING = frozenset({"content-length", "transfer-encoding"})
"""Set from the body: a wrong one would make the rest of a body the next request of a pooled connection."""
HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade",
        "expect", "proxy-authenticate", "proxy-authorization",
    }
)  # fmt: skip
"""Of a connection, which is not the caller's (RFC 9110, section 7.6.1), or of a proxy, of which there is none."""
OWN = FRAMING | HOP_BY_HOP | {"host", "accept-encoding"}
"""Not the caller's to set. `host` comes from the URL: another one would ask a server for what the URL doesn't name.
`accept-encoding` is what we can unpack."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def flaw(name: str, value: str) -> str | None:
    """Why a header can't be sent, in words; None where it can. A value is never told: it may be a secret, as may a
    name that is none."""
    if not _NAME.fullmatch(name):
        return "a header's name has characters it can't have"
    if not _VALUE.fullmatch(value):
        return f"the header {name} has a line break or another character it can't have"
    return None


def has_twice(headers: Mapping[str, object]) -> bool:
    """Whether two names are one but for their case, so that one value would be lost; null is none."""
    names = [name.lower() for name, value in headers.items() if value is not None]
    return len(names) != len({*names})


def sendable(headers: Mapping[str, str], url: str) -> dict[str, str]:
    """The headers that are sent, names in lower case: those that are the caller's to set, who we are, and the
    credentials that the URL has before its host. Raises NodeFailure."""
    for name, value in headers.items():
        if why := flaw(name, value):
            raise NodeFailure("bad_request", f"the request can't be sent: {why}")
    given = {name.lower(): value for name, value in headers.items() if name.lower() not in OWN}
    return {"user-agent": USER_AGENT, "accept-encoding": "gzip", **credentials(url), **given}


def credentials(url: str) -> dict[str, str]:
    """`me:secret@host` is the Basic scheme (RFC 7617), as users of curl expect."""
    userinfo = parsed(url).auth
    return {"authorization": f"Basic {b64encode(unquote(userinfo).encode()).decode()}"} if userinfo else {}


def received(value: str) -> str:
    """A value as it was meant: http.client reads Latin-1, and UTF-8 is what is sent today."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def for_origin(url: str, meant_for: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that `url` may see, of those that were meant for another URL: any may hold a secret."""
    if origin(url) == origin(meant_for):
        return dict(headers)
    return {name: value for name, value in headers.items() if name in TO_ANY_ORIGIN}
