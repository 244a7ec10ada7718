"""JSON Web Tokens whose keys are fetched from their issuer. The issuer changes its keys."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm, HMACAlgorithm
from starlette.datastructures import Headers

from gateway.admission.authenticator import Authenticator, UnauthorizedError
from gateway.admission.jwks import Jwks
from gateway.config import GatewaySettings

CLAIMS = {"sub": "learner 7", "aud": "aitalk", "iss": "school"}


class Issuer:
    """Serves the public halves of `keys`, and an error text if `keys` is None. `instead` replaces either answer."""

    def __init__(self) -> None:
        self.keys: dict[str, ec.EllipticCurvePrivateKey] | None = {}
        self.more: list[dict[str, Any]] = []
        self.names_keys = True
        self.instead: bytes | None = None
        self.fetches = 0
        self.url = ""

    def add(self, kid: str) -> None:
        assert self.keys is not None
        self.keys[kid] = ec.generate_private_key(ec.SECP256R1())

    def sign(self, kid: str, **claims: Any) -> str:
        assert self.keys is not None
        return jwt.encode(CLAIMS | {"exp": time.time() + 60} | claims, self.keys[kid], "ES256", headers={"kid": kid})

    def sign_nameless(self, kid: str) -> str:
        assert self.keys is not None
        return jwt.encode(CLAIMS | {"exp": time.time() + 60}, self.keys[kid], "ES256")

    def document(self) -> bytes:
        self.fetches += 1
        if self.instead is not None:
            return self.instead
        if self.keys is None:
            return b"out of order"
        public = {kid: ECAlgorithm.to_jwk(key.public_key(), as_dict=True) for kid, key in self.keys.items()}
        listed = [
            ({"kid": kid} if self.names_keys else {}) | {"use": "sig", "alg": "ES256"} | key
            for kid, key in public.items()
        ]
        return json.dumps({"keys": [*listed, *self.more]}).encode()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    it = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(it.document())

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        it.url = f"http://127.0.0.1:{server.server_port}/keys"
        yield it
        server.shutdown()


def subject(authenticator: Authenticator, token: str) -> str:
    return authenticator.check(Headers({"authorization": f"Bearer {token}"}), "").subject


async def until_known(authenticator: Authenticator, token: str) -> str:
    async with asyncio.timeout(20):
        while True:
            try:
                return subject(authenticator, token)
            except UnauthorizedError:
                await asyncio.sleep(0.01)


async def test_keys_are_fetched_changed_and_kept_while_the_issuer_is_away(issuer: Issuer) -> None:
    issuer.add("old")
    authenticator = Authenticator(jwks=Jwks(issuer.url, cooldown_s=0.02), audience="aitalk", issuer="school")
    running = asyncio.create_task(authenticator.run())
    assert await until_known(authenticator, issuer.sign("old")) == "learner 7"
    issuer.add("new")
    with pytest.raises(UnauthorizedError, match="try again in a moment"):
        subject(authenticator, issuer.sign("new"))
    assert await until_known(authenticator, issuer.sign("new")) == "learner 7"
    token, issuer.keys = issuer.sign("old"), None
    with pytest.raises(UnauthorizedError):
        subject(authenticator, jwt.encode(CLAIMS, "x" * 32, "HS256", headers={"kid": "never"}))  # asks the issuer again
    fetches = issuer.fetches
    async with asyncio.timeout(20):
        while issuer.fetches == fetches:
            await asyncio.sleep(0.01)
    assert subject(authenticator, token) == "learner 7"
    running.cancel()


async def test_a_key_that_the_issuer_withdraws_is_soon_worth_nothing(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No token names an unknown key, so only the regular fetches can show that the key is gone."""
    monkeypatch.setattr("gateway.admission.jwks.REFRESH_S", 0.02)
    issuer.add("leaked")
    authenticator = Authenticator(jwks=Jwks(issuer.url, cooldown_s=0.01), audience="aitalk", issuer="school")
    running = asyncio.create_task(authenticator.run())
    token = issuer.sign("leaked")
    await until_known(authenticator, token)
    issuer.keys, fetches = {}, issuer.fetches
    issuer.add("new")
    async with asyncio.timeout(20):
        while issuer.fetches < fetches + 3:
            await asyncio.sleep(0.01)
    with pytest.raises(UnauthorizedError):
        subject(authenticator, token)
    running.cancel()


async def test_the_issuer_is_asked_no_more_often_however_many_unknown_keys_are_named(issuer: Issuer) -> None:
    issuer.add("key")
    authenticator = Authenticator(jwks=Jwks(issuer.url, cooldown_s=0.3), audience="aitalk", issuer="school")
    running = asyncio.create_task(authenticator.run())
    await until_known(authenticator, issuer.sign("key"))
    stranger = jwt.encode(CLAIMS, "x" * 32, "HS256", headers={"kid": "never"})
    began, before = time.monotonic(), issuer.fetches
    while time.monotonic() - began < 0.4:
        with pytest.raises(UnauthorizedError):
            subject(authenticator, stranger)
        await asyncio.sleep(0.005)
    assert issuer.fetches - before <= 1 + (time.monotonic() - began) / 0.3
    running.cancel()


@pytest.mark.parametrize(
    "answer",
    [b"<html>Bad gateway</html>", b"\xff\xfe\xff", b"[" * 100_000, b"\x1f\x8b", b"[]", b'{"keys":[{"kty":5}]}', b""],
    ids=["a page", "no text", "deep", "compressed", "a list", "no key", "nothing"],
)
async def test_an_answer_that_holds_no_keys_changes_nothing(issuer: Issuer, answer: bytes) -> None:
    issuer.add("old")
    authenticator = Authenticator(jwks=Jwks(issuer.url, cooldown_s=0.01), audience="aitalk", issuer="school")
    running = asyncio.create_task(authenticator.run())
    await until_known(authenticator, issuer.sign("old"))
    issuer.add("new")
    issuer.instead, fetches = answer, issuer.fetches
    with pytest.raises(UnauthorizedError):
        subject(authenticator, issuer.sign("new"))
    async with asyncio.timeout(20):
        while issuer.fetches < fetches + 2:
            await asyncio.sleep(0.01)
    assert subject(authenticator, issuer.sign("old")) == "learner 7"
    issuer.instead = None
    assert await until_known(authenticator, issuer.sign("new")) == "learner 7"
    running.cancel()


async def test_an_issuer_that_never_finishes_its_answer_takes_one_thread_and_is_asked_again() -> None:
    asked = 0

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await until_over.wait()
        writer.close()

    until_over = asyncio.Event()
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        jwks = Jwks(f"http://127.0.0.1:{port}/keys", cooldown_s=0.01, whole_fetch_s=0.05)
        running = asyncio.create_task(jwks.run())
        await asyncio.sleep(0.5)
        assert asked == 1
        until_over.set()
        async with asyncio.timeout(20):
            while asked < 3:
                await asyncio.sleep(0.01)
        running.cancel()


async def test_invalid_tokens_are_refused_with_fetched_keys_too(issuer: Issuer) -> None:
    issuer.add("key")
    secret = "a secret in a public document is no secret"
    issuer.more = [{"kid": "shared", "alg": "HS256"} | HMACAlgorithm.to_jwk(secret, as_dict=True)]
    authenticator = Authenticator(jwks=Jwks(issuer.url, cooldown_s=0), audience="aitalk", issuer="school")
    running = asyncio.create_task(authenticator.run())
    await until_known(authenticator, issuer.sign("key"))
    stranger = ec.generate_private_key(ec.SECP256R1())
    for wrong in (
        issuer.sign("key", aud="others"),
        issuer.sign("key", iss="others"),
        issuer.sign("key", exp=time.time() - 60),
        jwt.encode(CLAIMS | {"exp": time.time() + 60}, stranger, "ES256", headers={"kid": "key"}),
        jwt.encode(CLAIMS | {"exp": time.time() + 60}, secret, "HS256", headers={"kid": "shared"}),
        jwt.encode(CLAIMS | {"exp": time.time() + 60}, "", "none", headers={"kid": "key"}),
        "no token",
    ):
        with pytest.raises(UnauthorizedError):
            subject(authenticator, wrong)
    running.cancel()


KEYS = {
    "jwt_jwks_url": "https://a.example/keys",
    "jwt_public_key": ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode(),
}


def in_production(**given: str) -> GatewaySettings:
    return GatewaySettings(_env_file=None, environment="production", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("named", [{}, {"jwt_audience": "a"}, {"jwt_issuer": "b"}])
def test_in_production_the_issuer_and_the_audience_are_named(key: str, named: dict[str, str]) -> None:
    """An identity provider's keys also sign the tokens of other applications. A shared secret is the gateway's own."""
    given = {key: KEYS[key]} | named
    with pytest.raises(ValueError, match=f"{key.upper()} needs JWT_AUDIENCE and JWT_ISSUER"):
        in_production(**given).check_protection()
    in_production(**{key: KEYS[key]}, jwt_audience="a", jwt_issuer="b").check_protection()
    GatewaySettings(_env_file=None, **given).check_protection()  # type: ignore[arg-type]
    in_production(jwt_secret="x" * 32).check_protection()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"jwt_jwks_url": "http://a.example/keys", "jwt_audience": "a", "jwt_issuer": "b"}, "needs https"),
        ({"jwt_jwks_url": "https://a.example/keys", "jwt_secret": "x" * 32}, "only one of"),
    ],
)
def test_in_production_the_keys_come_from_one_safe_place(given: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        in_production(**given).check_protection()


async def test_a_token_need_not_name_its_key(issuer: Issuer) -> None:
    issuer.add("first")
    issuer.add("second")
    authenticator = Authenticator(jwks=Jwks(issuer.url, cooldown_s=0.02), audience="aitalk", issuer="school")
    running = asyncio.create_task(authenticator.run())
    await until_known(authenticator, issuer.sign("first"))
    assert subject(authenticator, issuer.sign_nameless("first")) == "learner 7"
    assert subject(authenticator, issuer.sign_nameless("second")) == "learner 7"
    issuer.add("new")  # its first token makes the gateway fetch the keys
    assert await until_known(authenticator, issuer.sign_nameless("new")) == "learner 7"
    stranger = jwt.encode(CLAIMS | {"exp": time.time() + 60}, ec.generate_private_key(ec.SECP256R1()), "ES256")
    with pytest.raises(UnauthorizedError, match="InvalidSignatureError"):
        subject(authenticator, stranger)
    running.cancel()


async def test_keys_need_no_names(issuer: Issuer) -> None:
    issuer.add("first")
    issuer.add("second")
    issuer.names_keys = False
    authenticator = Authenticator(jwks=Jwks(issuer.url, cooldown_s=0.02), audience="aitalk", issuer="school")
    running = asyncio.create_task(authenticator.run())
    assert await until_known(authenticator, issuer.sign("second")) == "learner 7"
    assert subject(authenticator, issuer.sign_nameless("first")) == "learner 7"
    running.cancel()
