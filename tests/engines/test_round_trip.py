"""The whole TTS service over gRPC, with an engine that takes text as it arrives."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aitalk.tts.v1 import tts_pb2 as pb
from aitalk.tts.v1 import tts_pb2_grpc

from common.grpc_client import open_channel
from common.grpc_server import ModelServer
from tests.engines.tiny_kyutai import tiny_kyutai
from tests.support.tts_engines import engine_settings
from tts_service.engines.kyutai import KyutaiTts
from tts_service.service import create_service

WRITTEN = "Well, **I think** so. It was 3 * 4 😀 of the best, and then we left the river."


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> KyutaiTts:
    folder = tiny_kyutai(tmp_path_factory.mktemp("kyutai") / "model")
    return KyutaiTts(engine_settings(tts_device="cpu", tts_max_streams=3), str(folder))


@pytest.fixture
async def stub(engine: KyutaiTts) -> AsyncIterator[Any]:
    settings = engine_settings(tts_max_streams=3)
    async with ModelServer(create_service(engine, settings), settings, 0) as server:
        await server.warm_up()
        async with open_channel(f"127.0.0.1:{server.port}") as channel:
            yield tts_pb2_grpc.TtsServiceStub(channel)


def requests(text: str, size: int = 3) -> Iterator[pb.StreamingSynthesizeRequest]:
    yield pb.StreamingSynthesizeRequest(config=pb.SynthesisConfig(sample_rate_hz=16_000))
    for begin in range(0, len(text), size):
        yield pb.StreamingSynthesizeRequest(text=text[begin : begin + size])
    yield pb.StreamingSynthesizeRequest(finish=pb.Finish())


async def test_a_reply_word_by_word(stub: Any) -> None:
    chunks = [answer.chunk async for answer in stub.StreamingSynthesize(requests(WRITTEN))]
    place = sample = 0
    for chunk in chunks:
        assert (chunk.text_start, chunk.start_sample) == (place, sample)
        place, sample = chunk.text_end, sample + len(chunk.audio) // 2
    assert place == len(WRITTEN)
    assert sample > 16_000
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == [w for w in WRITTEN.split() if any(map(str.isalnum, w))]
    assert all(WRITTEN[word.text_start : word.text_end] == word.text for word in words)
    assert all(a.end_sample <= b.start_sample for a, b in itertools.pairwise(words))
    assert words[-1].end_sample <= sample
    assert not any(chunk.timing_estimated for chunk in chunks)


async def test_sound_comes_before_the_clause_is_complete(stub: Any) -> None:
    call = stub.StreamingSynthesize()
    await call.write(next(requests("")))
    await call.write(pb.StreamingSynthesizeRequest(text="I think that it was one of the best things that we "))
    answer = await call.read()
    while not answer.chunk.audio:
        answer = await call.read()
    call.cancel()


async def test_a_cancel_ends_the_work_and_frees_the_place(stub: Any, engine: KyutaiTts) -> None:
    assert engine._batch
    for _ in range(4):  # more often than there are slots
        call = stub.StreamingSynthesize(requests("a long story of the river and the people " * 20, size=50))
        async for _answer in call:
            break
        call.cancel()
        async with asyncio.timeout(30):
            while any(engine._batch._rows):
                await asyncio.sleep(0.01)
    steps = engine._batch.steps
    await asyncio.sleep(0.3)
    assert engine._batch.steps == steps


async def test_a_text_of_no_words_is_silent(stub: Any) -> None:
    chunks = [answer.chunk async for answer in stub.StreamingSynthesize(requests("😀 ?!"))]
    assert (chunks[-1].text_end, sum(len(chunk.audio) for chunk in chunks)) == (4, 0)


async def test_all_at_once(stub: Any) -> None:
    answer = await stub.Synthesize(pb.SynthesizeRequest(text="Hello there. How are you?"))
    assert [word.text for word in answer.words] == ["Hello", "there.", "How", "are", "you?"]
    assert answer.audio
