"""Audio that comes in slices or late gives recognition the same sound as a steady stream. The tests run in virtual
time.

Source: the case `late_audio.py` in docs/compatibility.md. It follows reports of MediaRecorder with slices of half a
second and more, and of networks that stall.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import cache

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audio import AudioInput
from gateway.audio.cadence import LATEST_S, Cadence
from gateway.audio.container import decode_ogg, decode_webm
from gateway.audio.pcm import decode_pcm
from gateway.audio.types import DecodedAudio, StreamKind
from gateway.conversation.hearing import Hearing
from gateway.conversation.hearing_events import HearingEvent
from gateway.ports import AsrEvent, AsrStream, Patience, SpeechStarted
from tests.support.audio import Samples, ogg, recorded, resampled, webm

RATE_HZ = 16_000
SECONDS = 5.0
RECORDINGS = [
    *[("beckett", at) for at in (0.0, 4.5)],
    *[("two_cities", at) for at in (0.0, 8.0, 16.0, 24.0, 32.0)],
    *[("endgame_nagg_nell", at) for at in (0.0, 8.0, 16.0)],
]
STEP = 32  # bytes: a stream can be cut between any two steps
LONGEST_SLICE_S, LONGEST_DELAY_S = 2.0, 2.0


class OpenTurn:
    """Recognition that hears a voice from the first sample on and keeps the audio. Its turn never ends."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self._events: asyncio.Queue[AsrEvent | None] = asyncio.Queue()
        self._events.put_nowait(SpeechStarted(0))

    @asynccontextmanager
    async def open(self, *, sample_rate_hz: int, language: str, patience: Patience) -> AsyncIterator[AsrStream]:
        yield self

    async def send(self, pcm: bytes) -> None:
        self.pcm += pcm

    async def set_patience(self, patience: Patience) -> None:
        raise AssertionError

    async def finish(self) -> None:
        self._events.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[AsrEvent]:
        while event := await self._events.get():
            yield event


class Stream:
    """One recording in one format: its bytes, its sound, and how much of the sound is decoded after each STEP."""

    def __init__(self, kind: StreamKind, data: bytes) -> None:
        self.kind, self.data = kind, data
        self.out_after: list[int] = []  # bytes of PCM
        self.pcm = bytearray()
        decoders: dict[StreamKind, Callable[..., Iterator[DecodedAudio]]] = {
            StreamKind.WEBM: decode_webm,
            StreamKind.OGG: decode_ogg,
            StreamKind.PCM: lambda source, rate: decode_pcm(source, rate, rate),
        }
        for audio in decoders[kind](self, RATE_HZ):
            self.pcm += audio.pcm

    def read(self) -> bytes:
        at = STEP * len(self.out_after)
        self.out_after.append(len(self.pcm))
        return self.data[at : at + STEP]

    def split(self, kind: StreamKind, data: bytes) -> None:
        raise AssertionError

    def slices(self, rng: random.Random) -> list[tuple[float, int]]:
        """Slices cut and delayed at random: (seconds until the slice arrives, number of steps up to its end)."""
        longest_s, latest_s = rng.uniform(0.02, LONGEST_SLICE_S), rng.uniform(0, LONGEST_DELAY_S)
        steps = len(self.out_after) - 1
        end, arrives_s, slices = 0, 0.0, []
        while end < steps:
            end = min(steps, end + max(1, int(rng.uniform(0, longest_s) / SECONDS * steps)))
            arrives_s = max(arrives_s, end / steps * SECONDS + rng.uniform(0, latest_s))
            slices.append((arrives_s, end))
        return slices


@cache
def excerpt(name: str, at_s: float) -> Samples:
    samples, rate_hz = recorded(name)
    return samples[round(at_s * rate_hz) : round((at_s + SECONDS) * rate_hz)]


@cache
def stream(recording: tuple[str, float], kind: StreamKind) -> Stream:
    samples, rate_hz = excerpt(*recording), recorded(recording[0])[1]
    if kind is StreamKind.PCM:
        return Stream(kind, resampled(samples, rate_hz, RATE_HZ).tobytes())
    sound = resampled(samples, rate_hz, 48_000)
    return Stream(kind, webm(sound, frame_ms=60) if kind is StreamKind.WEBM else ogg(sound))


async def heard(stream: Stream, slices: list[tuple[float, int]], silent_s: float = 0.0) -> bytes:
    """The audio that recognition gets if a stream comes in `slices`. silent_s: for how long nothing comes after the
    slices."""
    asr, decoded = OpenTurn(), 0

    def count(pcm: bytes) -> None:
        nonlocal decoded
        decoded += len(pcm)

    async def ignore(event: HearingEvent) -> None:
        pass

    loop = asyncio.get_running_loop()
    async with AudioInput(sample_rate_hz=RATE_HZ, encoding=stream.kind) as audio, asyncio.TaskGroup() as tasks:
        hearing = Hearing(
            audio,
            asr,
            sample_rate_hz=RATE_HZ,
            language=lambda: "en",
            patience=Patience,
            interrupt_after_s=60,
            on_audio=lambda item: count(item.pcm),
            deliver=ignore,
        )
        tasks.create_task(hearing.run())
        begun_s, start = loop.time(), 0
        for arrives_s, end in slices:
            await asyncio.sleep(begun_s + arrives_s - loop.time())
            await audio.feed(stream.data[start * STEP : end * STEP])
            start = end
            while stream.kind is not StreamKind.PCM and decoded < stream.out_after[end]:
                time.sleep(0.0002)  # noqa: ASYNC251 - the decoder's thread works in real time
                await asyncio.sleep(0)
        await asyncio.sleep(silent_s)
        await audio.finish()
    return bytes(asr.pcm)


def heard_now(stream: Stream, slices: list[tuple[float, int]], silent_s: float = 0.0) -> bytes:
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(heard(stream, slices, silent_s))


@given(
    recording=st.sampled_from(RECORDINGS),
    kind=st.sampled_from([StreamKind.WEBM, StreamKind.OGG, StreamKind.PCM]),
    seed=st.integers(0, 1 << 30),
)
@settings(settings.get_profile("late audio"))
def test_any_cutting_and_any_delay_gives_the_same_sound(
    recording: tuple[str, float], kind: StreamKind, seed: int
) -> None:
    whole = stream(recording, kind)
    assert heard_now(whole, whole.slices(random.Random(seed))) == whole.pcm


@pytest.mark.parametrize("kind", [StreamKind.WEBM, StreamKind.PCM])
@pytest.mark.parametrize("slice_s", [0.02, 0.5, 1.0])
def test_a_microphone_that_is_switched_off_is_silent_for_the_time_that_passes(kind: StreamKind, slice_s: float) -> None:
    whole = stream(RECORDINGS[0], kind)
    steps = len(whole.out_after) - 1
    step = max(1, round(slice_s / SECONDS * steps))
    slices = [(end / steps * SECONDS, end) for end in range(step, steps + 1, step)]
    filled = len(heard_now(whole, slices, silent_s=8.0)) - len(whole.pcm)
    assert 7.5 <= filled / 2 / RATE_HZ <= 8.1


def test_a_steady_client_is_awaited_less_long_than_one_that_sends_slices() -> None:
    steady, slow = Cadence(), Cadence()
    assert steady.patience_s == LATEST_S + 2.0  # because nothing is known about the client yet
    for _ in range(30):
        for cadence, seconds in ((steady, 0.02), (slow, 3.0)):
            cadence.begin_slice()
            cadence.heard(seconds)
    assert steady.patience_s == pytest.approx(LATEST_S + 0.02)
    assert slow.patience_s == LATEST_S + 3.0
