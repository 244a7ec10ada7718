"""The public keys of an issuer of JSON Web Tokens, by URL (JWKS, RFC 7517), so that the issuer can change its keys.

The keys are fetched in the background, never while a token is checked: every REFRESH_S, and sooner if a token names a
key that is not known. Then its client is told to try again in a moment. Keys that were fetched stay good while the
issuer is away.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import jwt

logger = logging.getLogger(__name__)

REFRESH_S = 300.0
COOLDOWN_S = 5.0  # between two fetches, however many unknown keys are named
FETCH_TIMEOUT_S = 5.0
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})


class UnknownKeyError(Exception):
    """The token is signed with a key that is not known, or not yet."""


class Jwks:
    """The keys at `url`. `run` keeps them up to date."""

    def __init__(self, url: str, *, cooldown_s: float = COOLDOWN_S) -> None:
        self.url = url
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_TIMEOUT_S)
        self._cooldown_s = cooldown_s
        self._keys: dict[str, jwt.PyJWK] = {}
        self._is_away = False
        self._wanted = asyncio.Event()

    def key_of(self, token: str) -> jwt.PyJWK:
        """The key that the token names. Raises UnknownKeyError, or PyJWTError if it is no token."""
        key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            self._wanted.set()
            raise UnknownKeyError
        return key

    async def run(self) -> None:
        """Fetch the keys now, regularly, and when an unknown one is named, until cancelled."""
        while True:
            self._wanted.clear()
            await self._fetch()
            await asyncio.sleep(self._cooldown_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), REFRESH_S)

    async def _fetch(self) -> None:
        try:
            found = await asyncio.to_thread(self._client.get_signing_keys)
        except jwt.PyJWTError as error:
            if not self._is_away:
                logger.warning("the keys at JWT_JWKS_URL can't be fetched: %s", error)
            self._is_away = True
            self._wanted.set()  # again after the cooldown
            return
        self._is_away = False
        # A symmetric key in a public document would let everybody sign.
        self._keys = {str(key.key_id): key for key in found if key.algorithm_name in ALGORITHMS}
        if not self._keys:
            logger.warning("JWT_JWKS_URL has no key for %s", ", ".join(sorted(ALGORITHMS)))
