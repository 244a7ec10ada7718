"""Model servers stop, again and again, while clients watch their health. Also the health and the reflection of running
ones."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import grpc
import pytest
from aitalk.llm.v1 import llm_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from common.grpc_client import open_channel
from common.grpc_server import ModelServer, Service
from common.settings import ModelServerSettings

NAME = llm_pb2.DESCRIPTOR.services_by_name["LlmService"].full_name
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
ROUNDS = 200  # with two simultaneous calls of `stop`, grpcio crashed before that many rounds


async def nothing() -> None: ...


async def watch_to_its_end(watch: Any) -> None:
    while await watch.read() is not grpc.aio.EOF:
        pass


def a_server(drain_s: float) -> ModelServer:
    settings = ModelServerSettings(_env_file=None, grpc_host="127.0.0.1", drain_timeout_s=drain_s)
    service = Service(label="LLM", name=NAME, register=lambda _: None, warm_up=nothing, close=nothing)
    return ModelServer(service, settings, 0)


async def test_a_server_that_nobody_uses_any_more_stops() -> None:
    for _ in range(ROUNDS):
        async with a_server(0.0) as server, open_channel(f"127.0.0.1:{server.port}") as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True)
            assert answer.status == NOT_SERVING


async def test_health_follows_a_model_that_is_away_for_a_while() -> None:
    away: list[str] = []
    settings = ModelServerSettings(_env_file=None, grpc_host="127.0.0.1", drain_timeout_s=0)
    service = Service("LLM", NAME, lambda _: None, nothing, nothing, can_serve=lambda: not away)
    async with ModelServer(service, settings, 0) as server, open_channel(f"127.0.0.1:{server.port}") as channel:
        await server.warm_up()
        following = asyncio.create_task(server.follow())
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=NAME))
        assert (await watch.read()).status == SERVING
        away.append("llama.cpp")
        assert (await watch.read()).status == NOT_SERVING
        away.clear()
        assert (await watch.read()).status == SERVING
        following.cancel()
        watch.cancel()


@pytest.mark.parametrize(
    ("settings", "is_open"),
    [
        ({}, True),
        ({"environment": "production"}, False),
        ({"environment": "production", "grpc_reflection": True}, True),
        ({"grpc_reflection": False}, False),
    ],
)
async def test_reflection_is_closed_in_production_unless_it_is_opened(settings: dict[str, Any], is_open: bool) -> None:
    service = Service(label="LLM", name=NAME, register=lambda _: None, warm_up=nothing, close=nothing)
    given = ModelServerSettings(_env_file=None, grpc_host="127.0.0.1", drain_timeout_s=0, **settings)
    async with ModelServer(service, given, 0) as server, open_channel(f"127.0.0.1:{server.port}") as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(cast(Any, channel))
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        if is_open:
            (answer,) = [one async for one in call]
            assert NAME in {one.name for one in answer.list_services_response.service}
        else:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call.read()
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("drain_s", [0.0, 20.0])
async def test_watches_end_with_the_server_and_at_once(drain_s: float) -> None:
    began = time.monotonic()
    for _ in range(10):
        async with a_server(drain_s) as server:
            channel = open_channel(f"127.0.0.1:{server.port}")
            stub: Any = health_pb2_grpc.HealthStub(channel)
            watch = stub.Watch(health_pb2.HealthCheckRequest())
            assert (await watch.read()).status == NOT_SERVING
        with pytest.raises((grpc.aio.AioRpcError, grpc.aio.UsageError)):
            await watch_to_its_end(watch)
        await channel.close()
    if drain_s:
        assert time.monotonic() - began < drain_s  # no server used up its drain time-out
