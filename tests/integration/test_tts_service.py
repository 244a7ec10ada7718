"""The speech synthesis service with its real voice, over real gRPC."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import statistics
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
import pytest_asyncio
from aitalk.tts.v1 import tts_pb2 as pb
from aitalk.tts.v1 import tts_pb2_grpc
from prometheus_client import REGISTRY

from tests.support import tts
from tests.support.transcription import word_error_rate
from tests.support.tts import (
    CountingEngine,
    check_tiling,
    config,
    finish,
    free_slots,
    pcm,
    refusal,
    rest,
    speak,
    status,
    text,
)
from tts_service.engines import build

pytestmark = pytest.mark.asyncio(loop_scope="module")


NATIVE_RATE = 22_050
MIXED = "**Hello there**, Dr. Smith! 😀 It's 3.14, e.g. at 5 p.m.\n\n- See https://x.com/y — ok?  \n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> CountingEngine:
    return CountingEngine(build(tts.settings(), ""))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stub(engine: CountingEngine) -> AsyncIterator[Any]:
    async with tts.serving(engine, tts_max_streams=2) as stub:
        yield stub


def cut(whole: str, seed: int) -> list[str]:
    places = sorted(random.Random(seed).choices(range(len(whole) + 1), k=12))
    return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]


def plain(word: str) -> str:
    return word.strip(".,?").lower()


# --- what comes out -----------------------------------------------------------------------------


@pytest.mark.parametrize("written", [tts.STORY, MIXED, "Hi", "  \n", "😀"])
@pytest.mark.parametrize("seed", range(2))
async def test_chunks_tile_the_text_however_it_comes(stub: Any, written: str, seed: int) -> None:
    chunks = await speak(stub, cut(written, seed), sample_rate_hz=16_000)
    check_tiling(chunks, written)
    assert {chunk.sample_rate_hz for chunk in chunks} == {16_000}
    assert all(len(chunk.audio) <= 2 * 0.2 * 16_000 for chunk in chunks)


async def test_every_word_has_its_caption(stub: Any) -> None:
    chunks = await speak(stub, [MIXED])
    words = [word.text for chunk in chunks for word in chunk.words]
    assert words == [word for word in MIXED.split() if re.search(r"\w", word) and "://" not in word]
    assert chunks[0].sample_rate_hz == 24_000


async def test_no_text_no_sound(stub: Any) -> None:
    assert await speak(stub, []) == []
    assert (await stub.Synthesize(pb.SynthesizeRequest())).audio == b""


async def test_the_voice_begins_before_the_text_ends(stub: Any) -> None:
    call = stub.StreamingSynthesize()
    await call.write(config())
    await call.write(text("I think so, "))
    first = await call.read()  # it comes although the rest of the text was not sent
    assert (first.chunk.text_start, first.chunk.start_sample) == (0, 0)
    assert first.chunk.audio
    await call.write(text("and you know why."))
    await call.write(finish())
    chunks = [first.chunk, *await rest(call)]
    check_tiling(chunks, "I think so, and you know why.")


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 48_000])
async def test_the_rate_asked_for_is_the_rate_given(stub: Any, engine: CountingEngine, rate: int) -> None:
    before = engine.samples
    chunks = await speak(stub, [tts.SENTENCES[1]], sample_rate_hz=rate)
    assert {chunk.sample_rate_hz for chunk in chunks} == {rate}
    assert pcm(chunks).size / rate == pytest.approx((engine.samples - before) / NATIVE_RATE, rel=0.02)


async def test_words_are_said_when_their_captions_say(stub: Any) -> None:
    chunks = await speak(stub, [tts.STORY], sample_rate_hz=24_000)
    assert not any(chunk.timing_estimated for chunk in chunks)
    heard = tts.heard_words(pcm(chunks), 24_000)
    assert word_error_rate(tts.STORY, " ".join(word for word, _ in heard)) <= 0.15
    told = {plain(word.text): word.start_sample / 24_000 for chunk in chunks for word in chunk.words}
    once = [word for word, count in Counter(map(plain, tts.STORY.split())).items() if count == 1]
    errors = [abs(start - told[plain(word)]) for word, start in heard if plain(word) in once]
    assert len(errors) > 15
    assert statistics.median(errors) < 0.2


async def test_between_sentences_there_is_a_short_pause(stub: Any) -> None:
    chunks = await speak(stub, ["We came home. Then we ate."], sample_rate_hz=16_000)
    words = [word for chunk in chunks for word in chunk.words]
    quiet = pcm(chunks)[words[2].end_sample : words[3].start_sample]
    assert 0.1 < len(quiet) / 16_000 < 0.6
    assert np.abs(quiet).min() == 0


async def test_slower_takes_longer(stub: Any) -> None:
    slow, fast = [pcm(await speak(stub, [tts.SENTENCES[2]], speed=speed)).size for speed in (0.5, 2.0)]
    assert slow > 1.7 * fast


async def test_a_whole_text_at_once(stub: Any) -> None:
    answer = await stub.Synthesize(pb.SynthesizeRequest(text=tts.STORY))
    assert [word.text for word in answer.words] == tts.STORY.split()
    assert answer.sample_rate_hz == 24_000
    assert not answer.timing_estimated
    assert answer.words[-1].end_sample <= len(answer.audio) // 2


async def test_voices(stub: Any) -> None:
    (voice,) = (await stub.ListVoices(pb.ListVoicesRequest(language="en"))).voices
    assert (voice.language, voice.native_sample_rate_hz) == ("en-US", NATIVE_RATE)
    assert not (await stub.ListVoices(pb.ListVoicesRequest(language="fr"))).voices
    assert await speak(stub, ["Hello."], voice=voice.id, language="en-US")


# --- what is refused ----------------------------------------------------------------------------

SEQUENCES = {
    "no config": ([text("Hello. ")], "config"),
    "nothing": ([], "config"),
    "two configs": ([config(), config()], "second config"),
    "no finish": ([config(), text("Hello.")], "finish"),
}
BAD_REQUESTS = {
    "voice": ([config(voice="eve"), finish()], "en_US-joe-medium"),
    "long voice": ([config(voice="ä" * 100_000), finish()], "en_US-joe-medium"),
    "language": ([config(language="fr"), finish()], "fr"),
    "low rate": ([config(sample_rate_hz=7999), finish()], "8000"),
    "high rate": ([config(sample_rate_hz=48_001), finish()], "48000"),
    "slow": ([config(speed=0.4), finish()], "0.5"),
    "not a speed": ([config(speed=float("nan")), finish()], "speed"),
    "long": ([config(), text(" " * 6000), text(" " * 4001), finish()], "10,001"),
}


@pytest.mark.parametrize("name", SEQUENCES)
async def test_messages_out_of_order(stub: Any, name: str) -> None:
    requests, hint = SEQUENCES[name]
    code, details = await refusal(stub, requests)
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert hint in details


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_what_cannot_be_spoken(stub: Any, name: str) -> None:
    requests, hint = BAD_REQUESTS[name]
    code, details = await refusal(stub, requests)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert hint in details


async def test_a_whole_text_that_is_too_long(stub: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="10,001 characters"):
        await stub.Synthesize(pb.SynthesizeRequest(text="x" * 10_001))


# --- slots, cancelling, holding back ------------------------------------------------------------


async def begin(stub: Any, sentences: int) -> Any:
    """Begin a call with many sentences, and wait for its first chunk."""
    call = stub.StreamingSynthesize()
    await call.write(config(sample_rate_hz=48_000))
    for _ in range(sentences):
        await call.write(text(tts.SENTENCES[1]))
    await call.read()
    return call


async def test_a_cancel_stops_the_work_and_frees_the_slot(stub: Any, engine: CountingEngine) -> None:
    await free_slots(stub)
    cancels = REGISTRY.get_sample_value("aitalk_tts_cancelled_total") or 0
    call = await begin(stub, sentences=5)
    asked = engine.asked
    call.cancel()
    await free_slots(stub)
    stopped = engine.asked
    assert stopped <= asked + 1
    await speak(stub, [tts.STORY])
    assert engine.asked == stopped + len(tts.SENTENCES)  # only the story was synthesised
    assert REGISTRY.get_sample_value("aitalk_tts_cancelled_total") == cancels + 1


async def test_synthesis_waits_for_a_client_that_does_not_read(stub: Any, engine: CountingEngine) -> None:
    """Replies take turns in the threads. If synthesis didn't wait, this client's call would get 15 pieces while another
    client gets 15."""
    await free_slots(stub)
    before = engine.asked
    address = f"127.0.0.1:{stub.server.port}"
    # By default, gRPC lets a receiver's window grow to megabytes, which are minutes of speech.
    async with grpc.aio.insecure_channel(address, options=[("grpc.http2.bdp_probe", 0)]) as channel:
        deaf: Any = tts_pb2_grpc.TtsServiceStub(channel)
        call = deaf.StreamingSynthesize(itertools.chain([config()], map(text, [tts.SENTENCES[1]] * 40)))
        for _ in range(15):
            await speak(stub, ["Hi."])
        assert 1 <= engine.asked - before - 15 <= 6
        call.cancel()
    await free_slots(stub)


@pytest.mark.parametrize(
    ("window", "most_s"),
    [
        # A piece has 0.74 s. On a busy machine a second piece may be made.
        (16_384, 2.0),  # the window of our gateway, which holds 0.34 s
        (65_536, 3.0),  # gRPC's default, which holds 1.37 s; the test keeps it from growing
    ],
)
@pytest.mark.parametrize("heard_s", [0.2, 2.0, 6.0])
async def test_little_speech_is_made_for_who_stops_listening(
    stub: Any, window: int, most_s: float, heard_s: float
) -> None:
    await free_slots(stub)
    before = made_s()
    options = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", window)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{stub.server.port}", options=options) as channel:
        call: Any = tts_pb2_grpc.TtsServiceStub(channel).StreamingSynthesize()
        await call.write(config(sample_rate_hz=24_000))
        await call.write(text(tts.STORY * 3))
        read_s = 0.0
        while read_s < heard_s:
            read_s += len((await call.read()).chunk.audio) / 2 / 24_000
        seen = -1.0
        while seen < (seen := made_s()):
            await asyncio.sleep(1.0)
        call.cancel()
    assert seen - before - read_s < most_s
    await free_slots(stub)


def made_s() -> float:
    return REGISTRY.get_sample_value("aitalk_tts_audio_seconds_total") or 0.0


async def test_no_slot_is_said_at_once(stub: Any) -> None:
    await free_slots(stub)
    calls = [await begin(stub, sentences=1) for _ in range(2)]
    # The call sends no request, because a write could race with the refusal, whose message would be lost.
    code, details = await status(stub.StreamingSynthesize())
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "2 slots" in details
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stub.Synthesize(pb.SynthesizeRequest(text="Hi."))
    assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    for call in calls:
        call.cancel()
    await free_slots(stub)
    assert await speak(stub, ["Hi."])


async def test_two_speak_at_once(stub: Any) -> None:
    await free_slots(stub)
    for chunks in await asyncio.gather(speak(stub, [tts.STORY]), speak(stub, [tts.STORY], sample_rate_hz=8000)):
        check_tiling(chunks, tts.STORY)
