"""How much audio goes to recognition as one message, depending on what recognition has reported so far. No audio is
lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from gateway.audio import AudioInput, StreamCut
from gateway.audio.gathering import SILENT_WINDOWS, SPEAKING_WINDOWS
from gateway.conversation.hearing import Hearing
from gateway.conversation.hearing_events import HearingEvent, VoiceLasts
from gateway.conversation.learner_audio import LearnerAudio
from gateway.echo import EchoGuard
from gateway.ports import AsrEvent, AsrStream, Patience, SpeechStarted, VoiceContinued, VoicePaused

RATE_HZ = 16_000
WINDOW = 512
INTERRUPT_AFTER = 20  # windows
NOISE = np.random.default_rng(1).choice([-1, 1], WINDOW)
VOICE, QUIET = 3000, 30


class ListeningAsr:
    """Keeps the sizes of the messages that it gets, in windows, and sends the events that a test gives it."""

    def __init__(self) -> None:
        self.messages: list[int] = []
        self.to_say: asyncio.Queue[AsrEvent | None] = asyncio.Queue()

    @asynccontextmanager
    async def open(self, *, sample_rate_hz: int, language: str, patience: Patience) -> AsyncIterator[AsrStream]:
        yield self

    async def send(self, pcm: bytes) -> None:
        self.messages.append(len(pcm) // (2 * WINDOW))

    async def set_patience(self, patience: Patience) -> None:
        raise AssertionError

    async def finish(self) -> None:
        self.to_say.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[AsrEvent]:
        while event := await self.to_say.get():
            yield event


class Ear:
    """A `Hearing` under test."""

    def __init__(self, audio: AudioInput) -> None:
        self.asr = ListeningAsr()
        self.events: list[HearingEvent] = []
        self._audio = audio
        self.hearing = Hearing(
            audio,
            self.asr,
            sample_rate_hz=RATE_HZ,
            language=lambda: "en",
            patience=Patience,
            interrupt_after_s=INTERRUPT_AFTER * WINDOW / RATE_HZ,
            on_audio=lambda _: None,
            deliver=self._deliver,
        )

    async def _deliver(self, event: HearingEvent) -> None:
        self.events.append(event)

    async def hears(self, level: int, windows: int) -> list[int]:
        """Send that many windows of this level. Returns the sizes of the messages to recognition."""
        before = len(self.asr.messages)
        for _ in range(windows):
            await self._audio.feed((NOISE * level).astype("<i2").tobytes())
            await asyncio.sleep(0.001)
        return self.asr.messages[before:]

    async def is_told(self, event: AsrEvent) -> None:
        self.asr.to_say.put_nowait(event)
        await asyncio.sleep(0.001)


@asynccontextmanager
async def listening() -> AsyncIterator[Ear]:
    async with (
        AudioInput(sample_rate_hz=RATE_HZ, encoding="pcm_s16le") as audio,
        asyncio.TaskGroup() as tasks,
    ):
        ear = Ear(audio)
        tasks.create_task(ear.hearing.run())
        yield ear
        await audio.finish()


async def test_silence_and_speech_are_gathered_and_pauses_are_not() -> None:
    async with listening() as ear:
        assert await ear.hears(QUIET, 2 * SILENT_WINDOWS) == [SILENT_WINDOWS] * 2
        assert await ear.hears(VOICE, 3) == [1, 1, 1]
        await ear.is_told(SpeechStarted(2 * SILENT_WINDOWS * WINDOW))
        assert await ear.hears(VOICE, SPEAKING_WINDOWS) == [SPEAKING_WINDOWS]
        assert await ear.hears(QUIET, 3) == [2, 1]
        await ear.is_told(VoicePaused(0))
        assert await ear.hears(VOICE, 4) == [1, 1, 1, 1]  # each may end the pause
        await ear.is_told(VoiceContinued(0))


async def test_a_voice_that_goes_on_is_reported_with_its_window() -> None:
    async with listening() as ear:
        await ear.hears(QUIET, SILENT_WINDOWS)
        await ear.hears(VOICE, 3)
        await ear.is_told(SpeechStarted(SILENT_WINDOWS * WINDOW))
        assert await ear.hears(VOICE, INTERRUPT_AFTER - 4) == [SPEAKING_WINDOWS] * 2
        assert VoiceLasts() not in ear.events
        assert await ear.hears(VOICE, 1) == [5]
        assert VoiceLasts() in ear.events
        assert await ear.hears(VOICE, SPEAKING_WINDOWS) == [SPEAKING_WINDOWS]


async def test_a_voice_lasts_over_a_gap_between_two_words() -> None:
    async with listening() as ear:
        await ear.hears(VOICE, 12)
        await ear.is_told(SpeechStarted(0))
        await ear.hears(QUIET, 3)
        await ear.is_told(VoicePaused(12 * WINDOW))
        await ear.hears(VOICE, 3)
        await ear.is_told(VoiceContinued(15 * WINDOW))
        await ear.hears(VOICE, INTERRUPT_AFTER - 16)
        assert VoiceLasts() not in ear.events
        await ear.hears(VOICE, 1)
        assert VoiceLasts() in ear.events


@pytest.mark.parametrize("turns", range(4))
async def test_no_audio_is_lost_if_its_reader_is_cancelled_while_it_is_cleaned(turns: int) -> None:
    """The reader is cancelled whenever a stream to recognition breaks. On a busy machine, seconds of audio may be
    waiting at that moment."""
    said = (NOISE * VOICE).astype("<i2").tobytes() * 100
    loop = asyncio.get_running_loop()
    async with AudioInput(sample_rate_hz=RATE_HZ, encoding="pcm_s16le") as audio:
        learner = learner_audio(audio, EchoGuard(RATE_HZ, loop.time))
        await audio.feed(said)
        reading = asyncio.create_task(learner.next())
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait({reading})
        got = b"" if reading.cancelled() else reading.result()
        assert isinstance(got, bytes)
        await audio.finish()
        while more := await learner.next():
            assert isinstance(more, bytes)
            got += more
    assert got == said


def learner_audio(audio: AudioInput, echo: EchoGuard) -> LearnerAudio:
    async def refused(event: HearingEvent) -> None:
        raise AssertionError(event)

    return LearnerAudio(
        audio,
        window_samples=WINDOW,
        on_audio=lambda _: None,
        deliver=refused,
        turn_is_open=lambda: False,
        echo=echo,
    )


class Holding(EchoGuard):
    """An echo guard that holds everything back."""

    def __init__(self) -> None:
        super().__init__(RATE_HZ, asyncio.get_running_loop().time)
        self._pcm = b""

    async def clean(self, pcm: bytes) -> bytes:
        self._pcm += pcm
        return b""

    def flush(self) -> bytes:
        held, self._pcm = self._pcm, b""
        return held


@pytest.mark.looptime
@pytest.mark.parametrize("why", ["the end", "a cut", "a microphone that is switched off"])
async def test_what_the_echo_guard_holds_back_goes_to_recognition_before(why: str) -> None:
    said = (NOISE * VOICE).astype("<i2").tobytes()
    async with AudioInput(sample_rate_hz=RATE_HZ, encoding="pcm_s16le") as audio:
        learner = learner_audio(audio, Holding())
        await audio.feed(said)
        if why == "the end":
            await audio.finish()
        elif why == "a cut":
            await audio.cut()
        async with asyncio.timeout(5):
            assert await learner.next() == said
            if why == "a cut":
                assert isinstance(await learner.next(), StreamCut)
        await audio.finish()
        assert await learner.next() == b""
