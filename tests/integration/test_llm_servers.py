"""Model servers that start late, are silent or send something other than replies, and child processes that don't
start, hang or ignore SIGTERM."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc

from common.child_process import free_port, run_child
from common.engine_info import EngineDescription
from common.errors import EngineError
from common.grpc_client import open_channel
from common.grpc_server import ModelServer
from common.smollm2 import find_smollm2
from llm_service.config import LlmSettings
from llm_service.engines import create_engine
from llm_service.engines.llama_cpp import llama_command
from llm_service.engines.supervised import SupervisedEngine
from llm_service.service import create_service

HELLO = llm_pb2.GenerateRequest(
    messages=[llm_pb2.ChatMessage(role=llm_pb2.ROLE_USER, content="Hello")],
    config=llm_pb2.GenerationConfig(max_tokens=3),
)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def settings(**values: Any) -> LlmSettings:
    return LlmSettings(_env_file=None, llm_max_model_len=1024, drain_timeout_s=1, **values)


@asynccontextmanager
async def service_for(options: LlmSettings, *, warm: bool) -> AsyncIterator[llm_pb2_grpc.LlmServiceAsyncStub]:
    """`llm_service` with the model server at LLM_BASE_URL. warm: whether to wait until the service has tried that
    server."""
    service = create_service(create_engine(options, "openai"), options)
    if not warm:
        service = dataclasses.replace(service, warm_up=lambda: asyncio.sleep(0))
    async with ModelServer(service, options, port=0) as server:
        await server.warm_up()
        async with open_channel(f"127.0.0.1:{server.port}") as channel:
            yield llm_pb2_grpc.LlmServiceStub(channel)


async def status_with(talk: Talk, **values: Any) -> grpc.StatusCode:
    """The status of a call when `talk` is the model server."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with service_for(settings(llm_base_url=url, **values), warm=False) as stub:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Generate(HELLO)
    return caught.value.code()


async def test_a_server_that_answers_garbage_is_an_internal_error() -> None:
    async def garbage(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\xff this is not HTTP\r\n\r\n")
        await writer.drain()

    assert await status_with(garbage) == grpc.StatusCode.INTERNAL


async def test_a_web_page_is_an_internal_error() -> None:
    async def page(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>It works!</h1>")
        await writer.drain()

    assert await status_with(page) == grpc.StatusCode.INTERNAL


async def test_a_stream_that_breaks_off_is_an_internal_error() -> None:
    async def half(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        writer.write(head + b'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\n')
        await writer.drain()

    assert await status_with(half) == grpc.StatusCode.INTERNAL


async def test_a_silent_server_is_given_up() -> None:
    async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1000):  # until the service closes the connection
            pass

    assert await status_with(silence, llm_request_timeout_s=0.3) == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_no_server_at_all_is_unavailable() -> None:
    options = settings(llm_base_url=f"http://127.0.0.1:{free_port()}/v1")
    async with service_for(options, warm=False) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Generate(HELLO)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_a_server_may_be_started_after_the_service() -> None:
    port = free_port()
    options = settings(llm_base_url=f"http://127.0.0.1:{port}/v1")
    engine = create_engine(options, "openai")
    starting = asyncio.create_task(engine.start())
    done, _ = await asyncio.wait({starting}, timeout=0.2)
    assert not done
    assert not engine.ready
    async with run_child(llama_command(options, find_smollm2(), "someone-elses", port)) as process:
        reading = asyncio.create_task(process.pass_on_output())
        await starting
        assert engine.describe() == EngineDescription(
            "openai", "someone-elses", "remote", parameters=134_515_008, adapters=("smollm2-corrections",)
        )
        async with service_for(options, warm=True) as stub:
            assert (await stub.Generate(HELLO)).text
    await reading
    await engine.close()


def supervised(command: Sequence[str], startup_timeout_s: float) -> SupervisedEngine:
    return SupervisedEngine(
        EngineDescription("test", "m", "cpu"),
        lambda _: command,
        startup_timeout_s=startup_timeout_s,
        request_timeout_s=1,
    )


SMALL_SERVER = """
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer("application/json", json.dumps({"data": [{"id": "m"}]}))

    def do_POST(self):
        word = {"choices": [{"delta": {"content": "Hello"}, "finish_reason": "stop"}]}
        self.answer("text/event-stream", f"data: {json.dumps(word)}\\n\\ndata: [DONE]\\n\\n")

    def answer(self, kind, text):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


async def test_a_child_that_hangs_is_replaced() -> None:
    engine = SupervisedEngine(
        EngineDescription("test", "m", "cpu"),
        lambda port: [sys.executable, "-c", SMALL_SERVER, str(port)],
        startup_timeout_s=60,
        request_timeout_s=1,
    )
    await engine.start()
    try:
        first, stopped = engine.base_url, a_child(SMALL_SERVER)
        stopped.suspend()
        await until_replaced(engine, first)
        assert not _runs(stopped.pid)
    finally:
        await engine.close()


def a_child(argument: str) -> psutil.Process:
    """The child process with this argument."""
    (child,) = (one for one in psutil.Process().children() if argument in one.cmdline())
    return child


async def until_replaced(engine: SupervisedEngine, base_url: str) -> None:
    """Wait until the engine is ready at another address."""
    async with asyncio.timeout(60):
        while engine.base_url == base_url or not engine.ready:
            await asyncio.sleep(0.02)


async def test_a_child_that_can_not_start_is_quoted() -> None:
    engine = supervised([sys.executable, "-c", "raise SystemExit('no such model: m')"], startup_timeout_s=60)
    with pytest.raises(EngineError, match="no such model: m"):
        await engine.start()
    await engine.close()


async def test_a_child_that_never_answers_is_killed_with_its_own_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    engine = supervised(["sh", "-c", f"sleep 1000 & echo $! $$ >>{pids}; wait"], startup_timeout_s=0.5)
    with pytest.raises(EngineError, match="could not be started"):
        await engine.start()
    await engine.close()
    started = pids.read_text().split()
    assert len(started) >= 2
    async with asyncio.timeout(10):  # the shell's child isn't ours to wait for: it dies a moment after the signal
        while any(_runs(int(pid)) for pid in started):
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f"trap '' TERM; touch {ready}; while :; do sleep 0.1; done"
    async with run_child(["sh", "-c", script]) as process:
        reading = asyncio.create_task(process.pass_on_output())
        while not ready.exists():  # until another process makes the file
            await asyncio.sleep(0.02)
        process.stop_timeout_s = 0.2
    await reading
    assert await process.wait() == -9
