"""For tests of speech synthesis: a server, and its answers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest
import soxr
from aitalk.tts.v1 import tts_pb2 as pb
from aitalk.tts.v1 import tts_pb2_grpc
from numpy.typing import NDArray

from common.engine_info import EngineDescription
from common.grpc_client import open_channel
from common.grpc_server import ModelServer
from tests.support.transcription import bundled_whisper
from tts_service.config import TtsSettings
from tts_service.engine import EngineAudio, EngineVoice, TtsEngine
from tts_service.engines import create_engine
from tts_service.service import create_service

SENTENCES = (
    "Yesterday, Doctor Smith walked along the river with his two dogs. ",
    "It was a warm evening, and many people were sitting outside the cafes. ",
    "What would you like to talk about today?",
)
STORY = "".join(SENTENCES)


def config(**fields: Any) -> pb.StreamingSynthesizeRequest:
    return pb.StreamingSynthesizeRequest(config=pb.SynthesisConfig(**fields))


def text(piece: str) -> pb.StreamingSynthesizeRequest:
    return pb.StreamingSynthesizeRequest(text=piece)


def finish() -> pb.StreamingSynthesizeRequest:
    return pb.StreamingSynthesizeRequest(finish=pb.Finish())


class CountingEngine:
    """A real engine that counts the texts it was asked to say, and the samples it made."""

    def __init__(self, engine: TtsEngine) -> None:
        self.engine = engine
        self.asked = 0
        self.samples = 0

    def load(self) -> None:
        self.engine.load()

    def describe(self) -> EngineDescription:
        return self.engine.describe()

    def voices(self) -> Sequence[EngineVoice]:
        return self.engine.voices()

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        self.asked += 1
        for piece in self.engine.synthesize(text, voice=voice, speed=speed, language=language):
            self.samples += piece.pcm.size
            yield piece

    def close(self) -> None:
        self.engine.close()


def settings(**fields: Any) -> TtsSettings:
    return TtsSettings(_env_file=None, tts_port=0, drain_timeout_s=1, **fields)


@asynccontextmanager
async def serving(engine: TtsEngine | None = None, *, warm: bool = True, **fields: Any) -> AsyncIterator[Any]:
    """Run the service on a free port, and yield a stub that calls it. The stub's attributes `channel` and `server` are
    its connection and the running server. warm: whether the engine is loaded first."""
    chosen = settings(**fields)
    async with ModelServer(create_service(engine or create_engine(chosen), chosen), chosen, port=0) as server:
        if warm:
            await server.warm_up()
        async with open_channel(f"127.0.0.1:{server.port}") as channel:
            stub: Any = tts_pb2_grpc.TtsServiceStub(channel)
            stub.channel = channel
            stub.server = server
            yield stub


async def speak(stub: Any, pieces: Iterable[str], **fields: Any) -> list[pb.AudioChunk]:
    """The chunks of one reply whose text comes in `pieces`."""
    requests = itertools.chain([config(**fields)], map(text, pieces), [finish()])
    return [response.chunk async for response in stub.StreamingSynthesize(requests)]


def pcm(chunks: Iterable[pb.AudioChunk]) -> NDArray[np.int16]:
    return np.frombuffer(b"".join(chunk.audio for chunk in chunks), "<i2")


def check_tiling(chunks: Sequence[pb.AudioChunk], written: str) -> None:
    """Check that the ranges of text and of samples follow one another without gaps, and that words are in order."""
    place = sample = 0
    for chunk in chunks:
        assert (chunk.text_start, chunk.start_sample) == (place, sample)
        assert chunk.text_end >= chunk.text_start
        for word in chunk.words:
            assert chunk.text_start <= word.text_start < word.text_end <= chunk.text_end
            assert word.text == written[word.text_start : word.text_end]
        place, sample = chunk.text_end, sample + len(chunk.audio) // 2
    assert place == len(written)
    words = [word for chunk in chunks for word in chunk.words]
    for earlier, later in itertools.pairwise(words):
        assert earlier.start_sample <= earlier.end_sample <= later.start_sample
        assert earlier.text_end <= later.text_start
    assert all(word.end_sample <= sample for word in words)


def heard_words(speech: NDArray[np.int16], rate: int) -> list[tuple[str, float]]:
    """What faster-whisper hears in `speech`: words and the seconds at which they start."""
    audio = np.asarray(soxr.resample(speech.astype(np.float32) / 32768, rate, 16_000), np.float32)
    segments, _ = bundled_whisper().transcribe(audio, language="en", beam_size=5, word_timestamps=True)
    return [(word.word.strip(), float(word.start)) for segment in segments for word in segment.words or ()]


async def status(call: Any) -> tuple[grpc.StatusCode, str]:
    """How a call ends."""
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        async for _ in call:
            pass
    return failure.value.code(), str(failure.value.details())


async def refusal(stub: Any, requests: list[pb.StreamingSynthesizeRequest]) -> tuple[grpc.StatusCode, str]:
    """How a call with these requests ends. If grpcio loses the status (the call ended during a write), call again."""
    for _ in range(5):
        code, details = await status(stub.StreamingSynthesize(iter(requests)))
        if details != "Internal error from Core":
            break
    return code, details


async def rest(call: Any) -> list[pb.AudioChunk]:
    """The remaining chunks of a call that was read from. gRPC does not allow iteration over such a call."""
    chunks = []
    while (response := await call.read()) is not grpc.aio.EOF:
        chunks.append(response.chunk)
    return chunks


async def free_slots(stub: Any) -> None:
    """Wait until no stream is being served."""
    async with asyncio.timeout(30):
        while (await stub.Describe(pb.DescribeRequest())).engine.slots_in_use:
            await asyncio.sleep(0.01)
