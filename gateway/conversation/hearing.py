"""The learner's audio, decoded, into speech recognition, whose events come back.

Recognition that fails is reported once and opened again with the next audio, so that the conversation goes on.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from common.errors import DeadlineError, ServiceError, UnavailableError, first_service_error
from common.pcm import BYTES_PER_SAMPLE
from gateway.audio import AudioInput, DecodedAudio, Expected, Gathering, Quiet
from gateway.ports import (
    Asr,
    AsrEvent,
    AsrStream,
    EagerEndOfTurn,
    EndOfTurn,
    Patience,
    SpeechStarted,
    TurnResumed,
    VoiceContinued,
    VoicePaused,
)

# A recogniser that takes no audio for so long is given up and opened again. Looked at now and then: a time-out around
# each message costs more than the look.
STALL_S = 5.0
LOOK_EVERY_S = 2.0
REOPEN_AFTER_S = 1.0
# Recognition hears in windows of this length; a part of one tells it nothing yet.
WINDOW_S = 0.032
# No audio for so long, within a turn, is silence. Above the jitter of a usable network; whole windows.
GAP_S = 13 * WINDOW_S


@dataclass(frozen=True, slots=True)
class Heard:
    """What recognition says. Its sample positions count from the start of the current stream."""

    event: AsrEvent


@dataclass(frozen=True, slots=True)
class VoiceLasts:
    """A voice has lasted for INTERRUPT_AFTER_MS without a pause: more than a cough."""


@dataclass(frozen=True, slots=True)
class HearingFailed:
    """Recognition was lost; an open turn is lost with it."""

    error: ServiceError


@dataclass(frozen=True, slots=True)
class AudioRefused:
    """The decoder found the learner's audio broken."""

    error: ServiceError


@dataclass(frozen=True, slots=True)
class HearingEnded:
    """The audio was finished and everything in it has been reported."""


HearingEvent = Heard | VoiceLasts | HearingFailed | AudioRefused | HearingEnded


class Hearing:
    """One session's ear; `run` it as a task. `deliver` takes its events in order."""

    def __init__(
        self,
        audio: AudioInput,
        asr: Asr,
        *,
        sample_rate_hz: int,
        language: Callable[[], str],
        patience: Callable[[], Patience],
        interrupt_after_s: float,
        on_audio: Callable[[DecodedAudio], None],
        deliver: Callable[[HearingEvent], Awaitable[None]],
    ) -> None:
        self._audio = audio
        self._asr = asr
        self._sample_rate_hz = sample_rate_hz
        self._language = language
        self._patience = patience
        self._has_news = False  # of the learner's patience
        self._interrupt_samples = round(interrupt_after_s * sample_rate_hz)
        self._on_audio = on_audio
        self._deliver = deliver
        self._sent_samples = 0
        self._sending_since: float | None = None
        self._turn_is_open = False
        self._is_voiced = False
        self._lasts_at: int | None = None  # the sample that brings VoiceLasts
        self._is_lost = False
        self._window_samples = round(WINDOW_S * sample_rate_hz)
        self._gathering = audio.gathering = Gathering(self._window_samples)
        audio.quiet_after_s = GAP_S
        self._expect()

    @property
    def turn_is_open(self) -> bool:
        """Whether the learner is in the middle of a turn, as far as recognition has said."""
        return self._turn_is_open

    def seconds_since(self, sample: int) -> float:
        """How long ago `sample` was, in seconds of audio."""
        return max(0.0, (self._sent_samples - sample) / self._sample_rate_hz)

    def patience_changed(self) -> None:
        """Recognition is told with the next audio: by the task that writes, which alone may wait for it."""
        self._has_news = True

    async def run(self) -> None:
        """Until the audio is finished."""
        while first := await self._next_pcm():
            try:
                await self._recognise(first)
            except* ServiceError as group:
                self._turn_is_open = False
                if not self._is_lost:  # while it stays lost, once is enough
                    self._is_lost = True
                    await self._deliver(HearingFailed(first_service_error(group)))
                await self._skip_audio()
        await self._deliver(HearingEnded())

    async def _next_pcm(self) -> bytes:
        """The next piece of the learner's audio, empty at its end. What is broken in it is reported and left out.

        A microphone that is switched off in a turn falls silent, else the turn would never end.

        Not an async generator: one that is cancelled while it waits is over for good.
        """
        while (item := await anext(self._audio, None)) is not None:
            if isinstance(item, ServiceError):
                await self._deliver(AudioRefused(item))
            elif isinstance(item, Quiet):
                if self._turn_is_open:
                    return bytes(round(GAP_S * self._sample_rate_hz) * BYTES_PER_SAMPLE)
            elif item.pcm:
                self._on_audio(item)
                return item.pcm
        return b""

    async def _recognise(self, first: bytes) -> None:
        """One recognition stream, until the audio is finished."""
        self._sent_samples = 0
        self._sending_since = None
        self._turn_is_open = self._is_voiced = False
        self._lasts_at = None
        self._expect()
        async with (
            self._asr.open(
                sample_rate_hz=self._sample_rate_hz, language=self._language(), patience=self._patience()
            ) as stream,
            asyncio.TaskGroup() as tasks,
        ):
            feeding = tasks.create_task(self._feed(stream, first))
            watching = tasks.create_task(self._watch())
            async for event in stream:
                self._note(event)
                await self._deliver(Heard(event))
            if not feeding.done():
                raise UnavailableError("ASR: the service ended the stream (is it restarting?); go on speaking")
            watching.cancel()

    async def _watch(self) -> None:
        """Raises DeadlineError if a message has not been taken for STALL_S."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._sending_since is not None and clock() - self._sending_since >= STALL_S:
                raise DeadlineError(f"ASR: the service has taken no audio for {STALL_S:.0f} s; go on speaking")

    def _note(self, event: AsrEvent) -> None:
        self._is_lost = False
        match event:
            case SpeechStarted(start) | TurnResumed(start) | VoiceContinued(start):
                self._turn_is_open = self._is_voiced = True
                self._lasts_at = start + self._interrupt_samples
            case VoicePaused() | EagerEndOfTurn():
                self._is_voiced, self._lasts_at = False, None
            case EndOfTurn():
                self._turn_is_open, self._is_voiced, self._lasts_at = False, False, None
        self._expect()

    def _expect(self) -> None:
        """In a pause each window may end it, and the turn; what brings VoiceLasts goes no further than that."""
        if not self._turn_is_open:
            self._gathering.expected = Expected.VOICE
        elif self._is_voiced:
            self._gathering.expected = Expected.PAUSE
        else:
            self._gathering.expected = Expected.ANYTHING
        left = math.inf if self._lasts_at is None else self._lasts_at - self._sent_samples
        self._gathering.most_windows = left / self._window_samples

    async def _feed(self, stream: AsrStream, first: bytes) -> None:
        chunk = first
        while chunk:
            if self._has_news:
                self._has_news = False
                await stream.set_patience(self._patience())
            await self._send(stream, chunk)
            if self._lasts_at is not None and self._sent_samples >= self._lasts_at:
                self._lasts_at = None
                await self._deliver(VoiceLasts())
            self._expect()
            chunk = await self._next_pcm()
        await stream.finish()

    async def _send(self, stream: AsrStream, chunk: bytes) -> None:
        self._sending_since = asyncio.get_running_loop().time()
        await stream.send(chunk)
        self._sending_since = None
        self._sent_samples += len(chunk) // BYTES_PER_SAMPLE

    async def _skip_audio(self) -> None:
        """Let audio pass by for a moment before recognition is tried again."""
        try:
            async with asyncio.timeout(REOPEN_AFTER_S):
                while await self._next_pcm():
                    pass
        except TimeoutError:
            return
