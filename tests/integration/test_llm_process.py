"""`python -m llm_service` as a process: it starts, drains and ends, and it never leaves a child process behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from common.grpc_client import open_channel
from tests.support.mesh import models_folder

SECRET = "xylophone-4711"  # a learner's words, which no log may contain


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    model_server: psutil.Process
    log: Path
    stub: llm_pb2_grpc.LlmServiceAsyncStub


@asynccontextmanager
async def service(folder: Path) -> AsyncIterator[Running]:
    """`python -m llm_service` with its model loaded; killed at the end if it still runs."""
    log = folder / "log"
    models = await asyncio.to_thread(models_folder, folder / "models")
    settings = {
        "LLM_PORT": "0",
        "LOG_LEVEL": "DEBUG",
        "LLM_MAX_MODEL_LEN": "1024",
        "LLM_MAX_STREAMS": "2",
        "MODELS_CACHE_DIR": str(models),
    }
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: ASYNC220  # it returns at once
            [sys.executable, "-m", "llm_service"], cwd=folder, stderr=sink, env=os.environ | settings
        )
    try:
        while not (port := re.search(rb"LLM listens on 127\.0\.0\.1:(\d+)", log.read_bytes())):
            assert process.poll() is None, log.read_text()
            await asyncio.sleep(0.05)
        async with open_channel(f"127.0.0.1:{port[1].decode()}") as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            watch = health.Watch(health_pb2.HealthCheckRequest(service="aitalk.llm.v1.LlmService"))
            while (await watch.read()).status != health_pb2.HealthCheckResponse.SERVING:
                pass
            watch.cancel()  # the model is loaded, so the watch is no longer needed
            (model_server,) = psutil.Process(process.pid).children()
            yield Running(process, model_server, log, llm_pb2_grpc.LlmServiceStub(channel))
    finally:
        process.kill()
        process.wait()


async def ended(process: psutil.Process) -> None:
    """Wait until the process has ended; the test's time-out is the limit. In a container, an orphan may stay as a
    zombie, which counts as ended."""
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        await asyncio.sleep(0.05)


def ask(text: str, **config: object) -> llm_pb2.StreamingGenerateRequest:
    message = llm_pb2.ChatMessage(role=llm_pb2.ROLE_USER, content=text)
    return llm_pb2.StreamingGenerateRequest(messages=[message], config=llm_pb2.GenerationConfig(**config))  # type: ignore[arg-type]


async def refused(stub: llm_pb2_grpc.LlmServiceAsyncStub, request: llm_pb2.StreamingGenerateRequest) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.StreamingGenerate(request).read()
    return caught.value.details() or ""


async def test_sigterm_drains_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        call = running.stub.StreamingGenerate(
            ask("Count.", max_tokens=12, json_schema=json.dumps({"type": "array", "minItems": 100, "items": {}}))
        )
        await call.read()
        running.process.send_signal(signal.SIGTERM)
        last = None
        while (event := await call.read()) is not grpc.aio.EOF:
            last = event
        assert isinstance(last, llm_pb2.StreamingGenerateResponse)
        assert last.done.usage.completion_tokens == 12
        assert await asyncio.to_thread(running.process.wait) == 0
        assert not running.model_server.is_running()


async def test_sigkill_leaves_no_orphan(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        running.process.kill()
        await ended(running.model_server)


async def test_nothing_that_is_said_goes_into_a_log(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        events = [event async for event in running.stub.StreamingGenerate(ask(f"Repeat: {SECRET}", max_tokens=5))]
        assert events[-1].done.usage.completion_tokens == 5
        assert "too long for the model" in await refused(running.stub, ask(f"{SECRET} " * 2000))
        assert "refused" in await refused(running.stub, ask(SECRET, json_schema=json.dumps({"type": SECRET})))
        call = running.stub.StreamingGenerate(ask(SECRET, max_tokens=500))
        await call.read()
        call.cancel()
        running.process.terminate()
        await asyncio.to_thread(running.process.wait)
        log = running.log.read_text()
    assert "model loaded" in log  # llama.cpp's own lines are logged until the server answers
    assert SECRET not in log  # later ones aren't, because they might quote a request


def test_a_setting_that_can_not_be_is_named(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "llm_service"],
        cwd=tmp_path,
        env=os.environ | {"LLM_MODEL_NAME": "/nowhere/model.gguf"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "LLM can't start: there is no model file /nowhere/model.gguf" in result.stderr
    assert "Traceback" not in result.stderr
