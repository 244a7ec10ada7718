"""Scripted ports for conversations in virtual time. Each takes exactly the time that its fields say."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from common.errors import ServiceError, UnavailableError
from common.pcm import BYTES_PER_SAMPLE
from gateway.ports import (
    AsrEvent,
    AsrStream,
    ChatDone,
    ChatMessage,
    ChatRequest,
    HeardWord,
    Patience,
    ReplyLimits,
    Rewriting,
    Slip,
    SpeechChunk,
    SpokenWord,
    Transcript,
    TtsStream,
    WritingEnd,
    WritingRequest,
)
from gateway.tools import NO_TOOLS, CallPiece, Tool, ToolUse


@dataclass
class FakeAsr:
    """`script`: (samples, event). Each event is sent once so many samples have arrived. The content of the audio
    doesn't matter.

    stuck_streams: how many of the first streams take no audio. stuck_opens: how many of the streams after those never
    finish opening.
    """

    script: list[tuple[int, AsrEvent | ServiceError]] = field(default_factory=list)
    stuck_streams: int = 0
    stuck_opens: int = 0
    open_streams: int = 0
    streams_opened: int = 0
    patience: list[Patience] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)  # the audio of all streams

    @asynccontextmanager
    async def open(
        self,
        *,
        sample_rate_hz: int,
        language: str,
        patience: Patience,
    ) -> AsyncIterator[AsrStream]:
        self.open_streams += 1
        self.streams_opened += 1
        self.patience.append(patience)
        try:
            is_stuck = self.streams_opened <= self.stuck_streams
            if not is_stuck and self.streams_opened <= self.stuck_streams + self.stuck_opens:
                await asyncio.Event().wait()
            yield _FakeAsrStream(self.script, self.patience, self.heard, is_stuck=is_stuck)
        finally:
            self.open_streams -= 1


class _FakeAsrStream:
    def __init__(
        self,
        script: list[tuple[int, AsrEvent | ServiceError]],
        patience: list[Patience],
        heard: bytearray,
        *,
        is_stuck: bool,
    ) -> None:
        self._heard = heard
        self._script = script
        self._patience = patience
        self._is_stuck = is_stuck
        self._samples = 0
        self._changed = asyncio.Event()
        self._finished = False

    async def send(self, pcm: bytes) -> None:
        if self._is_stuck:
            await asyncio.Event().wait()
        self._samples += len(pcm) // BYTES_PER_SAMPLE
        self._heard += pcm
        self._changed.set()

    async def set_patience(self, patience: Patience) -> None:
        self._patience.append(patience)

    async def finish(self) -> None:
        self._finished = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[AsrEvent]:
        while True:
            while self._script and (self._script[0][0] <= self._samples or self._finished):
                _, event = self._script.pop(0)
                if isinstance(event, ServiceError):
                    raise event
                yield event
            if self._finished:
                return
            self._changed.clear()
            await self._changed.wait()


@dataclass
class FakeRecordings:
    """Understands `says` in each piece, as words of equal length, and hears each "th" of an expected text as "s". The
    first calls raise `errors`, one each."""

    says: str = "Hello there."
    language: str = "en"
    delay_s: float = 0.0
    errors: list[ServiceError] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)  # the lengths of the pieces, in samples
    asked: list[tuple[str, bool]] = field(default_factory=list)  # language, translate
    contexts: list[str] = field(default_factory=list)
    open_calls: int = 0

    async def recognize(
        self,
        pcm: bytes,
        *,
        sample_rate_hz: int,
        language: str = "",
        translate: bool = False,
        context: str = "",
        expected: str = "",
    ) -> Transcript:
        self.open_calls += 1
        try:
            await asyncio.sleep(self.delay_s)
            if self.errors:
                raise self.errors.pop(0)
            samples, words = len(pcm) // BYTES_PER_SAMPLE, self.says.split()
            self.lengths.append(samples)
            self.asked.append((language, translate))
            self.contexts.append(context)
            heard = tuple(
                HeardWord(word, samples * i // len(words), samples * (i + 1) // len(words), 0.9)
                for i, word in enumerate(words)
            )
            slips = tuple(Slip(i, "θ", "s") for i, word in enumerate(expected.split()) if word.startswith("th"))
            return Transcript(self.says, heard, 0, samples, self.language, slips)
        finally:
            self.open_calls -= 1


@dataclass
class FakeLlm:
    """Replies with the words of `reply`, one every `word_s` seconds. A ServiceError among them is raised."""

    reply: Sequence[str | CallPiece | ServiceError] = ("Hello ", "there, ", "my ", "friend.")
    first_replies: list[Sequence[str | CallPiece | ServiceError]] = field(default_factory=list)  # come before `reply`
    tools: list[ToolUse] = field(default_factory=list)  # the tools of each request
    first_s: float = 0.1
    word_s: float = 0.01
    asked: list[list[ChatMessage]] = field(default_factory=list)
    limits: list[ReplyLimits] = field(default_factory=list)
    is_small: bool = False
    is_trained: bool = False
    is_trained_to_correct: bool = False
    open_streams: int = 0
    end: WritingEnd = field(default_factory=lambda: WritingEnd("stop", 20, 8, 5))
    generated: list[list[ChatMessage]] = field(default_factory=list)
    meanwhile: list[list[ChatMessage]] = field(default_factory=list)  # prompts of `generate` with `gives_way`
    first_answers: list[str] = field(default_factory=list)  # `generate` gives these before `answer`
    answer: str | ServiceError = field(default_factory=lambda: UnavailableError("LLM: away"))
    answer_s: float = 0.0

    @property
    def is_idle(self) -> bool:
        return not self.open_streams

    @asynccontextmanager
    async def stream(
        self,
        request: WritingRequest,
        on_end: Callable[[WritingEnd], None] | None = None,
    ) -> AsyncIterator[AsyncIterator[str | CallPiece]]:
        self.asked.append(list(request.messages))
        self.tools.append(request.tools)
        self.limits.append(request.limits)
        self.open_streams += 1
        try:
            yield self._words(on_end)
        finally:
            self.open_streams -= 1

    async def _words(self, on_end: Callable[[WritingEnd], None] | None) -> AsyncIterator[str | CallPiece]:
        await asyncio.sleep(self.first_s)
        for word in self.first_replies.pop(0) if self.first_replies else self.reply:
            if isinstance(word, ServiceError):
                raise word
            yield word
            await asyncio.sleep(self.word_s)
        if on_end:
            on_end(self.end)

    async def generate(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        json_schema: str | None = None,
        gives_way: bool = False,
        tools: ToolUse = NO_TOOLS,
    ) -> str:
        (self.meanwhile if gives_way else self.generated).append(list(messages))
        await asyncio.sleep(self.answer_s)
        if self.first_answers:
            return self.first_answers.pop(0)
        if isinstance(self.answer, ServiceError):
            raise self.answer
        return self.answer

    async def rewrite(self, messages: Sequence[ChatMessage], *, max_tokens: int) -> Rewriting:
        return Rewriting(await self.generate(messages, gives_way=True), 1.0)


@dataclass
class FakeChat:
    """Replies to other applications with `reply`, a piece every `piece_s`. A ServiceError among them is raised."""

    reply: Sequence[str | CallPiece | ServiceError] = ("Hello ", "there.")
    done: ChatDone = field(default_factory=lambda: ChatDone("stop", 7, 2, 1))
    piece_s: float = 0.0
    asked: list[ChatRequest] = field(default_factory=list)
    open_streams: int = 0

    @asynccontextmanager
    async def stream(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[str | CallPiece | ChatDone]]:
        self.asked.append(request)
        self.open_streams += 1
        try:
            await asyncio.sleep(self.piece_s)
            if self.reply and isinstance(self.reply[0], ServiceError):
                raise self.reply[0]
            yield self._pieces()
        finally:
            self.open_streams -= 1

    async def _pieces(self) -> AsyncIterator[str | CallPiece | ChatDone]:
        for piece in self.reply:
            if isinstance(piece, ServiceError):
                raise piece
            yield piece
            await asyncio.sleep(self.piece_s)
        yield self.done


@dataclass
class FakeTts:
    """Speaks each word as one chunk, `word_s` long, after `delay_s`."""

    word_s: float = 0.3
    delay_s: float = 0.05
    fail_after: int | None = None
    open_streams: int = 0
    speeds: list[float] = field(default_factory=list)
    sound: Callable[[int], bytes] = lambda samples: b"\x01\x00" * samples  # the audio of a word of that many samples

    @asynccontextmanager
    async def open(
        self,
        *,
        sample_rate_hz: int,
        voice: str,
        speed: float,
        language: str,
    ) -> AsyncIterator[TtsStream]:
        self.open_streams += 1
        self.speeds.append(speed)
        try:
            yield _FakeTtsStream(self, sample_rate_hz)
        finally:
            self.open_streams -= 1


class _FakeTtsStream:
    def __init__(self, tts: FakeTts, sample_rate_hz: int) -> None:
        self._tts = tts
        self._samples = int(tts.word_s * sample_rate_hz)
        self._texts: asyncio.Queue[str | None] = asyncio.Queue()

    async def send_text(self, text: str) -> None:
        for word in re.findall(r"\s*\S+\s*", text):
            await self._texts.put(word)

    async def finish(self) -> None:
        await self._texts.put(None)

    async def __aiter__(self) -> AsyncIterator[SpeechChunk]:
        at_char = at_sample = count = 0
        while (text := await self._texts.get()) is not None:
            if self._tts.fail_after == count:
                raise UnavailableError("TTS: gone")
            count += 1
            await asyncio.sleep(self._tts.delay_s)
            end_char, end_sample = at_char + len(text), at_sample + self._samples
            word = SpokenWord(text.strip(), at_char, at_char + len(text.rstrip()), at_sample, end_sample)
            yield SpeechChunk(
                pcm=self._tts.sound(self._samples),
                start_sample=at_sample,
                text_start=at_char,
                text_end=end_char,
                words=(word,),
                timing_estimated=False,
            )
            at_char, at_sample = end_char, end_sample


@dataclass
class FakeServers:
    """Tools of the operator's servers: `weather`, and `book`, which needs a confirmation."""

    tools: Sequence[Tool] = (Tool(name="weather"), Tool(name="book"))
    called: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    needs_s: float = 0.0

    def needs_confirmation(self, name: str) -> bool:
        return name == "book"

    async def call(self, name: str, arguments: Mapping[str, object]) -> tuple[str, str]:
        await asyncio.sleep(self.needs_s)
        self.called.append((name, arguments))
        return "ok", "sunny"
