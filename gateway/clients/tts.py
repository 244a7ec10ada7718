"""Speech synthesis over gRPC, as the port `Tts`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from aitalk.tts.v1 import tts_pb2, tts_pb2_grpc

from gateway import ports
from gateway.clients.calls import Stream
from gateway.clients.traced import TracedStub


class GrpcTts:
    """Calls aitalk.tts.v1.TtsService."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = TracedStub(tts_pb2_grpc.TtsServiceStub(channel))

    @asynccontextmanager
    async def open(
        self, *, sample_rate_hz: int, voice: str, speed: float, language: str
    ) -> AsyncIterator[ports.TtsStream]:
        config = tts_pb2.SynthesisConfig(sample_rate_hz=sample_rate_hz, voice=voice, speed=speed, language=language)
        first = tts_pb2.StreamingSynthesizeRequest(config=config)
        async with Stream.open(self._stub.StreamingSynthesize, first, "TTS") as call:
            yield _Stream(call)


class _Stream:
    def __init__(self, call: Stream) -> None:
        self._call = call

    async def send_text(self, text: str) -> None:
        await self._call.write(tts_pb2.StreamingSynthesizeRequest(text=text))

    async def finish(self) -> None:
        await self._call.finish(tts_pb2.StreamingSynthesizeRequest(finish=tts_pb2.Finish()))

    async def __aiter__(self) -> AsyncIterator[ports.SpeechChunk]:
        async for response in self._call:
            yield _chunk(response.chunk)


def _chunk(message: tts_pb2.AudioChunk) -> ports.SpeechChunk:
    words = tuple(
        ports.SpokenWord(word.text, word.text_start, word.text_end, word.start_sample, word.end_sample)
        for word in message.words
    )
    return ports.SpeechChunk(
        pcm=message.audio,
        start_sample=message.start_sample,
        text_start=message.text_start,
        text_end=message.text_end,
        words=words,
        timing_estimated=message.timing_estimated,
    )
