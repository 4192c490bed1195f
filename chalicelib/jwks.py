"""The keys that an issuer of tokens publishes (RFC 7517): fetched when first needed, kept, and fetched anew."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import urllib3

from .errors import UnavailableError
from .observability import logger
from .rs256 import RsaKey

REFETCH_SECONDS = 3600.0
"""How old keys may be, so that one which the issuer takes back is not taken for ever."""
KEPT_SECONDS = 24 * 3600.0
"""How long they hold while the issuer can't be asked."""
PAUSE_SECONDS = 10.0
"""Between two fetches at least, whatever names of keys are made up."""
TIMEOUT_SECONDS = 3.0
MAX_BYTES = 1024 * 1024
"""What is longer is cut, and no JSON then."""


class KeySet:
    """The keys at a URL. `clock` gives seconds."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._http = urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=False)
        self._lock = threading.Lock()
        self._keys: Mapping[str, RsaKey] = {}
        self._fetched_at = self._tried_at = -math.inf

    def find(self, name: str) -> RsaKey | None:
        """The key of that name; None where the issuer publishes none. Raises UnavailableError where no one can tell."""
        with self._lock:
            now = self._clock()
            is_wanted = name not in self._keys or now - self._fetched_at > REFETCH_SECONDS
            if is_wanted and now - self._tried_at >= PAUSE_SECONDS:
                self._fetch(now)
            if name in self._keys and now - self._fetched_at <= KEPT_SECONDS:
                return self._keys[name]
            if self._fetched_at < self._tried_at:
                raise UnavailableError("the keys of the tokens' issuer can't be had; try again in a moment")
            return None

    def _fetch(self, now: float) -> None:
        self._tried_at = now
        try:
            self._keys = _usable(self._read())
        except (urllib3.exceptions.HTTPError, ValueError, RecursionError):
            logger.warning("the keys of the tokens' issuer can't be had", url=self._url, exc_info=True)
        else:
            self._fetched_at = now

    def _read(self) -> Any:
        response = self._http.request("GET", self._url, preload_content=False)
        try:
            content = response.read(MAX_BYTES)
        finally:
            response.close()
        if response.status != HTTPStatus.OK:
            raise ValueError(f"status {response.status}")
        return json.loads(content)


def _usable(document: Any) -> dict[str, RsaKey]:
    """The keys by which RS256 signatures can be verified, by their names. Raises ValueError where there is none."""
    published = document.get("keys") if isinstance(document, dict) else None
    keys = {}
    for jwk in published if isinstance(published, list) else []:
        if isinstance(jwk, dict) and _is_for_rs256(jwk):
            try:
                keys[jwk["kid"]] = RsaKey(jwk)
            except ValueError as error:
                logger.warning("a key of the tokens' issuer is passed over", kid=jwk["kid"], reason=str(error))
    if not keys:
        raise ValueError("no RSA key for signatures in it")
    return keys


def _is_for_rs256(jwk: Mapping[str, Any]) -> bool:
    """A key may leave its use and its algorithm open (RFC 7517, 4.2 and 4.4)."""
    described = (jwk.get("kty"), jwk.get("use", "sig"), jwk.get("alg", "RS256"))
    return described == ("RSA", "sig", "RS256") and isinstance(jwk.get("kid"), str)
