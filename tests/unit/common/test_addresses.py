"""Addresses in settings, in every form in which people write them, including IPv6. Also listening sockets."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from pydantic import ValidationError

from common.addresses import join, listen, target
from common.grpc_server import ModelServer, Service
from common.health import is_serving
from common.security import Security
from common.settings import ModelServerSettings, problems_in
from deploy.configuration import settings_from
from gateway.clients.redis_client import open_redis
from gateway.config import GatewaySettings

HEALTH = "grpc.health.v1.Health"  # the one service that every server has


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1:50051", "asr:50051", "ASR:50051", "asr_1:50051", "host.docker.internal:50051", "[::1]:50051"),
        *("asr.ai.svc.cluster.local.:50051", "dns:///asr:50051", "unix:/run/asr.sock", "ipv6:[::1]:50051"),
    ],
)
def test_addresses_that_grpc_understands(address: str) -> None:
    assert target(f" {address} ") == address
    assert GatewaySettings(_env_file=None, asr_address=address).asr_address == address


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://asr:50051", "without http://"),
        ("tcp://10.0.0.1:50051", "without tcp://"),
        ("asr", "host:port"),
        ("127.0.0.1", "host:port"),
        ("asr:", "host:port"),
        ("asr:port", "host:port"),
        ("asr:50051/", "host:port"),
        ("asr:70000", "host:port"),
        ("my host:50051", "host:port"),
        ("::1:50051", "in brackets"),
        ("fd00::7", "in brackets"),
        ("[asr]:50051", "in brackets"),
    ],
)
def test_addresses_that_grpc_would_look_up_in_vain_are_refused(address: str, says: str) -> None:
    with pytest.raises(ValidationError) as invalid:
        settings_from(GatewaySettings, {"ASR_ADDRESS": address})
    (problem,) = problems_in(invalid.value)
    assert problem.startswith(f"ASR_ADDRESS={address}: ")
    assert says in problem
    with pytest.raises(ValidationError):
        settings_from(GatewaySettings, {"TTS_REPLICAS": f"tts:50053, {address}"})


def test_service_links_of_kubernetes_are_named() -> None:
    with pytest.raises(ValidationError) as invalid:
        settings_from(
            GatewaySettings, {"PORT": "8000", "TTS_ADDRESS": "tts:1"} | {"HOST": ""} | {"PORT": "tcp://10.0.0.1:1"}
        )
    assert "valid integer" in problems_in(invalid.value)[0]


async def nothing() -> None: ...


@pytest.mark.parametrize(
    ("host", "reached_by"),
    [("::1", ["[::1]"]), ("[::1]", ["[::1]"]), ("::", ["[::1]", "127.0.0.1"]), ("0.0.0.0", ["127.0.0.1"])],
)
async def test_model_servers_listen_on_ipv6(host: str, reached_by: list[str]) -> None:
    settings = ModelServerSettings(_env_file=None, grpc_host=host, grpc_reflection=False, drain_timeout_s=0)
    service = Service("ASR", HEALTH, lambda server: None, nothing, nothing)
    async with ModelServer(service, settings, 0) as server:
        await server.warm_up()
        for place in reached_by:
            assert await is_serving(f"{place}:{server.port}", Security())


@pytest.mark.parametrize(
    ("host", "reached_by"), [("::", ["::1", "127.0.0.1"]), ("[::1]", ["::1"]), ("127.0.0.1", ["127.0.0.1"])]
)
def test_the_gateway_listens_on_ipv6(host: str, reached_by: list[str]) -> None:
    sockets = listen(host, 0)
    port = sockets[0].getsockname()[1]
    for place in reached_by:
        with socket.create_connection((place, port), timeout=5) as connection:
            # The peer must never be ::ffff:127.0.0.1, because FORWARDED_ALLOW_IPS does not contain that.
            assert connection.getpeername()[0] == place
    for one in sockets:
        one.close()


async def test_localhost_reaches_a_server_that_listens_on_one_family_only() -> None:
    """On many machines `localhost` means ::1 first. gRPC tries both ::1 and 127.0.0.1."""
    settings = ModelServerSettings(_env_file=None, grpc_host="127.0.0.1", grpc_reflection=False, drain_timeout_s=0)
    service = Service("ASR", HEALTH, lambda server: None, nothing, nothing)
    async with ModelServer(service, settings, 0) as server:
        await server.warm_up()
        addresses = f"ipv6:[::1]:{server.port}", f"localhost:{server.port}"
        assert not await is_serving(addresses[0], Security())
        assert await is_serving(addresses[1], Security())


def test_an_address_is_joined_with_its_port() -> None:
    assert [join(host, 1) for host in ("asr", "::1", "[::1]", "10.0.0.1")] == [
        "asr:1",
        "[::1]:1",
        "[::1]:1",
        "10.0.0.1:1",
    ]


def test_sentinels_may_have_ipv6_addresses() -> None:
    client = open_redis("redis+sentinel://me:pass@[fd00::1]:26380,[fd00::2],sentinel_3:26381/master/2")
    pool: Any = client.connection_pool
    sentinels = pool.sentinel_manager.sentinels
    places = [one.connection_pool.connection_kwargs for one in sentinels]
    assert [(one["host"], one["port"]) for one in places] == [
        ("fd00::1", 26380),
        ("fd00::2", 26379),
        ("sentinel_3", 26381),
    ]


async def test_redis_at_an_ipv6_address() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            writer.write(b"+PONG\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "::1", 0) as server:
        client = open_redis(f"redis://[::1]:{server.sockets[0].getsockname()[1]}/0")
        pong: Any = client.ping()
        assert await pong
        await client.aclose()
        await asyncio.sleep(0)
