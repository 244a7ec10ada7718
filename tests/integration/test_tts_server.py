"""The server of the speech synthesis service: its description and its log, how it starts and stops."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
import pytest_asyncio
from aitalk.tts.v1 import tts_pb2 as pb
from aitalk.tts.v1 import tts_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import REGISTRY

from common.grpc_client import open_channel
from tests.support import tts
from tests.support.tts import (
    check_tiling,
    config,
    finish,
    free_slots,
    refusal,
    rest,
    speak,
    status,
    text,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stub() -> AsyncIterator[Any]:
    async with tts.serving(tts_max_streams=2) as stub:
        yield stub


async def test_learners_words_are_not_logged(stub: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await speak(stub, ["Platypus matters, they said. Platypus."])
        await refusal(stub, [config(), text("Platypus. "), config()])
    assert caplog.records
    assert "latypus" not in caplog.text


async def test_it_says_what_it_is(stub: Any) -> None:
    await free_slots(stub)
    engine = (await stub.Describe(pb.DescribeRequest())).engine
    assert (engine.engine, engine.model, engine.slots_total, engine.ready) == ("piper", "en_US-joe-medium", 2, True)
    assert engine.memory_bytes > 0


async def test_metrics_tell_of_the_speech(stub: Any) -> None:
    names = ("first_audio_seconds_count", "real_time_factor_count", "audio_seconds_total", "characters_total")
    before = [REGISTRY.get_sample_value(f"aitalk_tts_{name}") or 0 for name in names]
    await speak(stub, [tts.STORY])
    after = [REGISTRY.get_sample_value(f"aitalk_tts_{name}") or 0 for name in names]
    first, factors, seconds, characters = (b - a for a, b in zip(before, after, strict=True))
    assert (first, characters) == (1, len(tts.STORY))
    assert factors >= len(tts.SENTENCES)  # one for each piece, and a sentence is at least one piece
    assert 5 < seconds < 20


async def test_health_and_reflection(stub: Any) -> None:
    health: Any = health_pb2_grpc.HealthStub(stub.channel)
    for name in ("", "aitalk.tts.v1.TtsService"):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(stub.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = [answer async for answer in reflection.ServerReflectionInfo(iter([request]))]
    assert "aitalk.tts.v1.TtsService" in [service.name for service in answer.list_services_response.service]


async def test_before_it_is_warm_it_says_so() -> None:
    async with tts.serving(warm=False) as cold:
        code, _ = await status(cold.StreamingSynthesize())
        assert code is grpc.StatusCode.UNAVAILABLE
        assert not (await cold.Describe(pb.DescribeRequest())).engine.ready
        health: Any = health_pb2_grpc.HealthStub(cold.channel)
        answer = await health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_an_unavailable_model_is_replaced_and_that_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async with tts.serving(tts_model_name="/nowhere/voice.onnx") as stub:
        engine = (await stub.Describe(pb.DescribeRequest())).engine
        assert (engine.engine, engine.model, engine.ready) == ("piper", "en_US-joe-medium", True)
        assert "/nowhere/voice.onnx" in engine.fallback_reason
        assert await speak(stub, ["Hello."])
    assert "TTS speaks with piper instead of /nowhere/voice.onnx" in caplog.text


async def run_alone(*, env: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tts_service"), stderr=asyncio.subprocess.PIPE, env={**os.environ, **env}
    )


async def lines_until(process: asyncio.subprocess.Process, needle: str) -> Sequence[str]:
    assert process.stderr
    lines: list[str] = []
    while not lines or needle not in lines[-1]:
        line = await process.stderr.readline()
        assert line, "".join(lines)
        lines.append(line.decode())
    return lines


async def test_alone_it_finishes_what_it_says_when_told_to_stop() -> None:
    process = await run_alone(env={"TTS_PORT": "0", "LOG_LEVEL": "DEBUG"})
    lines = await lines_until(process, "✓ TTS model loaded")
    found = re.search(r"listens on (\S+:\d+)", "".join(lines))
    assert found
    async with open_channel(found[1]) as channel:
        stub: Any = tts_pb2_grpc.TtsServiceStub(channel)
        call = stub.StreamingSynthesize()
        await call.write(config())
        await call.write(text("Goodbye platypus, "))
        chunks = [(await call.read()).chunk]
        process.send_signal(signal.SIGTERM)
        lines = [*lines, *await lines_until(process, "drains")]
        await call.write(text("see you."))
        await call.write(finish())
        chunks += await rest(call)
    check_tiling(chunks, "Goodbye platypus, see you.")
    _, last_lines = await process.communicate()
    assert process.returncode == 0
    assert "latypus" not in "".join(lines) + last_lines.decode()


async def test_alone_it_says_why_it_cannot_start() -> None:
    env = {"TTS_PORT": "0", "TTS_MODEL_NAME": "/nowhere/voice.onnx", "TTS_FALLBACKS": "none"}
    process = await run_alone(env=env)
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert "/nowhere/voice.onnx" in errors.decode().splitlines()[-1]
