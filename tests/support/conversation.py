"""A Session on fakes in virtual time. A test acts as the learner. All that the learner receives is kept with its
time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from common.errors import ServiceError
from gateway.audio import AudioInput
from gateway.closing import Closing
from gateway.conversation.conduct import Conduct
from gateway.conversation.events import Left, SessionEvent
from gateway.conversation.session import Session
from gateway.conversation.session_options import SessionOptions
from gateway.history import Level
from gateway.notices import Notice
from gateway.outbox import Outbox
from gateway.ports import (
    AnyLanguage,
    AsrEvent,
    ChatMessage,
    EagerEndOfTurn,
    EndOfTurn,
    HeardWord,
    Languages,
    NoServerTools,
    Partial,
    Ports,
    ServerTools,
    SpeechStarted,
    Transcript,
)
from gateway.protocol import AnyServerMessage, AudioFormat, Connected, Start, Text
from gateway.reply.lines import lines_in
from gateway.reply.maker import ReplyOptions
from gateway.scenarios import Library
from tests.support.fakes import FakeAsr, FakeLlm, FakeTts
from tests.support.memory_store import MemoryStore

T = TypeVar("T")
RATE_HZ = 16_000


def transcript(text: str, start_sample: int = 0, end_sample: int = RATE_HZ) -> Transcript:
    """A transcript whose words share the time evenly."""
    words = text.split()
    step = (end_sample - start_sample) // max(1, len(words))
    return Transcript(
        text,
        tuple(
            HeardWord(word, start_sample + i * step, start_sample + (i + 1) * step, 0.9) for i, word in enumerate(words)
        ),
        start_sample,
        end_sample,
    )


def eager(text: str) -> EagerEndOfTurn:
    return EagerEndOfTurn(transcript(text))


def end(text: str) -> EndOfTurn:
    return EndOfTurn(transcript(text))


def at(seconds: float) -> int:
    return int(seconds * RATE_HZ)


def one_turn(text: str = "good morning", *, until_s: float = 1.0) -> list[tuple[int, AsrEvent | ServiceError]]:
    """Recognition of one turn: speech until `until_s`, an eager end 0.3 s later, and the end 0.7 s after `until_s`."""
    return [
        (at(0.2), SpeechStarted(at(0.1))),
        (at(0.6), Partial("good", " mor")),
        (at(until_s + 0.3), eager(text)),
        (at(until_s + 0.7), end(text)),
    ]


def start(**fields: object) -> Start:
    return Start.model_validate({"type": "start", "audio": AudioFormat(encoding="pcm_s16le"), **fields})


def text(words: str) -> Text:
    return Text(type="text", text=words)


def conversation_in(prompt: Sequence[ChatMessage], level: Level = "intermediate") -> list[ChatMessage]:
    """The messages of a prompt in English, without the system message and the examples."""
    return list(prompt[1 + 2 * len(lines_in("en").examples[level]) :])


@dataclass
class Conversation:
    """One conversation. `got` lists what the learner received: (seconds of virtual time; message, notice or audio)."""

    asr: FakeAsr = field(default_factory=FakeAsr)
    llm: FakeLlm = field(default_factory=FakeLlm)
    tts: FakeTts = field(default_factory=FakeTts)
    store: MemoryStore = field(default_factory=MemoryStore)
    idle_timeout_s: float = 600.0
    help_after_s: float = 0.0
    may_speculate: bool = True
    scenarios: Library = field(default_factory=lambda: Library({}))
    got: list[tuple[float, AnyServerMessage | Notice | bytes]] = field(default_factory=list)
    closing: Closing | None = None
    seat_back_s: list[float] = field(default_factory=list)  # when the seat was given back
    conduct: Conduct = field(default_factory=Conduct)
    with_notices: bool = False
    servers: ServerTools = field(default_factory=NoServerTools)
    languages: Languages = field(default_factory=AnyLanguage)
    cancels_echo: bool = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Conversation]:
        """Run the session for the length of the block. Then the learner leaves, and everything ends."""
        loop = asyncio.get_running_loop()
        self.outbox = Outbox(with_notices=self.with_notices)
        options = SessionOptions(
            "test",
            RATE_HZ,
            ReplyOptions(24_000, 256, 6000),
            self.idle_timeout_s,
            0.7,
            help_after_s=self.help_after_s,
            may_speculate=lambda: self.may_speculate,
            scenarios=self.scenarios,
            cancels_echo=self.cancels_echo,
        )
        async with AudioInput(sample_rate_hz=RATE_HZ, encoding="pcm_s16le") as self.audio, asyncio.TaskGroup() as tasks:
            self.session = Session(
                Ports(self.asr, self.llm, self.tts, self.store, self.servers, languages=self.languages),
                options,
                audio=self.audio,
                outbox=self.outbox,
                on_audio=lambda *_: None,
                needs_no_seat=self._give_seat_back,
                conduct=self.conduct,
                now=loop.time,
                wall_clock=loop.time,
            )
            tasks.create_task(self._collect(loop))
            running = tasks.create_task(self._run())
            await asyncio.sleep(0.01)
            yield self
            if not running.done():
                await self.post(Left())
            await running

    async def _give_seat_back(self) -> None:
        self.seat_back_s.append(asyncio.get_running_loop().time())

    async def post(self, event: SessionEvent) -> None:
        await self.session.post(event)

    async def speak(self, seconds: float) -> None:
        """Send that many seconds of microphone audio, as frames of 20 ms, at the speed of (virtual) time."""
        for _ in range(round(seconds / 0.02)):
            await self.audio.feed(b"\0\0" * (RATE_HZ // 50))
            await asyncio.sleep(0.02)

    def of(self, kind: type[T]) -> list[T]:
        """The messages of one kind."""
        return [message for _, message in self.got if isinstance(message, kind)]

    @property
    def connected(self) -> Connected:
        return self.of(Connected)[0]

    async def _run(self) -> None:
        self.closing = await self.session.run()
        self.outbox.close()

    async def _collect(self, loop: asyncio.AbstractEventLoop) -> None:
        async for message in self.outbox:
            self.got.append((loop.time(), message))
