"""Sessions don't wait for one another, memory is bounded, and every thread ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import av
import numpy as np
import psutil
import pytest

from gateway.audio import AudioError, AudioInput, DecodedAudio
from gateway.audio.decoded_queue import CAPACITY_BYTES, DecodedQueue
from gateway.audio.decoder import INBOX_BYTES
from gateway.audio.decoder_thread import DecoderThread
from gateway.audio.encoded_queue import EncodedQueue
from gateway.audio.mono import MonoResampler
from gateway.audio.types import ByteSource, StreamKind
from gateway.audio.wav import decode_wav
from tests.support.audio import chirp, cut, hear, ogg, wav, webm

WEBM = webm(chirp(0.5))
LONG_WAV = wav(chirp(30, 16_000))  # 960,000 bytes


def decoder_threads() -> int:
    return sum(thread.name == "audio-decoder" for thread in threading.enumerate())


@pytest.fixture(autouse=True)
async def nothing_leaks() -> AsyncIterator[None]:
    yield
    assert decoder_threads() == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_session_is_not_delayed_by_fifty_that_never_go_on() -> None:
    silent = [AudioInput(sample_rate_hz=16_000) for _ in range(50)]
    for audio in silent:
        await audio.feed(WEBM[:100])  # their decoders now wait for the rest
    assert decoder_threads() == 50
    alone = await hear([WEBM])
    assert alone.pcm
    assert not alone.errors
    for audio in silent:
        await audio.close()


async def test_a_learner_whose_audio_is_resampled_takes_no_thread_for_each_core() -> None:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), format="s16", layout="mono")
    frame.sample_rate = 48_000
    resamplers = [MonoResampler(1, 16_000) for _ in range(20)]
    before = psutil.Process().num_threads()
    assert all(resampler.resample(frame) for resampler in resamplers)
    assert psutil.Process().num_threads() <= before


async def test_a_session_is_not_delayed_by_one_that_nobody_listens_to() -> None:
    async with AudioInput(sample_rate_hz=16_000) as unheard, asyncio.TaskGroup() as tasks:
        feeding = tasks.create_task(feed_all(unheard, LONG_WAV * 2))
        assert (await hear([WEBM])).pcm
        assert not feeding.done()
        await unheard.close()


async def test_feeding_too_fast_waits_for_the_reader() -> None:
    data = LONG_WAV * 2
    async with AudioInput(sample_rate_hz=16_000) as audio, asyncio.TaskGroup() as tasks:
        feeding = tasks.create_task(feed_all(audio, data))
        await asyncio.wait([feeding], timeout=0.3)
        assert not feeding.done()
        heard = [item async for item in audio]
        assert feeding.done()
    assert not any(isinstance(item, AudioError) for item in heard)
    assert sum(len(item.pcm) for item in heard if isinstance(item, DecodedAudio)) == 2 * 30 * 32_000


async def test_raw_pcm_waits_too() -> None:
    async with AudioInput(sample_rate_hz=16_000, encoding="pcm_s16le") as audio, asyncio.TaskGroup() as tasks:
        for _ in range(CAPACITY_BYTES // 3200):
            await audio.feed(bytes(3200))
        feeding = tasks.create_task(audio.feed(bytes(320)))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not feeding.done()
        await anext(audio)
        await feeding
    assert decoder_threads() == 0


def test_the_inbox_says_when_it_is_full_and_when_there_is_room() -> None:
    rooms: list[None] = []
    encoded = EncodedQueue(capacity_bytes=10, on_room=lambda: rooms.append(None))
    encoded.begin(StreamKind.WAV)
    full = []
    for _ in range(2):
        encoded.put(bytes(6))
        full.append(encoded.full)
    assert encoded.next_stream() is StreamKind.WAV
    assert not rooms
    assert encoded.read() == bytes(6)
    assert len(rooms) == 1
    assert [*full, encoded.full] == [False, True, False]


@pytest.mark.parametrize(
    "state", ["new", "undecided", "waiting for bytes", "nobody listens", "broken", "finished", "drained", "pcm"]
)
async def test_close_ends_the_thread_in_every_state(state: str) -> None:
    audio = AudioInput(sample_rate_hz=16_000, encoding="pcm_s16le" if state == "pcm" else "auto")
    match state:
        case "undecided":
            await audio.feed(b"Og")
        case "waiting for bytes":
            await audio.feed(WEBM[:-100])
            await anext(audio)
        case "nobody listens":
            await audio.feed(LONG_WAV[: INBOX_BYTES - 1])
        case "broken":
            await audio.feed(WEBM + bytes(1000))
            while not isinstance(await anext(audio), AudioError):
                pass
        case "finished" | "drained":
            await audio.feed(WEBM)
            await audio.finish()
            if state == "drained":
                assert [item async for item in audio]
        case "pcm":
            await audio.feed(bytes(320))
    await audio.close()
    assert decoder_threads() == 0
    await audio.close()
    assert [item async for item in audio] == []


async def test_close_wakes_whoever_feeds_and_whoever_listens() -> None:
    async with asyncio.TaskGroup() as tasks:
        fed, heard = AudioInput(sample_rate_hz=16_000), AudioInput(sample_rate_hz=16_000)
        feeding = tasks.create_task(feed_all(fed, LONG_WAV * 2))
        listening = tasks.create_task(anext(heard, None))
        await asyncio.wait([feeding, listening], timeout=0.1)
        await fed.close()
        await heard.close()
    assert listening.result() is None


async def test_cancelling_a_feed_that_waits_leaves_the_session_usable() -> None:
    async with AudioInput(sample_rate_hz=16_000) as audio:
        feeding = asyncio.ensure_future(audio.feed(LONG_WAV))
        await asyncio.wait([feeding], timeout=0.1)
        feeding.cancel()
        await asyncio.wait([feeding])
        await audio.finish()
        pieces = [item.pcm async for item in audio if isinstance(item, DecodedAudio)]
        assert len(b"".join(pieces)) == 30 * 32_000


async def test_a_bug_in_a_decoder_is_raised_where_the_session_listens() -> None:
    def broken(source: ByteSource, sample_rate_hz: int) -> Iterator[DecodedAudio]:
        yield DecodedAudio(source.read(), "any", sample_rate_hz)
        raise ZeroDivisionError

    ended = asyncio.Event()
    encoded, decoded = EncodedQueue(capacity_bytes=100, on_room=lambda: None), DecodedQueue()
    thread = DecoderThread(encoded, decoded, {StreamKind.WAV: broken}, 16_000, ended.set)
    encoded.begin(StreamKind.WAV)
    encoded.put(b"1234")
    assert await decoded.receive() == DecodedAudio(b"1234", "any", 16_000)
    with pytest.raises(ZeroDivisionError):
        await decoded.receive()
    await ended.wait()
    thread.join()
    decoded.close()


def test_a_thread_whose_event_loop_is_gone_ends_quietly() -> None:
    async def start() -> tuple[EncodedQueue, DecodedQueue, DecoderThread]:
        encoded, decoded = EncodedQueue(capacity_bytes=1000, on_room=lambda: None), DecodedQueue()
        return encoded, decoded, DecoderThread(encoded, decoded, {StreamKind.WAV: decode_wav}, 16_000, lambda: None)

    encoded, decoded, thread = asyncio.run(start())
    encoded.begin(StreamKind.WAV)
    encoded.put(wav(chirp(0.1, 16_000)))
    thread.join()
    decoded.close()


async def test_libav_says_nothing_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    await hear([WEBM[:-30], WEBM + bytes(3000), ogg(chirp(0.1))[:200]])
    assert capfd.readouterr() == ("", "")


async def feed_all(audio: AudioInput, data: bytes) -> None:
    """Feed the data, or as much of it as the input takes before it is closed. Then finish."""
    try:
        for frame in cut(data, 32_000):
            await audio.feed(frame)
    except AudioError as error:
        assert error.code == "audio_after_end"  # noqa: PT017 - any other is a failure
    await audio.finish()
