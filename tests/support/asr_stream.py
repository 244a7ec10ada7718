"""For tests of one recognition stream: a scripted model, a simple voice detector, and the stream's events."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from asr_service.audio import Audio
from asr_service.engine import DecodeOptions, Expectation, Transcript, Word
from asr_service.events import Event
from asr_service.recognition.decoder import Decoder
from asr_service.session import StreamSession
from asr_service.stream import Request, StreamConfig
from asr_service.turn_taking.endpointing import Endpointing
from asr_service.verbatim.lane import VerbatimLane
from asr_service.voice.vad import VadState
from asr_service.voice.vad_thread import VadThread
from common.engine_info import EngineDescription
from common.errors import EngineError

RATE = 8_000
# With a fixed end silence, turns end without regard to the words.
ENDPOINTING = Endpointing(eager_silence_ms=320, end_silence_ms=640, max_turn_ms=5_000)


class LoudnessVad:
    """A voice detector that takes every loud sound for a voice."""

    def infer(self, audio: Audio, state: VadState) -> tuple[Audio, VadState]:
        return (np.abs(audio[:, -512:]).max(axis=1) > 0.1).astype(np.float32), state


@dataclass
class ScriptedJudge:
    """A turn judge that answers with the given probabilities."""

    acoustics: list[float] = field(default_factory=lambda: [0.99])
    heard: int = 8_000
    asked: list[int] = field(default_factory=list)
    could_ends: list[float] = field(default_factory=list)  # empty: there is no text model
    texts: list[str] = field(default_factory=list)  # the texts that it was asked about
    reading: asyncio.Event | None = None  # if given, `could_end` waits for this event before it answers

    async def acoustic(self, audio: Audio) -> float:
        self.asked.append(len(audio))
        return self.acoustics.pop(0) if len(self.acoustics) > 1 else self.acoustics[0]

    async def could_end(self, text: str, language: str) -> float | None:
        self.texts.append(text)
        if self.reading:
            await self.reading.wait()
        return self.could_ends.pop(0) if self.could_ends else None


@dataclass
class LengthEngine:
    """Hears one word in every half second. It waits for `gate`, hears nothing if `deaf`, and fails if `broken`.

    `sure`: whether its words show that the speaker is done; None: they don't show it either way.
    """

    gate: threading.Event = field(default_factory=threading.Event)
    deaf: bool = False
    broken: bool = False
    sure: bool | None = False
    decodes: list[tuple[str, int]] = field(default_factory=list)

    def load(self) -> None: ...

    def close(self) -> None: ...

    def describe(self) -> EngineDescription:
        return EngineDescription("fake", "fake", "cpu")

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        self.decodes.append((options.quality, len(audio)))
        self.gate.wait(10)
        if self.broken:
            raise EngineError("the model failed")
        count = 0 if self.deaf else len(audio) // 8_000
        mark, confidence, expectation = ("", 0.5, None) if self.sure is False else (".", 0.98, Expectation(0.95, 0.5))
        if self.sure is None:
            confidence, expectation = 0.97, Expectation(0.7, 0.4)
        words = tuple(Word(f" w{i}{mark}", 8_000 * i, 8_000 * (i + 1), confidence) for i in range(count))
        return Transcript("".join(word.text for word in words).strip(), words, "en" if words else "", expectation)


def open_engine(*, deaf: bool = False, broken: bool = False, sure: bool | None = False) -> LengthEngine:
    engine = LengthEngine(deaf=deaf, broken=broken, sure=sure)
    engine.gate.set()
    return engine


def loud(seconds: float) -> bytes:
    return np.full(round(seconds * RATE), 10_000, np.int16).tobytes()


def quiet(seconds: float) -> bytes:
    return bytes(2 * round(seconds * RATE))


@dataclass
class Stream:
    """A StreamSession under test, and the events that it emitted.

    pause_s: a pause after each request, so that decodes in threads keep up on a busy machine.
    """

    engine: LengthEngine
    partial_interval_ms: int = 0
    endpointing: Endpointing = ENDPOINTING
    judge: ScriptedJudge = field(default_factory=ScriptedJudge)
    events: list[Event] = field(default_factory=list)
    taken: int = 0
    pause_s: float = 0.0
    verbatim: VerbatimLane | None = None

    async def run(self, *requests: Request) -> list[Event]:
        async def give() -> AsyncIterator[Request]:
            for request in requests:
                self.taken += 1
                yield request
                if self.pause_s:
                    await asyncio.sleep(self.pause_s)

        async def emit(event: Event) -> None:
            self.events.append(event)

        decoder = Decoder(self.engine, 1)
        config = StreamConfig(
            RATE, "en", self.endpointing, self.partial_interval_ms, verbatim=self.verbatim is not None
        )
        with ThreadPoolExecutor(1) as thread:
            vad_thread = VadThread(LoudnessVad(), thread)
            session = StreamSession(
                config,
                decoder=decoder,
                judge=self.judge,
                vad_thread=vad_thread,
                emit=emit,
                verbatim=self.verbatim,
            )
            try:
                await session.run(give())
            finally:
                self.engine.gate.set()
                await decoder.close()
        return self.events


async def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; the test's time-out is the limit."""
    while not condition():
        await asyncio.sleep(0.001)
