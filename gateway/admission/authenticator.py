"""Decides who may use the gateway: clients with a token from AUTH_TOKENS, or with a JSON Web Token that the
configured issuer has signed.

A token comes in the header `Authorization: Bearer …`. A browser can't set headers on a WebSocket, so it offers the
subprotocol `bearer.…` in addition to `aitalk`. A token is never part of a URL, so that no access log contains it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from common.errors import ServiceError
from gateway.admission.claims import refusal, subject_of
from gateway.admission.jwks import Jwks, UnknownKeyError
from gateway.config import GatewaySettings
from gateway.config.jwt_keys import algorithm_of

SUBPROTOCOL = "aitalk"
_OFFERS = ("bearer.", "openai-insecure-api-key.")  # OpenAI's clients in browsers offer the latter
_OPEN = {"/", "/health", "/ready"}


class UnauthorizedError(ServiceError):
    """There is no token, or it is not valid here."""

    code = "unauthorized"


@dataclass(frozen=True, slots=True)
class Client:
    """The client that limits apply to. name: the subject of a JWT, a digest of a token, or an address.

    subject: the subject of a JWT, which is one person. Empty for a token or an address, which several people may share.
    """

    name: str
    subject: str = ""


class Authenticator:
    """Checks tokens. Without tokens and keys it lets everybody in.

    jwt_key: the issuer's secret (HS256) or the PEM of its public key (RS256, ES256, EdDSA). audience, issuer: what each
    JWT must name; empty: not checked.
    """

    def __init__(
        self,
        tokens: Sequence[str] = (),
        *,
        jwt_key: str = "",
        jwt_algorithms: Sequence[str] = (),
        audience: str = "",
        issuer: str = "",
        leeway_s: float = 0.0,
        jwks: Jwks | None = None,
    ) -> None:
        self._digests = [_digest(token) for token in tokens]
        self._jwt_key = jwt_key
        self._jwt_algorithms = list(jwt_algorithms)
        self._audience = audience
        self._issuer = issuer
        self._leeway_s = leeway_s
        self._jwks = jwks

    @classmethod
    def of(cls, settings: GatewaySettings) -> Authenticator:
        """The Authenticator that the settings ask for."""
        secret = settings.jwt_secret.get_secret_value()
        return cls(
            settings.tokens,
            jwt_key=secret or settings.jwt_public_key,
            jwt_algorithms=[algorithm_of(settings.jwt_public_key) if settings.jwt_public_key else "HS256"],
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            leeway_s=settings.jwt_leeway_s,
            jwks=Jwks(settings.jwt_jwks_url) if settings.jwt_jwks_url else None,
        )

    async def run(self) -> None:
        """Keep the issuer's keys up to date, until cancelled; returns at once if no URL is set for them."""
        if self._jwks:
            await self._jwks.run()

    @property
    def is_open(self) -> bool:
        """Whether it lets everybody in."""
        return not (self._digests or self._jwt_key or self._jwks)

    def check(self, headers: Headers, address: str) -> Client:
        """The client that a request with these headers comes from. Raises UnauthorizedError."""
        if self.is_open:
            return Client(f"ip:{address}")
        token = token_of(headers)
        if not token:
            raise UnauthorizedError("a token is needed: send `Authorization: Bearer …`, or the subprotocol `bearer.…`")
        digest = _digest(token)
        # Compare all digests, each in constant time, so that the duration reveals nothing.
        if True in [hmac.compare_digest(digest, known) for known in self._digests]:
            return Client(f"token:{digest.hex()[:16]}")
        subject = self._subject(token)
        return Client(f"sub:{subject}", subject)

    def _subject(self, token: str) -> str:
        if not (self._jwt_key or self._jwks):
            raise UnauthorizedError("this token is not known here; check it, or ask for another one")
        try:
            return subject_of(self._claims(token))
        except UnknownKeyError:
            raise UnauthorizedError("this token's key is not known here; if it is new, try again in a moment") from None
        except jwt.PyJWTError as error:  # also raised if the key is of another type than the algorithm needs
            raise UnauthorizedError(refusal(error, token)) from None

    def _claims(self, token: str) -> dict[str, Any]:
        """The verified claims of a token. Raises UnknownKeyError, PyJWTError."""
        if self._jwks is None:
            return self._decode(token, self._jwt_key, self._jwt_algorithms)
        wrong: jwt.InvalidSignatureError | None = None
        for key in self._jwks.keys_for(token):
            try:
                return self._decode(token, key.key, [key.algorithm_name])
            except jwt.InvalidSignatureError as error:
                wrong = error
        self._jwks.fetch_soon()  # the issuer may have a new key without a name, or one with the name of an old key
        raise wrong or UnknownKeyError

    def _decode(self, token: str, key: Any, algorithms: list[str]) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=self._audience or None,
            issuer=self._issuer or None,
            leeway=self._leeway_s,
            # PyJWT refuses a `sub` that is a number; claims.py does not.
            options={"require": ["exp", "sub"], "verify_aud": bool(self._audience), "verify_sub": False},
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def token_of(headers: Headers) -> str:
    """The token of a request; empty if it has none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    offered = [one.strip() for one in headers.get("sec-websocket-protocol", "").split(",")]
    tokens = (one.removeprefix(offer) for one in offered for offer in _OFFERS if one.startswith(offer))
    return next(tokens, "")


def subprotocol(headers: Headers, ours: str = SUBPROTOCOL) -> str | None:
    """The subprotocol to accept, if it was offered: never the one that contains the token."""
    offered = [one.strip() for one in headers.get("sec-websocket-protocol", "").split(",")]
    return ours if ours in offered else None


def unauthorized(error: UnauthorizedError) -> Response:
    """The answer to a request without a valid token."""
    return JSONResponse({"detail": error.message}, status_code=401, headers={"WWW-Authenticate": "Bearer"})


def protect_http(
    app: FastAPI,
    authenticator: Authenticator,
    metrics_token: str,
    refuse: Callable[[str, UnauthorizedError], Response] = lambda path, error: unauthorized(error),
) -> None:
    """Answer HTTP requests without a valid token with 401, except for the page, its files, /health, /ready and
    requests with the method OPTIONS.

    metrics_token: if not empty, the only token that /metrics accepts. refuse: makes the answer from path and error.
    """
    metrics_authenticator = Authenticator([metrics_token]) if metrics_token else authenticator

    def check(request: HTTPConnection) -> None:
        path = request.url.path
        if path not in _OPEN and not path.startswith("/static/") and request.scope["method"] != "OPTIONS":
            (metrics_authenticator if path == "/metrics" else authenticator).check(request.headers, _host(request))

    app.add_middleware(_Protection, check=check, refuse=refuse)


class _Protection:
    """ASGI middleware. It does not use Starlette's BaseHTTPMiddleware, because with that a response that breaks off
    looks complete."""

    def __init__(
        self,
        app: ASGIApp,
        check: Callable[[HTTPConnection], None],
        refuse: Callable[[str, UnauthorizedError], Response],
    ) -> None:
        self._app = app
        self._check = check
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = HTTPConnection(scope)
            try:
                self._check(request)
            except UnauthorizedError as error:
                await self._refuse(request.url.path, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _host(request: HTTPConnection) -> str:
    return request.client.host if request.client else ""


def client_of(websocket: HTTPConnection, authenticator: Authenticator) -> Client:
    """The client that a request or a WebSocket comes from. Raises UnauthorizedError."""
    return authenticator.check(websocket.headers, _host(websocket))
