"""Which pages may use the gateway, and under which host names."""

from __future__ import annotations

import re

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.datastructures import Headers

from gateway.admission.origins import Origins, is_private
from gateway.config import GatewaySettings
from gateway.config.jwt_keys import algorithm_of
from gateway.http_api.routes import WEB
from tests.support.gateway import TestGateway


def settings(**given: str) -> GatewaySettings:
    return GatewaySettings(_env_file=None, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "192.168.1.7", "[::1]:8000", "localhost:8000", "mybox", "mybox.lan"]
)
def test_the_gateways_own_page_is_allowed_under_names_that_no_stranger_can_own(host: str) -> None:
    assert Origins(hosts=()).allow(Headers({"origin": f"http://{host}", "host": host}))


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.com"])
def test_a_name_that_anybody_could_register_is_not_unless_it_is_listed(host: str) -> None:
    own_page = Headers({"origin": f"http://{host}", "host": host})
    assert not Origins(hosts=()).allow(own_page)
    assert Origins(hosts=(host.partition(":")[0],)).allow(own_page)
    assert Origins(hosts=None).allow(own_page)


def test_other_pages_need_to_be_listed_and_programs_send_no_origin() -> None:
    foreign = Headers({"origin": "http://a.example", "host": "127.0.0.1:8000"})
    assert not Origins(hosts=None).allow(foreign)
    assert Origins(("http://a.example",), ()).allow(foreign)
    assert Origins(("*",), ()).allow(foreign)
    assert Origins(hosts=()).allow(Headers({"host": "evil.example"}))


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        ("https://talk.example", "talk.example:443", True),  # nginx with `Host $host:$server_port`
        ("http://talk.example", "talk.example:80", True),
        ("https://talk.example", "Talk.Example", True),
        ("https://talk.example", "talk.example.", True),
        ("https://talk.example:8443", "talk.example:8443", True),
        ("https://[2001:db8::1]", "[2001:db8::1]:443", True),
        ("https://talk.example", "talk.example:80", False),
        ("https://talk.example:8443", "talk.example", False),
        ("https://evil.example", "talk.example", False),
        ("https://talk.example", "gateway:8000", False),  # the proxy replaced Host: CORS_ORIGINS is needed
        ("null", "talk.example", False),  # a page in a sandbox, or a file
        ("null", "null", False),
    ],
)
def test_how_proxies_write_the_host(origin: str, host: str, is_own: bool) -> None:
    assert Origins(hosts=None).allow(Headers({"origin": origin, "host": host})) is is_own


def test_an_empty_host_is_no_page_of_ours() -> None:
    assert not Origins(hosts=None).allow(Headers({"origin": "http://a.example"}))
    assert is_private("localhost")


def test_in_production_no_origin_of_a_developer_is_allowed_by_default() -> None:
    assert settings().allowed_origins == ["http://localhost:3000"]
    assert settings(environment="production").allowed_origins == []
    assert settings(environment="production", cors_origins="https://a.example").allowed_origins == ["https://a.example"]


def test_calls_to_other_machines_without_protection_are_a_warning_in_production() -> None:
    (warning,) = settings(environment="production", llm_address="gpu-box:50052").warnings()
    assert "gpu-box:50052" in warning
    assert not settings(environment="production").warnings()
    assert not settings(environment="production", llm_address="gpu-box:50052", service_token="x").warnings()


def pem(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_a_key_is_for_the_algorithm_of_its_family() -> None:
    assert algorithm_of(pem(rsa.generate_private_key(65537, 2048).public_key())) == "RS256"
    assert algorithm_of(pem(ec.generate_private_key(ec.SECP256R1()).public_key())) == "ES256"
    assert algorithm_of(pem(ed25519.Ed25519PrivateKey.generate().public_key())) == "EdDSA"


@pytest.mark.parametrize("key", ["hello", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_an_invalid_key_is_refused_at_the_start(key: str) -> None:
    with pytest.raises(ValueError, match="JWT_PUBLIC_KEY is not a public key"):
        settings(jwt_public_key=key).check_protection()


async def test_the_page_can_run_nothing_that_a_model_writes() -> None:
    async with TestGateway().running() as gateway, httpx.AsyncClient(base_url=gateway.http) as http:
        policy = (await http.get("/")).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    for script in WEB.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script.read_text()), (
            script
        )


@pytest.mark.parametrize("path", ["/ws/conversation", "/v1/realtime"])
async def test_a_websocket_whose_upgrade_a_proxy_dropped_says_so(path: str) -> None:
    async with TestGateway().running() as gateway, httpx.AsyncClient(base_url=gateway.http) as client:
        response = await client.get(path)
    assert (response.status_code, response.headers["upgrade"]) == (426, "websocket")
    assert "proxy" in response.json()["detail"]
