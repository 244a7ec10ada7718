"""Who may come in: a token out of AUTH_TOKENS, or a JSON Web Token signed with our key.

A token travels in the header `Authorization: Bearer …`; a browser, which can't set headers on a WebSocket, offers the
subprotocol `bearer.…` beside `aitalk`. It is never part of an address, so that it ends up in no access log.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import jwt
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from common.errors import ServiceError
from gateway.config import GatewaySettings

SUBPROTOCOL = "aitalk"
_OFFER = "bearer."
_OPEN = {"/", "/health", "/ready"}


class UnauthorizedError(ServiceError):
    """No token, or one that is not good here."""

    code = "unauthorized"


@dataclass(frozen=True, slots=True)
class Client:
    """Whose limits count: the subject of a JWT, a digest of a token, or an address.

    subject: of a JWT, which is one person; empty for the others, which many people may share.
    """

    name: str
    subject: str = ""


class Authenticator:
    """Checks tokens. Without tokens and keys it is open.

    jwt_key: the secret (HS256) or the PEM of the public key (RS256, ES256, EdDSA) of whoever issues JWTs. audience and
    issuer: required of them if not empty.
    """

    def __init__(
        self,
        tokens: Sequence[str] = (),
        *,
        jwt_key: str = "",
        jwt_algorithms: Sequence[str] = (),
        audience: str = "",
        issuer: str = "",
    ) -> None:
        self._digests = [_digest(token) for token in tokens]
        self._jwt_key = jwt_key
        self._jwt_algorithms = list(jwt_algorithms)
        self._audience = audience
        self._issuer = issuer

    @classmethod
    def of(cls, settings: GatewaySettings) -> Authenticator:
        secret = settings.jwt_secret.get_secret_value()
        return cls(
            settings.tokens,
            jwt_key=secret or settings.jwt_public_key,
            jwt_algorithms=["HS256"] if secret else ["RS256", "ES256", "EdDSA"],
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
        )

    @property
    def is_open(self) -> bool:
        return not (self._digests or self._jwt_key)

    def check(self, headers: Headers, address: str) -> Client:
        """Whose request this is. Raises UnauthorizedError."""
        if self.is_open:
            return Client(f"ip:{address}")
        token = _token_of(headers)
        if not token:
            raise UnauthorizedError("a token is needed: send `Authorization: Bearer …`, or the subprotocol `bearer.…`")
        digest = _digest(token)
        # Digests of one length, compared in constant time, and all of them: nothing is learnt from how long it takes.
        if True in [hmac.compare_digest(digest, known) for known in self._digests]:
            return Client(f"token:{digest.hex()[:16]}")
        subject = self._subject(token)
        return Client(f"sub:{subject}", subject)

    def _subject(self, token: str) -> str:
        if not self._jwt_key:
            raise UnauthorizedError("this token is not known here; check it, or ask for another one")
        try:
            claims = jwt.decode(
                token,
                self._jwt_key,
                algorithms=self._jwt_algorithms,
                audience=self._audience or None,
                issuer=self._issuer or None,
                options={"require": ["exp", "sub"], "verify_aud": bool(self._audience)},
            )
        except jwt.ExpiredSignatureError:
            raise UnauthorizedError("this token has expired; ask for another one") from None
        except jwt.InvalidTokenError as error:
            raise UnauthorizedError(f"this token is not good here ({type(error).__name__})") from None
        return str(claims["sub"])


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _token_of(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    offered = [one.strip() for one in headers.get("sec-websocket-protocol", "").split(",")]
    return next((one.removeprefix(_OFFER) for one in offered if one.startswith(_OFFER)), "")


def subprotocol(headers: Headers) -> str | None:
    """What to answer a client that offers subprotocols: never the one with the token in it."""
    offered = [one.strip() for one in headers.get("sec-websocket-protocol", "").split(",")]
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


def protect_http(app: FastAPI, authenticator: Authenticator, metrics_token: str) -> None:
    """401 for HTTP requests without a good token, but for the page, its files, /health and /ready.

    metrics_token: if not empty, the only one that /metrics takes.
    """
    metrics_authenticator = Authenticator([metrics_token]) if metrics_token else authenticator

    @app.middleware("http")
    async def check(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        path = request.url.path
        if path not in _OPEN and not path.startswith("/static/") and request.method != "OPTIONS":
            try:
                (metrics_authenticator if path == "/metrics" else authenticator).check(request.headers, _host(request))
            except UnauthorizedError as error:
                return JSONResponse({"detail": error.message}, status_code=401, headers={"WWW-Authenticate": "Bearer"})
        return await go_on(request)


def _host(request: HTTPConnection) -> str:
    return request.client.host if request.client else ""


def client_of(websocket: HTTPConnection, authenticator: Authenticator) -> Client:
    """Whose WebSocket this is. Raises UnauthorizedError."""
    return authenticator.check(websocket.headers, _host(websocket))
