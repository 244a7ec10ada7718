"""Host names whose addresses change, like those of containers and pods, and names that only some software accepts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import pytest

from common import grpc_server
from common.grpc_client import open_channel
from common.grpc_server import ModelServer, Service
from common.settings import ModelServerSettings
from tests.support.dns import running_dns

WHERE = "/where.Where/Am"
HEALTH = "grpc.health.v1.Health"  # the one service that every server has


async def nothing() -> None: ...


@asynccontextmanager
async def serving(host: str, port: int = 0) -> AsyncIterator[ModelServer]:
    """Run a model server at this address. It answers a call of WHERE with its address."""

    async def answer(request: bytes, context: Any) -> bytes:
        return host.encode()

    def register(server: grpc.aio.Server) -> None:
        handlers: Any = {"Am": grpc.unary_unary_rpc_method_handler(answer)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("where.Where", handlers),))

    settings = ModelServerSettings(_env_file=None, grpc_host=host, grpc_reflection=False, drain_timeout_s=0)
    async with ModelServer(Service("ASR", HEALTH, register, nothing, nothing), settings, port) as server:
        await server.warm_up()
        yield server


async def ask(channel: grpc.aio.Channel) -> bytes:
    call: Any = channel.unary_unary(WHERE)
    return bytes(await call(b"", timeout=5))


async def until_answer(channel: grpc.aio.Channel, wanted: bytes) -> None:
    """Ask until this address answers; fails after 15 s. With gRPC's defaults it would fail, because they keep an
    old address for 30 s."""
    async with asyncio.timeout(15):
        while True:
            with suppress(grpc.aio.AioRpcError):  # while it can't be reached
                if await ask(channel) == wanted:
                    return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", ["asr_1", "ASR", "asr.ai.svc.cluster.local.", "host.docker.internal"])
async def test_names_of_compose_docker_and_kubernetes(name: str) -> None:
    async with running_dns() as dns, serving("127.0.0.1") as server:
        dns.addresses[name.lower().rstrip(".")] = ["127.0.0.1"]
        async with open_channel(dns.target(name, server.port)) as channel:
            assert await ask(channel) == b"127.0.0.1"


async def test_a_server_that_comes_back_at_another_address_is_found() -> None:
    async with running_dns() as dns, serving("127.0.0.2") as later:
        dns.addresses["asr"] = ["127.0.0.1"]
        async with open_channel(dns.target("asr", later.port)) as channel:
            async with serving("127.0.0.1", later.port):
                await until_answer(channel, b"127.0.0.1")
            dns.addresses["asr"] = ["127.0.0.2"]
            await until_answer(channel, b"127.0.0.2")


async def test_calls_go_to_a_server_that_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "MAX_CONNECTION_AGE_MS", 1_000)
    async with running_dns() as dns, serving("127.0.0.1") as first, serving("127.0.0.2", first.port):
        dns.addresses["asr"] = ["127.0.0.1"]
        async with open_channel(dns.target("asr", first.port)) as channel:
            await until_answer(channel, b"127.0.0.1")
            dns.addresses["asr"] = ["127.0.0.1", "127.0.0.2"]
            await until_answer(channel, b"127.0.0.2")


async def test_a_call_in_progress_outlives_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "MAX_CONNECTION_AGE_MS", 100)

    async def slowly(request: bytes, context: Any) -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"."
            await asyncio.sleep(0.1)

    def register(server: grpc.aio.Server) -> None:
        handlers: Any = {"Slowly": grpc.unary_stream_rpc_method_handler(slowly)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.Service", handlers),))

    settings = ModelServerSettings(_env_file=None, grpc_reflection=False, drain_timeout_s=0)
    async with ModelServer(Service("ASR", HEALTH, register, nothing, nothing), settings, 0) as server:
        await server.warm_up()
        async with open_channel(f"127.0.0.1:{server.port}") as channel:
            call: Any = channel.unary_stream("/a.Service/Slowly")
            assert [one async for one in call(b"", timeout=20)] == [b"."] * 10
