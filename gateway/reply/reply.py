"""One reply of the partner: its text becomes speech, and both go to the learner.

`run` makes the reply at once, but sends nothing until `release`. When `run` ends for any reason, the calls to the
models end and so does the models' work. Nothing is sent afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from common.cancellation import in_own_task
from common.errors import EngineError, ServiceError, first_service_error
from gateway.history import PartnerTurn
from gateway.notices import ReplySent
from gateway.outbox import Outbox
from gateway.ports import ChatMessage, Pieces, ReplyLimits, Tts, Writer, WritingEnd, WritingRequest
from gateway.protocol import AiText
from gateway.reply.captions import heard_text, heard_words, to_history
from gateway.reply.slow_reply import wait_for_result
from gateway.reply.speech import ReplySpeech
from gateway.reply.stages import Stages
from gateway.reply.text import ReplyText
from gateway.reply.tool_rounds import ReplyTools, ToolRounds
from gateway.tools import ToolUse


@dataclass(frozen=True, slots=True)
class Voice:
    """How the partner sounds. is_silent: there is no speech; the reply is text only."""

    sample_rate_hz: int
    voice: str
    speed: float
    language: str
    is_silent: bool = False


class Reply:
    """One reply. `run` makes it and holds it back until `release` is called. `now` is a steady clock in seconds.

    messages, writer, tools: the prompt, the Writer that answers it, and the tools that the Writer may call. rounds: see
    `ToolRounds`. text, speech: see `ReplyText`, `ReplySpeech`. unheard_text: see `as_heard`. failure: the error that
    ended the reply early. is_sent: all of it was sent, though perhaps not yet heard. is_over: `run` has ended and was
    not cancelled. end: how the model ended the reply. place: the index of its first turn in the history, set when it is
    released. on_sent: called when all of it has been sent. on_calls: called just before `on_sent`, if the reply ends
    with calls.
    """

    def __init__(
        self,
        turn_id: str,
        messages: Sequence[ChatMessage],
        *,
        writer: Writer,
        tts: Tts,
        voice: Voice,
        limits: ReplyLimits,
        stages: Stages,
        outbox: Outbox,
        now: Callable[[], float],
        tools: ReplyTools | None = None,
        on_sent: Callable[[], None] = lambda: None,
        on_calls: Callable[[Reply], Awaitable[None]] | None = None,
    ) -> None:
        self.turn_id = turn_id
        self.unheard_text = ""
        self.stages = stages
        self.failure: ServiceError | None = None
        self.is_sent = False
        self.end: WritingEnd | None = None
        self.place: int | None = None
        self.is_over = False
        self._released = asyncio.Event()
        self.text = ReplyText(turn_id, self._released, stages=stages, outbox=outbox, now=now)
        self.speech = ReplySpeech(turn_id, voice.sample_rate_hz, stages=stages, outbox=outbox, now=now)
        self.messages = messages
        self.writer = writer
        self.tools = tools or ReplyTools()
        self._on_calls = on_calls
        self._tts = tts
        self._voice = voice
        self._limits = limits
        self._outbox = outbox
        self._now = now
        self._on_sent = on_sent
        self._is_written = asyncio.Event()  # set when the text or a call has begun
        self.rounds = ToolRounds(self.tools, begun=self._is_written, released=self._released)

    async def run(self) -> None:
        """Make the reply, send it once released, and return when the learner has heard it or it failed (`failure`)."""
        try:
            await in_own_task(self._make())
        except* ServiceError as group:
            self.failure = first_service_error(group)
        self.is_over = True

    async def _make(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(self._wait_for_signs())
            failure = await (self._send_text() if self._voice.is_silent else self._send_text_and_speech())
            waiting.cancel()
        if not (failure or self.text.written.strip() or self.rounds.calls):
            failure = EngineError("LLM: the model wrote an empty reply; say it again or put it differently")
        await self._outbox.send(AiText(text="", is_complete=True, turn_id=self.turn_id))
        self.is_sent = True
        if self.rounds.calls and self._on_calls and not failure:
            await self._on_calls(self)
        await self._outbox.notify(ReplySent(self.turn_id, failure, self.end))
        self._on_sent()
        await self.speech.wait_until_heard()
        if failure:  # raised only now, so that the text before the failure is spoken
            raise failure

    async def _send_text_and_speech(self) -> ServiceError | None:
        """Returns the error that ended the text early, if any."""
        voice = self._voice
        async with (
            self._tts.open(
                sample_rate_hz=voice.sample_rate_hz, voice=voice.voice, speed=voice.speed, language=voice.language
            ) as stream,
            self.rounds.open(self._ask, self.messages) as pieces,
            asyncio.TaskGroup() as tasks,
        ):
            writing = tasks.create_task(self.text.write(pieces, stream))
            tasks.create_task(self.text.send_once_released())
            tasks.create_task(self.speech.send(stream, self._released))
        return writing.result()

    async def _send_text(self) -> ServiceError | None:
        """As `_send_text_and_speech`, without speech."""
        async with self.rounds.open(self._ask, self.messages) as pieces, asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self.text.write(pieces))
            tasks.create_task(self.text.send_once_released())
        return writing.result()

    def _ask(self, messages: Sequence[ChatMessage], tools: ToolUse) -> Pieces:
        return self.writer.stream(WritingRequest(messages, self._limits, tools), self._note_end)

    def _note_end(self, end: WritingEnd) -> None:
        """Note how the model ended a round. The tokens of all rounds are added up."""
        before = self.end or WritingEnd()
        self.end = replace(
            end,
            prompt_tokens=before.prompt_tokens + end.prompt_tokens,
            cached_prompt_tokens=before.cached_prompt_tokens + end.cached_prompt_tokens,
            completion_tokens=before.completion_tokens + end.completion_tokens,
        )

    def release(self) -> None:
        """The learner's turn is over: send the part that has been made, then the rest as it is made."""
        self._released.set()

    @property
    def is_released(self) -> bool:
        """Whether `release` was called, so that the learner may have heard some of the reply."""
        return self._released.is_set()

    def as_heard(self, *, started_s: float, interrupted: bool) -> PartnerTurn:
        """The part that the learner has heard by now, for the history. Sets `unheard_text` to the rest."""
        speech, samples, written = self.speech, self.speech.heard_samples(), self.text.written
        if self._voice.is_silent:
            heard = self.text.sent
        else:
            heard = heard_text(written, speech.words, samples, speech.total_samples())
        self.unheard_text = written[len(heard) :].lstrip()
        return PartnerTurn(
            turn_id=self.turn_id,
            text=heard.strip(),
            generated_text=written,
            interrupted=interrupted,
            started_s=round(started_s, 3),
            duration_s=round(samples / speech.sample_rate_hz, 3),
            words=to_history(heard_words(speech.words, samples), speech.sample_rate_hz),
            latency_ms=self.stages.ms,
        )

    async def _wait_for_signs(self) -> None:
        """Tell the learner if the reply takes long to begin. Raises DeadlineError if it takes too long."""
        await self._released.wait()
        is_told = await wait_for_result(self._is_written, "first_token", self._outbox, waited_s=self._waited_s)
        if not self._voice.is_silent:
            await self.text.has_begun.wait()  # no limit here: tools that run first have limits
            waited_s = 0.0 if is_told or self.rounds.answered else self._waited_s
            await wait_for_result(self.speech.has_begun, "first_sound", self._outbox, waited_s=waited_s)

    @property
    def _waited_s(self) -> float:
        """How long ago the learner's last sound was."""
        return max(0.0, self._now() - self.stages.origin_s)
