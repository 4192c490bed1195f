"""What went wrong with a request, in the user's words. Told by kind: the text of an error may hold what was sent."""

from __future__ import annotations

from http.client import IncompleteRead
from ssl import SSLCertVerificationError

from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from chalicelib.node_contract import NodeFailure

from .connection import Exchange, ForbiddenAddressError


def failure(where: str, error: Exception, exchange: Exchange) -> NodeFailure:
    """Why there is no answer from `where`, a scheme with a host and a port. Of urllib3's kinds each may be one of the
    next as well."""
    limits = exchange.limits
    if exchange.is_late:
        return _timeout(f"{where} did not answer", limits.seconds)
    match error:
        case LocationValueError():
            return NodeFailure("bad_url", "the URL must have a host that can be looked up")
        case ForbiddenAddressError():
            return NodeFailure("private_address", f"{where} leads to an address that workflows may not reach")
        case NameResolutionError():
            return _passing("name_not_found", f"{where}: the host name can't be resolved")
        case NewConnectionError():
            return _passing("connection_failed", f"{where} can't be connected to")
        case ConnectTimeoutError():
            return _timeout(f"{where} can't be connected to", min(limits.connect_seconds, limits.seconds))
        case ReadTimeoutError():
            seconds = min(limits.read_seconds or limits.seconds, limits.seconds)
            return _timeout(f"{where} did not go on with its answer", seconds)
        case HTTPError() | OSError():
            return _broken(where, error)
        case _:
            return NodeFailure("bad_request", f"the request can't be sent: {type(error).__name__}")


def _broken(where: str, error: HTTPError | OSError) -> NodeFailure:
    match error:
        case SSLError(args=(SSLCertVerificationError() as why, *_)):
            return NodeFailure("bad_certificate", f"{where} has a certificate to distrust: {why.verify_message}")
        case SSLError():
            return _passing("network_error", f"{where} can't be reached over TLS")
        case DecodeError():
            return NodeFailure("bad_answer", f"{where} has packed its answer in a way that can't be read")
        case OSError() | ProtocolError(args=(_, OSError() | IncompleteRead())):
            return _passing("network_error", f"{where} broke off before its answer was complete")
        case _:
            return _passing("network_error", f"{where} has an answer that is no HTTP")


def _timeout(what: str, seconds: float) -> NodeFailure:
    return _passing("timeout", f"{what} within {seconds:.3g} s")


def _passing(code: str, message: str) -> NodeFailure:
    return NodeFailure(code, message, retryable=True)
