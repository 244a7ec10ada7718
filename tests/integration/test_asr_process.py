"""`python -m asr_service` as a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest
from aitalk.asr.v1 import asr_pb2 as pb
from aitalk.asr.v1 import asr_pb2_grpc

from common.grpc_client import open_channel
from tests.support.asr import FINISH, audio, config, silence, spoken

Process = asyncio.subprocess.Process


@asynccontextmanager
async def asr_process(**settings: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "asr_service", env={**os.environ, "ASR_PORT": "0", **settings}, stderr=-1
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def log_line(process: Process, pattern: str) -> re.Match[str]:
    assert process.stderr
    while line := (await process.stderr.readline()).decode():
        if match := re.search(pattern, line):
            return match
    raise AssertionError(f"the process ended without logging {pattern}")


async def test_sigterm_lets_the_open_stream_finish() -> None:
    async with asr_process(LOG_LEVEL="INFO") as process:
        port = (await log_line(process, r"ASR listens on .*:(\d+)"))[1]
        await log_line(process, "✓ ASR model loaded")
        async with open_channel(f"127.0.0.1:{port}") as channel:
            stub = asr_pb2_grpc.AsrServiceStub(channel)
            call: grpc.aio.StreamStreamCall[pb.StreamingRecognizeRequest, pb.StreamingRecognizeResponse]
            call = stub.StreamingRecognize()
            await call.write(config())
            await call.write(audio(spoken("Good morning, how are you?")))
            assert (await anext(aiter(call))).HasField("speech_started")
            process.send_signal(signal.SIGTERM)
            await log_line(process, "ASR drains")
            await call.write(FINISH)
            events = [event async for event in call]
            assert "morning" in events[-1].end_of_turn.transcript.text
            assert await call.code() is grpc.StatusCode.OK
        assert await process.wait() == 0


async def test_sigterm_ends_a_silent_stream_at_once_and_an_open_turn_when_it_is_answered() -> None:
    line = spoken("Good morning, how are you?")
    async with asr_process(LOG_LEVEL="INFO") as process:
        port = (await log_line(process, r"ASR listens on .*:(\d+)"))[1]
        await log_line(process, "✓ ASR model loaded")
        async with open_channel(f"127.0.0.1:{port}") as channel:
            stub: Any = asr_pb2_grpc.AsrServiceStub(channel)
            silent, speaking = stub.StreamingRecognize(), stub.StreamingRecognize()
            for call, pcm in ((silent, silence(1)), (speaking, line[: len(line) // 2])):
                await call.write(config())
                await call.write(audio(pcm))
                await call.initial_metadata()  # now the call is being served; its first event may come much later
            assert (await speaking.read()).HasField("speech_started")
            process.send_signal(signal.SIGTERM)
            assert await silent.code() is grpc.StatusCode.UNAVAILABLE
            await speaking.write(audio(np.concatenate([line[len(line) // 2 :], silence(2)])))
            while not (event := await speaking.read()).HasField("end_of_turn"):
                pass
            assert "morning" in event.end_of_turn.transcript.text
            assert await speaking.code() is grpc.StatusCode.UNAVAILABLE
        assert await process.wait() == 0


async def test_the_words_of_a_conversation_are_not_logged() -> None:
    async with asr_process(LOG_LEVEL="DEBUG", DRAIN_TIMEOUT_S="1") as process:
        port = (await log_line(process, r"ASR listens on .*:(\d+)"))[1]
        await log_line(process, "✓ ASR model loaded")
        async with open_channel(f"127.0.0.1:{port}") as channel:
            stub = asr_pb2_grpc.AsrServiceStub(channel)
            request = pb.RecognizeRequest(audio=spoken("The banana is yellow.").tobytes(), sample_rate_hz=16_000)
            assert "banana" in (await stub.Recognize(request)).transcript.text
        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()
        assert b"ASR drains" in log
        assert b"banana" not in log


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"ASR_MODEL_NAME": "nobody/nothing"}, "ASR_MODEL_NAME=nobody/nothing"),
        ({"ASR_SAMPLE_RATE": "24000"}, "ASR_SAMPLE_RATE is 24000"),
        ({"ASR_END_SILENCE_MS": "100"}, "ASR_EAGER_SILENCE_MS"),
        ({"ASR_DEVICE": "abacus"}, "abacus"),
    ],
)
async def test_impossible_settings_are_reported_in_a_sentence(settings: dict[str, str], named: str) -> None:
    async with asr_process(**settings) as process:
        _, log = await process.communicate()
        assert process.returncode == 1
        assert "ASR can't start: " in log.decode()
        assert named in log.decode()
        assert "Traceback" not in log.decode()
