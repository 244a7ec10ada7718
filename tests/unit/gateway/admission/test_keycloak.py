"""Tokens with the claims, keys and headers of Keycloak, as configured in deploy/keycloak.

The claims are those of an access token, an ID token and a refresh token of Keycloak 26 for a public client.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.datastructures import Headers

from gateway.admission.authenticator import Authenticator, Client, UnauthorizedError
from gateway.config import GatewaySettings

FOLDER = Path(__file__).parents[4] / "deploy" / "keycloak"
REALM: dict[str, Any] = json.loads((FOLDER / "realm-school.json").read_text())
SERVICES: dict[str, Any] = yaml.safe_load((FOLDER / "docker-compose.yml").read_text())["services"]
GATEWAY: dict[str, str] = SERVICES["gateway"]["environment"]
(CLIENT,) = REALM["clients"]
(MAPPER,) = CLIENT["protocolMappers"]
AUDIENCE = MAPPER["config"]["included.custom.audience"]
ANA = "0f9f2a52-7b1c-4c0e-9a53-3a1b7d0c2f11"


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """The key of that name. It is made when it is first used, because all of pytest's workers import this file, and
    making a key takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def listed(key: rsa.RSAPrivateKey, kid: str, use: str, alg: str) -> dict[str, Any]:
    return {"kid": kid, "use": use, "alg": alg, "x5t": "…", **RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)}


def access_token(key: str = "signing", kid: str = "sig-1", **claims: Any) -> str:
    now = int(time.time())
    written: dict[str, Any] = {
        "exp": now + 3600,
        "iat": now,
        "auth_time": now,
        "jti": "onrtac:9d0a",
        "typ": "Bearer",
        "acr": "1",
        "iss": GATEWAY["JWT_ISSUER"],
        "aud": [AUDIENCE, "account"],
        "sub": ANA,
        "azp": CLIENT["clientId"],
        "sid": "5b6c",
        "allowed-origins": CLIENT["webOrigins"],
        "scope": "openid email profile",
        "realm_access": {"roles": ["default-roles-school", "offline_access"]},
        "preferred_username": "ana",
        **claims,
    }
    return jwt.encode(
        {k: v for k, v in written.items() if v is not None}, private_key(key), "RS256", headers={"kid": kid}
    )


@pytest.fixture(scope="module")
def certs() -> Iterator[str]:
    """The URL of Keycloak's JWKS document, with one key for signatures and one for encryption."""
    document = {
        "keys": [
            listed(private_key("signing"), "sig-1", "sig", "RS256"),
            listed(private_key("encrypting"), "enc-1", "enc", "RSA-OAEP"),
        ]
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/realms/school/protocol/openid-connect/certs"
        server.shutdown()


@pytest.fixture
async def authenticator(certs: str) -> AsyncIterator[Authenticator]:
    """The gateway's Authenticator, with the settings of the compose file."""
    settings = {name.lower(): value for name, value in GATEWAY.items()} | {"jwt_jwks_url": certs}
    made = Authenticator.of(GatewaySettings(_env_file=None, **settings))  # type: ignore[arg-type]
    fetching = asyncio.create_task(made.run())
    async with asyncio.timeout(20):
        while True:
            try:
                let_in(made, access_token())
                break
            except UnauthorizedError:
                await asyncio.sleep(0.02)
    yield made
    fetching.cancel()


def let_in(authenticator: Authenticator, token: str) -> Client:
    return authenticator.check(Headers({"authorization": f"Bearer {token}"}), "")


def test_the_realm_keycloak_and_the_gateway_agree() -> None:
    keycloak = SERVICES["keycloak"]
    realm = f"/realms/{REALM['realm']}"
    assert GATEWAY["JWT_ISSUER"] == keycloak["environment"]["KC_HOSTNAME"] + realm
    assert GATEWAY["JWT_JWKS_URL"] == f"http://keycloak:8080{realm}/protocol/openid-connect/certs"
    assert GATEWAY["JWT_AUDIENCE"] == AUDIENCE
    assert keycloak["ports"] == ["127.0.0.1:8180:8080"]
    (realm_file,) = [volume for volume in keycloak["volumes"] if volume.startswith("./")]
    assert realm_file.startswith("./deploy/keycloak/realm-school.json:/opt/keycloak/data/import/")
    assert MAPPER["protocolMapper"] == "oidc-audience-mapper"
    assert MAPPER["config"]["id.token.claim"] == "false"
    assert CLIENT["clientId"] != AUDIENCE  # an ID token has the client's id as its audience


async def test_an_access_token_lets_the_learner_in_by_the_subject(authenticator: Authenticator) -> None:
    assert let_in(authenticator, access_token()) == Client(f"sub:{ANA}", ANA)


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"aud": "account"}, "InvalidAudienceError"),  # Keycloak has no audience mapper
        ({"aud": CLIENT["clientId"], "typ": "ID"}, "InvalidAudienceError"),  # an ID token
        ({"iss": "http://keycloak:8080/realms/school"}, "InvalidIssuerError"),  # Keycloak's KC_HOSTNAME is not set
        ({"iss": "http://localhost:8180/realms/master"}, "InvalidIssuerError"),
        ({"sub": None}, "MissingRequiredClaimError"),  # the client lacks the scope `basic`
        ({"exp": int(time.time()) - 60}, "expired"),
    ],
)
async def test_a_token_that_is_not_for_the_gateway_is_refused(
    authenticator: Authenticator, claims: dict[str, Any], says: str
) -> None:
    with pytest.raises(UnauthorizedError, match=says):
        let_in(authenticator, access_token(**claims))


async def test_keys_that_do_not_sign_for_the_realm_open_nothing(authenticator: Authenticator) -> None:
    public = RSAAlgorithm.to_jwk(private_key("signing").public_key())
    refresh = jwt.encode(
        {"exp": time.time() + 60, "aud": GATEWAY["JWT_ISSUER"], "sub": ANA}, "s" * 64, "HS512", headers={"kid": "hs-1"}
    )
    forged = jwt.encode({"exp": time.time() + 60, "sub": ANA}, public * 2, "HS256", headers={"kid": "sig-1"})
    for token in (access_token("other"), access_token("encrypting", "enc-1"), refresh, forged):
        with pytest.raises(UnauthorizedError):
            let_in(authenticator, token)
