"""Who is admitted, how much one client may request, and how the processes of a mesh authenticate one another."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import grpc
import httpx
import jwt
import pytest
import trustme
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from grpc_health.v1 import health_pb2, health_pb2_grpc
from websockets.asyncio.client import connect

from common.grpc_client import open_channel
from common.grpc_server import ModelServer, Service
from common.security import Security
from common.settings import ModelServerSettings
from deploy.ports import free_ports
from gateway.clients.services import ModelServices
from gateway.http_api import readiness
from tests.support.gateway import TestGateway
from tests.support.learner import a_learner, at_the_door
from tests.support.mesh import running

TOKEN, OTHER = "one-token-of-the-two", "another-token-here"
TOKENS = f"{TOKEN},{OTHER}"
SECRET = "a secret that is long enough even for HS512, which wants sixty-four bytes of it"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token_for(key: Any, algorithm: str, **claims: Any) -> str:
    return jwt.encode({"sub": "learner 7", "exp": time.time() + 60} | claims, key, algorithm)


async def is_let_in(gateway: TestGateway, **headers: str) -> bool:
    async with at_the_door(gateway.ws, **headers) as learner:
        try:
            await learner.wait_for("connected")
        except AssertionError:
            assert (await learner.wait_closed())[0] == 1008
            assert [message["code"] for message in learner.messages] == ["unauthorized"]
            return False
        return True


# --- tokens


async def test_the_websocket_wants_one_of_the_tokens() -> None:
    async with TestGateway().running(auth_tokens=TOKENS) as gateway:
        assert await is_let_in(gateway, **bearer(TOKEN))
        assert await is_let_in(gateway, **bearer(OTHER))
        assert not await is_let_in(gateway)
        assert not await is_let_in(gateway, **bearer("not-one-of-the-tokens"))
        assert not await is_let_in(gateway, Authorization=TOKEN)


async def test_a_browser_sends_it_as_a_subprotocol_which_is_not_sent_back() -> None:
    offers: Any = ["aitalk", f"bearer.{TOKEN}"]
    async with (
        TestGateway().running(auth_tokens=TOKENS) as gateway,
        connect(gateway.ws, subprotocols=offers) as socket,
    ):
        assert "connected" in str(await socket.recv())
        assert socket.subprotocol == "aitalk"


async def test_no_log_has_what_a_client_puts_into_a_url(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvicorn logs the URL of every WebSocket and, with DEBUG, of every request. A token in a URL isn't accepted."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # another test's server may have silenced them
        caplog.set_level(logging.INFO, logger=name)
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    async with TestGateway().running(auth_tokens=TOKENS, debug=True) as gateway:
        async with at_the_door(f"{gateway.ws}?place=a-ticket", **bearer(TOKEN)) as learner:
            await learner.wait_for("connected")
        async with at_the_door(f"{gateway.ws}?token={TOKEN}&access_token={TOKEN}") as stranger:
            assert (await stranger.wait_for("error"))["code"] == "unauthorized"
        async with httpx.AsyncClient(base_url=gateway.http) as http:
            assert (await http.get("/gpu", params={"token": TOKEN})).status_code == 401
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")]
    assert [line for line in ours if '"WebSocket /ws/conversation?…" [accepted]' in line]
    assert [line for line in ours if '"GET /gpu?… HTTP/1.1" 401' in line]
    assert not [line for line in ours if TOKEN in line or "a-ticket" in line]


@pytest.mark.parametrize("path", ["/gpu", "/metrics", "/scenarios", "/schemas/analysis.json"])
async def test_http_wants_it_too(path: str) -> None:
    async with TestGateway().running(auth_tokens=TOKENS) as gateway, httpx.AsyncClient(base_url=gateway.http) as http:
        assert (await http.get(path)).status_code == 401
        assert (await http.get(path, headers=bearer(TOKEN))).status_code == 200
        for public in ("/", "/health", "/ready", "/static/app.js"):
            assert (await http.get(public)).status_code == 200


async def test_metrics_may_have_a_token_of_their_own() -> None:
    async with (
        TestGateway().running(auth_tokens=TOKENS, metrics_token="prometheus") as gateway,
        httpx.AsyncClient(base_url=gateway.http) as http,
    ):
        assert (await http.get("/metrics", headers=bearer("prometheus"))).status_code == 200
        assert (await http.get("/metrics", headers=bearer(TOKEN))).status_code == 401
        assert (await http.get("/gpu", headers=bearer("prometheus"))).status_code == 401


@pytest.mark.parametrize(
    ("given", "open_to"), [({}, None), ({"metrics_token": "prometheus"}, "prometheus")], ids=["closed", "opened"]
)
async def test_metrics_are_closed_in_production_unless_they_are_opened(given: Any, open_to: str | None) -> None:
    async with (
        TestGateway().running(environment="production", auth_tokens=TOKENS, **given) as gateway,
        httpx.AsyncClient(base_url=gateway.http) as http,
    ):
        for token in (TOKEN, "prometheus"):
            expected = {200} if token == open_to else {401, 404}
            assert (await http.get("/metrics", headers=bearer(token))).status_code in expected
        assert (await http.get("/gpu", headers=bearer(TOKEN))).status_code == 200


async def test_jwt_by_a_shared_secret() -> None:
    settings = {"jwt_secret": SECRET, "jwt_audience": "aitalk", "jwt_issuer": "school"}
    good = {"aud": "aitalk", "iss": "school"}
    async with TestGateway().running(**settings) as gateway:
        assert await is_let_in(gateway, **bearer(token_for(SECRET, "HS256", **good)))
        for wrong in (
            token_for(SECRET + "!", "HS256", **good),
            token_for(SECRET, "HS256", **good | {"aud": "others"}),
            token_for(SECRET, "HS256", **good | {"iss": "others"}),
            token_for(SECRET, "HS256", **good | {"exp": time.time() - 60}),
            token_for(SECRET, "HS512", **good),
            token_for(None, "none", **good),
        ):
            assert not await is_let_in(gateway, **bearer(wrong))


async def test_jwt_by_a_public_key() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    async with TestGateway().running(jwt_public_key=public.decode()) as gateway:
        assert await is_let_in(gateway, **bearer(token_for(key, "ES256")))
        stranger = ec.generate_private_key(ec.SECP256R1())
        assert not await is_let_in(gateway, **bearer(token_for(stranger, "ES256")))
        other_family = ed25519.Ed25519PrivateKey.generate()
        assert not await is_let_in(gateway, **bearer(token_for(other_family, "EdDSA")))
        async with httpx.AsyncClient(base_url=gateway.http) as http:
            for token in (token_for(other_family, "EdDSA"), token_for(SECRET, "HS256"), "no.such.token"):
                assert (await http.get("/gpu", headers=bearer(token))).status_code == 401


async def test_the_clock_of_an_issuer_may_be_off_by_the_leeway() -> None:
    expired = token_for(SECRET, "HS256", exp=time.time() - 20)
    async with TestGateway().running(jwt_secret=SECRET, jwt_leeway_s=60) as gateway:
        assert await is_let_in(gateway, **bearer(expired))
    async with TestGateway().running(jwt_secret=SECRET) as gateway:
        assert not await is_let_in(gateway, **bearer(expired))


async def test_a_foreign_name_for_this_machine_gets_a_page_nowhere_unless_it_has_a_token() -> None:
    """DNS rebinding: the browser sends the attacker's own name as Host and as Origin."""
    rebound = {"Origin": "http://evil.example", "Host": "evil.example"}
    async with TestGateway().running() as gateway, httpx.AsyncClient(base_url=gateway.http) as http:
        assert (await http.post("/v1/audio/speech", json={}, headers=rebound)).status_code == 403
    async with TestGateway().running(allowed_hosts="evil.example") as gateway, httpx.AsyncClient() as http:
        assert (await http.post(f"{gateway.http}/v1/audio/speech", json={}, headers=rebound)).status_code == 400
    async with TestGateway().running(auth_tokens=TOKENS) as gateway, httpx.AsyncClient() as http:
        assert (await http.post(f"{gateway.http}/v1/audio/speech", json={}, headers=rebound)).status_code == 401


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ENVIRONMENT": "production"}, "in production it needs AUTH_TOKENS"),
        ({"AUTH_TOKENS": "short-secret"}, "at least 16"),
        ({"JWT_SECRET": "short-secret"}, "at least 32"),
        ({"JWT_SECRET": SECRET, "JWT_PUBLIC_KEY": "key"}, "only one of"),
    ],
)
def test_a_gateway_that_would_be_open_does_not_start(tmp_path: Path, settings: dict[str, str], says: str) -> None:
    with running("gateway", tmp_path / "log", settings | {"PORT": str(free_ports(1)[0])}) as gateway:
        assert gateway.process.wait(60) == 1
    assert says in gateway.log
    assert "short-secret" not in gateway.log


# --- limits


async def test_one_client_may_have_so_many_connections() -> None:
    async with TestGateway().running(auth_tokens=TOKENS, client_max_connections=1) as gateway:
        async with a_learner(gateway.ws, **bearer(TOKEN)), at_the_door(gateway.ws, **bearer(TOKEN)) as second:
            assert (await second.wait_for("error"))["code"] == "too_much"
            assert (await second.wait_closed())[0] == 1008
            assert await is_let_in(gateway, **bearer(OTHER))
        assert await is_let_in(gateway, **bearer(TOKEN))


@pytest.mark.parametrize("limit", [{"client_messages_per_s": 1.0}, {"client_bytes_per_s": 10.0}])
async def test_a_client_that_sends_too_much_gets_an_error_and_is_closed(limit: dict[str, float]) -> None:
    async with TestGateway().running(**limit) as gateway, at_the_door(gateway.ws) as learner:
        await learner.wait_for("connected")
        for _ in range(15):
            await learner.send(type="ping")
        assert "a second" in (await learner.wait_for("error"))["message"]
        assert (await learner.wait_closed())[0] == 1008
        assert len(learner.of("pong")) <= 10


# --- between the processes


class Llm(llm_pb2_grpc.LlmServiceServicer):
    async def Generate(self, request: Any, context: Any) -> Any:
        return llm_pb2.GenerateResponse(text="hello")

    async def StreamingGenerate(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield llm_pb2.StreamingGenerateResponse(delta="hello")


async def nothing() -> None:
    return


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[str]:
    service = Service(
        label="LLM",
        name="aitalk.llm.v1.LlmService",
        register=lambda server: llm_pb2_grpc.add_LlmServiceServicer_to_server(Llm(), server),  # type: ignore[abstract]
        warm_up=nothing,
        close=nothing,
    )
    made = ModelServerSettings(_env_file=None, drain_timeout_s=0, **settings)
    async with ModelServer(service, made, 0) as server:
        await server.warm_up()
        yield f"localhost:{server.port}"


async def answer(address: str, security: Security) -> grpc.StatusCode:
    """Make a unary call and then a streaming call. Returns the status of the first one that fails; OK if none does."""
    async with open_channel(address, security) as channel:
        stub: Any = llm_pb2_grpc.LlmServiceStub(channel)
        try:
            assert (await stub.Generate(llm_pb2.GenerateRequest(), timeout=5)).text == "hello"
            call = stub.StreamingGenerate(llm_pb2.StreamingGenerateRequest(), timeout=5)
            assert [response.delta async for response in call] == ["hello"]
        except grpc.aio.AioRpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


async def test_services_with_a_token_serve_only_who_has_it() -> None:
    async with serving(service_token="the token") as address:
        assert await answer(address, Security("the token")) is grpc.StatusCode.OK
        assert await answer(address, Security("a token")) is grpc.StatusCode.UNAUTHENTICATED
        assert await answer(address, Security()) is grpc.StatusCode.UNAUTHENTICATED
        async with open_channel(address) as channel:  # a probe has no token
            stub: Any = health_pb2_grpc.HealthStub(channel)
            assert (await stub.Check(health_pb2.HealthCheckRequest())).status == 1


async def test_readiness_names_the_service_that_refuses_the_gateways_token(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "FRESH_S", 0.0)
    (nowhere,) = free_ports(1)
    async with (
        serving(service_token="the token") as locked,
        serving() as open_to_all,
        ModelServices(
            asr=open_to_all, llm=locked, tts=f"127.0.0.1:{nowhere}", security=Security("a token")
        ) as services,
        TestGateway(services=cast(Any, services)).running() as gateway,
        httpx.AsyncClient(base_url=gateway.http) as http,
    ):
        for _ in range(2):
            answer = await http.get("/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
        assert answer.json()["services"] == {"asr": True, "llm": False, "tts": False}
        problems = answer.json()["problems"]
        assert problems.keys() == {"llm", "tts"}
        assert "refuses this gateway's SERVICE_TOKEN; set the same one" in problems["llm"]
        assert "does not answer (unavailable)" in problems["tts"]
        assert "TTS_ADDRESS" in problems["tts"]
    warnings = [record.getMessage() for record in caplog.records if record.name == "gateway.clients.model_service"]
    assert warnings == [f"llm {problems['llm']}"]  # only once, not at each check


async def test_a_token_that_is_right_is_ready() -> None:
    async with (
        serving(service_token="the token") as address,
        ModelServices(asr=address, llm=address, tts=address, security=Security("the token")) as services,
    ):
        assert await services.problems() == {"asr": "", "llm": "", "tts": ""}


async def test_services_with_certificates_serve_only_who_has_one(tmp_path: Path) -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    cert = ours.issue_cert("localhost")
    files = {name: tmp_path / f"{name}.pem" for name in ("cert", "key", "ca")}
    cert.cert_chain_pems[0].write_to_path(files["cert"])
    cert.private_key_pem.write_to_path(files["key"])
    ours.cert_pem.write_to_path(files["ca"])
    paths = {f"grpc_tls_{name}": path for name, path in files.items()}
    async with serving(**paths, service_token="the token") as address:
        settings = ModelServerSettings(_env_file=None, **paths, service_token="the token")  # type: ignore[arg-type]
        assert await answer(address, Security.of(settings)) is grpc.StatusCode.OK
        foreign = theirs.issue_cert("localhost")
        for stranger in (
            Security("the token"),
            Security("the token", ca=ours.cert_pem.bytes()),
            Security(
                "the token",
                foreign.cert_chain_pems[0].bytes(),
                foreign.private_key_pem.bytes(),
                ours.cert_pem.bytes(),
            ),
        ):
            assert await answer(address, stranger) is grpc.StatusCode.UNAVAILABLE


def test_certificates_that_can_not_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"missing\.pem can't be read"):
        Security.of(ModelServerSettings(_env_file=None, grpc_tls_ca=tmp_path / "missing.pem"))
    (tmp_path / "cert.pem").write_text("…")
    with pytest.raises(ValueError, match="belong together"):
        Security.of(ModelServerSettings(_env_file=None, grpc_tls_cert=tmp_path / "cert.pem"))
