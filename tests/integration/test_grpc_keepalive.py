"""A model server hangs and keeps its connections open. Every client notices."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from aitalk.client import services as client
from aitalk.client.errors import ServerAwayError
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc

from bench.load.delays import Delays
from common import grpc_client
from common.grpc_errors import from_rpc_error
from deploy.ports import free_ports
from tests.support.mesh import ROOT, RunningProcess, running

LONGEST_MS = 25_000
WITHIN_S = 30.0  # gRPC's own time-out for pings is a minute
QUESTION = [("user", "hello")]


@pytest.mark.parametrize("options", [grpc_client._OPTIONS, client._OPTIONS], ids=["gateway", "client"])
def test_a_server_that_hangs_costs_at_most_25_seconds(options: list[tuple[str, int]]) -> None:
    found = dict(options)
    for timeout in ("grpc.keepalive_timeout_ms", "grpc.http2.ping_timeout_ms"):
        assert found["grpc.keepalive_time_ms"] + found[timeout] <= LONGEST_MS


def test_no_channel_is_opened_without_these_options() -> None:
    opening = re.compile(r"\b(?:in)?secure_channel\(")
    rooms = ("gateway", "asr_service", "llm_service", "tts_service", "common", "deploy", "clients/python")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py") if opening.search(path.read_text())]
    assert sorted(str(path.relative_to(ROOT)) for path in files) == [
        "clients/python/aitalk/client/services.py",
        "common/security.py",
    ]
    callers = [path for room in rooms for path in (ROOT / room).rglob("*.py") if ".open(address, " in path.read_text()]
    assert [path.name for path in callers] == ["grpc_client.py"]


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[tuple[str, RunningProcess]]:
    """The address of a server whose replies never begin, and its process."""
    (port,) = free_ports(1)
    never = Delays(decode=0, partial=0, first_token=600, token=0, speech=0)
    settings = {"LLM_PORT": str(port), "DELAYS": never.model_dump_json()}
    with running("bench.load.stubs", tmp_path / "stubs.log", settings) as server:
        try:
            yield f"127.0.0.1:{port}", server
        finally:
            server.process.send_signal(signal.SIGCONT)


async def test_calls_to_a_stopped_server_fail(
    hung: tuple[str, RunningProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls of the gateway's channel and of both classes of the Python client. Of their options, only
    the pause before pings is shortened."""
    address, server = hung
    for module in (grpc_client, client):
        options = dict(module._OPTIONS) | {"grpc.keepalive_time_ms": 1000}
        monkeypatch.setattr(module, "_OPTIONS", tuple(options.items()))
    async with grpc_client.open_channel(address) as channel, client.AsyncServices(llm=address) as services:
        await asyncio.wait_for(channel.channel_ready(), WITHIN_S)
        with client.Services(llm=address) as blocking:
            calls = [
                asyncio.create_task(_gateways(channel)),
                asyncio.create_task(_anexted(services)),
                asyncio.create_task(asyncio.to_thread(_nexted, blocking)),
            ]
            done, _ = await asyncio.wait(calls, timeout=1)
            assert not done
            server.process.send_signal(signal.SIGSTOP)
            async with asyncio.timeout(WITHIN_S):
                ended = await asyncio.gather(*calls, return_exceptions=True)
    for error in ended:
        assert isinstance(error, (ServerAwayError, grpc.aio.AioRpcError)), error
        if isinstance(error, grpc.aio.AioRpcError):
            assert from_rpc_error(error, "LLM").retryable


async def _gateways(channel: grpc.aio.Channel) -> None:
    async for _ in llm_pb2_grpc.LlmServiceStub(channel).StreamingGenerate(llm_pb2.StreamingGenerateRequest()):
        pass


async def _anexted(services: client.AsyncServices) -> None:
    async for _ in services.generate(QUESTION):
        pass


def _nexted(services: client.Services) -> None:
    for _ in services.generate(QUESTION):
        pass
