"""One reply of the partner: its text becomes speech, and both go to the learner.

`run` makes the reply at once, but sends nothing until `release`. When `run` ends for any reason, the calls to the
models end and so does the models' work. Nothing is sent afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from common.errors import EngineError, ServiceError, first_service_error
from gateway.history import PartnerTurn
from gateway.notices import ReplySent
from gateway.outbox import Outbox
from gateway.ports import ChatMessage, Tts, TtsStream, WritingEnd
from gateway.protocol import AiText
from gateway.reply.captions import heard_text, heard_words, to_history
from gateway.reply.patience import wait_patiently
from gateway.reply.speech import ReplySpeech
from gateway.reply.stages import Stages
from gateway.reply.writer import Writer


@dataclass(frozen=True, slots=True)
class Voice:
    """How the partner sounds. is_silent: not at all; the reply is text only."""

    sample_rate_hz: int
    voice: str
    speed: float
    language: str
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the reply may be; see `Llm.stream`."""

    max_tokens: int
    max_sentences: int = 0
    ends_with_question: bool = False


class Reply:
    """One reply. `run` makes it and holds it back until `release` lets it out. `now` is a steady clock in seconds.

    messages, writer: the prompt and the Writer that answers it. text: the text so far. speech: its speech.
    unheard_text: see `as_heard`. failure: the error that ended it early. is_sent: all of it was sent, though perhaps
    not yet heard. is_over: `run` has ended. end: how the model ended it. place: its index among the turns, set when it
    is released. on_sent: called when all of it has been sent.
    """

    def __init__(
        self,
        turn_id: str,
        messages: Sequence[ChatMessage],
        *,
        writer: Writer,
        tts: Tts,
        voice: Voice,
        limits: Limits,
        stages: Stages,
        outbox: Outbox,
        now: Callable[[], float],
        on_sent: Callable[[], None] = lambda: None,
    ) -> None:
        self.turn_id = turn_id
        self.text = ""
        self.unheard_text = ""
        self.stages = stages
        self.failure: ServiceError | None = None
        self.is_sent = False
        self.end: WritingEnd | None = None
        self.place: int | None = None
        self.is_over = False
        self.speech = ReplySpeech(turn_id, voice.sample_rate_hz, stages=stages, outbox=outbox, now=now)
        self.messages = messages
        self.writer = writer
        self._tts = tts
        self._voice = voice
        self._limits = limits
        self._outbox = outbox
        self._now = now
        self._on_sent = on_sent
        self._shown = 0
        self._released = asyncio.Event()
        self._is_written = asyncio.Event()  # set when the text has begun

    async def run(self) -> None:
        """Make the reply, send it once released, and return when the learner has heard it or it failed (`failure`)."""
        try:
            await self._make()
        except* ServiceError as group:
            self.failure = first_service_error(group)
        self.is_over = True

    async def _make(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(self._wait_for_signs())
            failure = await (self._send_text() if self._voice.is_silent else self._send_text_and_speech())
            waiting.cancel()
        if not (failure or self.text.strip()):
            failure = EngineError("LLM: the model wrote an empty reply; say it again or put it differently")
        await self._outbox.send(AiText(text="", is_complete=True, turn_id=self.turn_id))
        self.is_sent = True
        await self._outbox.notify(ReplySent(self.turn_id, failure, self.end))
        self._on_sent()
        await self.speech.wait_until_heard()
        if failure:  # raised only now, so that the text before it is spoken
            raise failure

    async def _send_text_and_speech(self) -> ServiceError | None:
        """Returns the error that ended the text early, if any."""
        voice = self._voice
        async with (
            self._tts.open(
                sample_rate_hz=voice.sample_rate_hz, voice=voice.voice, speed=voice.speed, language=voice.language
            ) as stream,
            self._deltas() as deltas,
            asyncio.TaskGroup() as tasks,
        ):
            writing = tasks.create_task(self._write(deltas, stream))
            tasks.create_task(self._show_once_released())
            tasks.create_task(self.speech.send(stream, self._released))
        return writing.result()

    async def _send_text(self) -> ServiceError | None:
        """As above, without speech."""
        async with self._deltas() as deltas, asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self._write(deltas))
            tasks.create_task(self._show_once_released())
        return writing.result()

    def _deltas(self) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        limits = self._limits
        return self.writer.stream(
            self.messages,
            max_tokens=limits.max_tokens,
            max_sentences=limits.max_sentences,
            ends_with_question=limits.ends_with_question,
            on_end=self._note_end,
        )

    def _note_end(self, end: WritingEnd) -> None:
        self.end = end

    def release(self) -> None:
        """The learner's turn is over: send the part that has been made, then the rest as it comes."""
        self._released.set()

    @property
    def is_released(self) -> bool:
        """Whether it was released, so that the learner may have heard some of it."""
        return self._released.is_set()

    def as_heard(self, *, started_s: float, interrupted: bool) -> PartnerTurn:
        """The part that the learner has heard by now, for the history. Sets `unheard_text` to the rest."""
        speech, samples = self.speech, self.speech.heard_samples()
        if self._voice.is_silent:
            heard = self.text[: self._shown]
        else:
            heard = heard_text(self.text, speech.words, samples, speech.total_samples())
        self.unheard_text = self.text[len(heard) :].lstrip()
        return PartnerTurn(
            turn_id=self.turn_id,
            text=heard.strip(),
            generated_text=self.text,
            interrupted=interrupted,
            started_s=round(started_s, 3),
            duration_s=round(samples / speech.sample_rate_hz, 3),
            words=to_history(heard_words(speech.words, samples), speech.sample_rate_hz),
            latency_ms=self.stages.ms,
        )

    async def _write(self, deltas: AsyncIterator[str], stream: TtsStream | None = None) -> ServiceError | None:
        failure = None
        try:
            async for piece in deltas:
                self.stages.mark("first_token", self._now())
                self.text += piece
                self._is_written.set()
                if stream:
                    await stream.send_text(piece)
                await self._show()
        except ServiceError as error:
            failure = error
        if stream:
            await stream.finish()
        return failure

    async def _wait_for_signs(self) -> None:
        """Tell the learner if the reply takes long to begin. Raises DeadlineError if it never does."""
        await self._released.wait()
        is_told = await wait_patiently(self._is_written, "first_token", self._outbox, waited_s=self._waited_s)
        if not self._voice.is_silent:
            waited_s = 0.0 if is_told else self._waited_s
            await wait_patiently(self.speech.has_begun, "first_sound", self._outbox, waited_s=waited_s)

    @property
    def _waited_s(self) -> float:
        """How long ago the learner's last sound was."""
        return max(0.0, self._now() - self.stages.origin_s)

    async def _show_once_released(self) -> None:
        await self._released.wait()
        await self._show()

    async def _show(self) -> None:
        """Send the text that was written and not yet sent."""
        if self._released.is_set() and self._shown < len(self.text):
            piece, self._shown = self.text[self._shown :], len(self.text)
            await self._outbox.send(AiText(text=piece, is_complete=False, turn_id=self.turn_id))
