"""The public keys of an issuer of JSON Web Tokens, by URL (JWKS, RFC 7517), so that the issuer can change its keys.

The keys are fetched in the background, never while a token is checked: every REFRESH_S, and sooner if a token names an
unknown key. The client with that token is told to try again in a moment. Keys that were fetched remain valid while
the issuer can't be reached.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import jwt

logger = logging.getLogger(__name__)

REFRESH_S = 300.0
COOLDOWN_S = 5.0  # between two fetches, however many unknown keys are named
FETCH_TIMEOUT_S = 5.0  # the longest pause between two bytes of an answer
WHOLE_FETCH_S = 10.0
# Errors of PyJWT, of a connection that breaks during the answer, and of an answer that isn't JSON, such as a proxy's
# page.
_CAN_NOT_BE_FETCHED = (jwt.PyJWTError, OSError, ValueError, RecursionError)
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})


class UnknownKeyError(Exception):
    """The token is signed with a key that is not known, or not yet."""


class Jwks:
    """The keys at `url`. `run` keeps them up to date."""

    def __init__(self, url: str, *, cooldown_s: float = COOLDOWN_S, whole_fetch_s: float = WHOLE_FETCH_S) -> None:
        self.url = url
        self._whole_fetch_s = whole_fetch_s
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_TIMEOUT_S)
        self._cooldown_s = cooldown_s
        self._keys: list[jwt.PyJWK] = []
        self._is_away = False
        self._wanted = asyncio.Event()
        self._fetching: asyncio.Future[jwt.PyJWKSet] | None = None

    def keys_for(self, token: str) -> list[jwt.PyJWK]:
        """The keys that may have signed the token. Raises UnknownKeyError, or PyJWTError if it isn't a token.

        A token need not name its key, and a key need not have a name (RFC 7515, 7517). If the token names no key, any
        key for its algorithm may be the right one; if no key has the name in the token, any such key without a name.
        """
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        found = [key for key in self._keys if kid is not None and key.key_id == kid]
        if not found:
            nameless = [key for key in self._keys if kid is None or key.key_id is None]
            found = [key for key in nameless if key.algorithm_name == header.get("alg")]
        if not found:
            self.fetch_soon()
            raise UnknownKeyError
        return found

    def fetch_soon(self) -> None:
        """Fetch the keys again soon, because a token was signed with an unknown key: the issuer may have a new one."""
        self._wanted.set()

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
            found = await self._document()
        except _CAN_NOT_BE_FETCHED as error:
            if not self._is_away:
                reason = str(error) or f"no complete answer within {self._whole_fetch_s:g} s"
                logger.warning("the keys at JWT_JWKS_URL can't be fetched: %s", reason)
            self._is_away = True
            self._wanted.set()  # fetch again after the cooldown
            return
        self._is_away = False
        # A symmetric key in a public document would let everybody sign.
        signing = [key for key in found.keys if key.public_key_use in ("sig", None)]
        self._keys = [key for key in signing if key.algorithm_name in ALGORITHMS]
        if not self._keys:
            logger.warning("JWT_JWKS_URL has no key for %s", ", ".join(sorted(ALGORITHMS)))

    async def _document(self) -> jwt.PyJWKSet:
        """The issuer's answer. Raises one of _CAN_NOT_BE_FETCHED.

        Waits WHOLE_FETCH_S at most. The thread that waits for the answer can't be ended. So if the answer is slower,
        the next fetch waits for it, too, instead of starting another thread.
        """
        if self._fetching is None:
            self._fetching = asyncio.ensure_future(asyncio.to_thread(self._client.get_jwk_set))
        done, _ = await asyncio.wait({self._fetching}, timeout=self._whole_fetch_s)
        if not done:
            raise TimeoutError
        fetched, self._fetching = self._fetching, None
        return fetched.result()
