"""One reply of the partner: the writer's text becomes speech, and both are sent to the learner.

`run` makes the reply at once, but sends nothing until `release`. Leaving `run` for any reason ends the calls to the
models, and with them the models' work. Nothing is sent afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from common.errors import EngineError, ServiceError, first_service_error
from common.pcm import BYTES_PER_SAMPLE
from gateway.history import PartnerTurn
from gateway.outbox import Outbox
from gateway.ports import ChatMessage, SpeechChunk, SpokenWord, Tts, TtsStream
from gateway.protocol import AiAudioStart, AiText
from gateway.reply.captions import captions, heard_text, heard_words, to_history
from gateway.reply.playback import PlaybackClock
from gateway.reply.stages import Stages
from gateway.reply.writer import Writer

# How far the audio sent may be ahead of what the learner has heard. Enough for a network that stutters; an interruption
# wastes at most this much.
MAX_AHEAD_S = 2.0
# How long to wait, at the end of a reply, for a player that has stopped playing or reporting.
PLAYER_GRACE_S = 3.0
# The shortest wait between two looks at a player that has stopped just before the end.
LEAST_WAIT_S = 0.02


@dataclass(frozen=True, slots=True)
class Voice:
    """How the partner sounds."""

    sample_rate_hz: int
    voice: str
    speed: float
    language: str


class Reply:
    """One reply: created held, made by `run`, let out by `release`. `now` is a steady clock in seconds."""

    def __init__(
        self,
        turn_id: str,
        messages: Sequence[ChatMessage],
        *,
        writer: Writer,
        tts: Tts,
        voice: Voice,
        max_tokens: int,
        stages: Stages,
        outbox: Outbox,
        now: Callable[[], float],
    ) -> None:
        self.turn_id = turn_id
        self.text = ""
        self.unheard_text = ""
        self.made_samples = 0
        self.stages = stages
        self.failure: ServiceError | None = None
        self.is_over = False
        self.clock = PlaybackClock(voice.sample_rate_hz)
        self.audio_began_s: float | None = None
        self._messages = messages
        self._writer = writer
        self._tts = tts
        self._voice = voice
        self._max_tokens = max_tokens
        self._outbox = outbox
        self._now = now
        self._words: list[SpokenWord] = []
        self._shown = 0
        self._all_audio_sent = False
        self._released = asyncio.Event()
        self._reported = asyncio.Event()
        self._unhushed = asyncio.Event()
        self._unhushed.set()

    async def run(self) -> None:
        """Make the reply, send it once released, and return when the learner has heard it or it failed (`failure`)."""
        try:
            await self._make()
        except* ServiceError as group:
            self.failure = first_service_error(group)
        self.is_over = True

    async def _make(self) -> None:
        voice = self._voice
        async with (
            self._tts.open(
                sample_rate_hz=voice.sample_rate_hz, voice=voice.voice, speed=voice.speed, language=voice.language
            ) as speech,
            self._writer.stream(self._messages, max_tokens=self._max_tokens) as deltas,
            asyncio.TaskGroup() as tasks,
        ):
            writing = tasks.create_task(self._write(deltas, speech))
            tasks.create_task(self._show_once_released())
            tasks.create_task(self._speak(speech))
        self._all_audio_sent = True
        await self._outbox.send(AiText(text="", is_complete=True, turn_id=self.turn_id))
        await self._wait_until_heard()
        if failure := writing.result():  # raised only now, so that what was written before it is spoken
            raise failure
        if not self.text.strip():
            raise EngineError("LLM: the model wrote an empty reply; say it again or put it differently")

    def release(self) -> None:
        """The learner's turn is over: send what has been made, then the rest as it comes."""
        self._released.set()

    def hush(self) -> None:
        """Send no more audio for now. What was sent goes on playing."""
        self._unhushed.clear()

    def unhush(self) -> None:
        """Go on sending where it stopped."""
        self._unhushed.set()

    @property
    def is_released(self) -> bool:
        """Whether the learner may have heard of it."""
        return self._released.is_set()

    def played(self, played_ms: float) -> None:
        """The learner's player has played so much of the reply."""
        now = self._now()
        self.clock.report(played_ms, now)
        self._reported.set()
        if played_ms > 0:
            sent_s = now if self.audio_began_s is None else self.audio_began_s
            self.stages.mark("first_audio_played", max(sent_s, now - played_ms / 1000))

    def as_heard(self, *, started_s: float, interrupted: bool) -> PartnerTurn:
        """What the learner has heard of it by now, for the history. Sets `unheard_text` to the rest."""
        samples = self.clock.heard_samples(self._now())
        total = self.clock.sent_samples if self._all_audio_sent else 0
        heard = heard_text(self.text, self._words, samples, total)
        self.unheard_text = self.text[len(heard) :].lstrip()
        return PartnerTurn(
            turn_id=self.turn_id,
            text=heard.strip(),
            generated_text=self.text,
            interrupted=interrupted,
            started_s=round(started_s, 3),
            duration_s=round(samples / self.clock.sample_rate_hz, 3),
            words=to_history(heard_words(self._words, samples), self.clock.sample_rate_hz),
            latency_ms=self.stages.ms,
        )

    async def _write(self, deltas: AsyncIterator[str], speech: TtsStream) -> ServiceError | None:
        failure = None
        try:
            async for piece in deltas:
                self.stages.mark("first_token", self._now())
                self.text += piece
                await speech.send_text(piece)
                await self._show()
        except ServiceError as error:
            failure = error
        await speech.finish()
        return failure

    async def _show_once_released(self) -> None:
        await self._released.wait()
        await self._show()

    async def _show(self) -> None:
        """Send what was written and not yet sent."""
        if self._released.is_set() and self._shown < len(self.text):
            piece, self._shown = self.text[self._shown :], len(self.text)
            await self._outbox.send(AiText(text=piece, is_complete=False, turn_id=self.turn_id))

    async def _speak(self, speech: TtsStream) -> None:
        """Send the speech. While the reply is held, chunks wait in the call; its flow control pauses the synthesis."""
        async for chunk in speech:
            self._words.extend(chunk.words)
            self.made_samples += len(chunk.pcm) // BYTES_PER_SAMPLE
            self.stages.mark("first_audio_made", self._now())
            await self._released.wait()
            await asyncio.sleep(max(0.0, self.clock.ahead_s(self._now()) - MAX_AHEAD_S))
            await self._unhushed.wait()
            await self._send(chunk)

    async def _send(self, chunk: SpeechChunk) -> None:
        if self.audio_began_s is None and chunk.pcm:
            self.audio_began_s = self._now()
            self.stages.mark("first_audio_sent", self.audio_began_s)
            rate = self.clock.sample_rate_hz
            await self._outbox.send(AiAudioStart(sample_rate=rate, turn_id=self.turn_id))
        if chunk.words:
            await self._outbox.send(captions(chunk, self.turn_id, self.clock.sample_rate_hz))
        if chunk.pcm:
            await self._outbox.send(chunk.pcm)
            self.clock.sent(len(chunk.pcm) // BYTES_PER_SAMPLE, self._now())

    async def _wait_until_heard(self) -> None:
        """Return when all audio was heard, or PLAYER_GRACE_S after it should have been."""
        give_up_s = self._now() + self.clock.ahead_s(self._now()) + PLAYER_GRACE_S
        while (ahead_s := self.clock.ahead_s(now := self._now())) > 0 and now < give_up_s:
            self._reported.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(LEAST_WAIT_S, min(ahead_s, give_up_s - now))):
                    await self._reported.wait()
