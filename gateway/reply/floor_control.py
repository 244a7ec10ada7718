"""Who has the floor: performs the turn machine's decisions on the one reply that may be under way."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway import metrics
from gateway.history import LearnerTurn
from gateway.outbox import Outbox
from gateway.ports import ChatMessage, Llm, Transcript, Tts
from gateway.protocol import Interrupted, TurnComplete
from gateway.record import ConversationRecord
from gateway.reply.backchannels import is_backchannel, is_echo, is_unsure
from gateway.reply.prefill import Prefill
from gateway.reply.prompt import MANNERS, SOMETHING, messages_for
from gateway.reply.reply import Reply, Stages, Voice, Writer
from gateway.reply.trace import ReplyTrace, TurnTrace
from gateway.reply.turn_machine import (
    Begin,
    Cancel,
    Continue,
    Cut,
    Event,
    Hush,
    Hushed,
    LearnerInsists,
    LearnerPauses,
    Listening,
    Release,
    ReplyEnds,
    Speaking,
    TurnMachine,
    Unhush,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """max_tokens: a reply's greatest length. history_max_chars: how much of the history the model is reminded of."""

    sample_rate_hz: int
    max_tokens: int
    history_max_chars: int


@dataclass(slots=True)
class LearnerStages:
    """When the learner's turn reached what, in seconds on the session's clock. Latencies count from last_sound_s."""

    last_sound_s: float
    eager_s: float | None = None
    end_of_turn_s: float | None = None
    trace: TurnTrace | None = None


@dataclass(frozen=True, slots=True)
class Recital:
    """In the place of a language model: a text that is already written."""

    text: str

    @asynccontextmanager
    async def stream(
        self, _messages: Sequence[ChatMessage], *, max_tokens: int | None = None
    ) -> AsyncIterator[AsyncIterator[str]]:
        """The text, whole. max_tokens has no meaning here."""
        del max_tokens
        yield self._whole()

    async def _whole(self) -> AsyncIterator[str]:
        yield self.text


class FloorControl:
    """`on` takes an event of the turn machine and has performed all that follows from it when it returns.

    `reply_over` is called with a turn's id when its reply ends by itself; answer it with `settle`.
    """

    def __init__(
        self,
        llm: Llm,
        tts: Tts,
        options: ReplyOptions,
        *,
        record: ConversationRecord,
        outbox: Outbox,
        tasks: asyncio.TaskGroup,
        may_speculate: Callable[[], bool],
        reply_over: Callable[[str], Awaitable[None]],
        now: Callable[[], float],
    ) -> None:
        self._llm = llm
        self._tts = tts
        self._prefill = Prefill(llm, tasks)
        self._options = options
        self._record = record
        self._outbox = outbox
        self._tasks = tasks
        self._may_speculate = may_speculate
        self._reply_over = reply_over
        self._now = now
        self._machine = TurnMachine(lambda: secrets.token_hex(6))
        self._reply: Reply | None = None
        self._reply_task: asyncio.Task[None] | None = None
        self._trace: ReplyTrace | None = None  # of the latest reply
        self._began_early = False
        self._has_echo = False
        self._cut: Reply | None = None  # the latest reply that was interrupted

    async def on(
        self, event: Event, *, stages: LearnerStages | None = None, learner_turn: LearnerTurn | None = None
    ) -> None:
        """Perform what follows from `event`. learner_turn: kept before its reply is let out."""
        if isinstance(event, LearnerPauses) and event.text and not self._is_taken and not self._may_speculate():
            metrics.EAGER_REPLIES.labels("skipped").inc()
            return
        for decision in self._machine.on(event):
            match decision:
                case Begin(turn_id, text):
                    self._began_early = isinstance(event, LearnerPauses)
                    self._start(turn_id, text, stages or LearnerStages(self._now()))
                case Release():
                    if learner_turn:
                        await self._record.remember(learner_turn)
                    self._release(stages)
                case Continue(turn_id) if self._cut:
                    self._continue(turn_id, self._cut.unheard_text)
                case Hush() if self._reply:
                    self._reply.hush()
                case Unhush() if self._reply:
                    metrics.FALSE_ALARMS.labels("hushed").inc()
                    self._reply.unhush()
                case Cancel(_, released):
                    await self._cancel(released=released)

    def is_sound(self, transcript: Transcript) -> bool:
        """Whether this, said over the partner's voice, is no turn: a "mhm", a noise taken for a word, an echo."""
        if not self._is_taken or not transcript.text:
            return False
        echo = is_echo(transcript.text, self._says)
        self._has_echo |= echo
        language = self._record.state.language
        return echo or is_backchannel(transcript.text, language) or is_unsure(transcript.words, language)

    async def on_partial(self, text: str) -> None:
        """Words over the partner's voice interrupt it before the turn is over."""
        language = self._record.state.language
        if not is_backchannel(text, language, unfinished=True) and not is_echo(text, self._says):
            await self.on(LearnerInsists())

    def read_ahead(self, text: str) -> None:
        """Have the model read the conversation and `text`, of what the learner is saying, while it has time for it."""
        if isinstance(self._machine.state, Listening | Cut) and self._may_speculate():
            self._prefill.read(self._prompt(text.rstrip(" .,!?…-") or SOMETHING))

    async def on_long_voice(self) -> None:
        """So does a voice that lasts, unless it is known that the microphone picks up the partner."""
        if not self._has_echo:
            await self.on(LearnerInsists())

    def played(self, turn_id: str, played_ms: float) -> None:
        """The learner's player reports; reports about other turns are stale."""
        if self._reply and self._reply.turn_id == turn_id:
            self._reply.played(played_ms)

    async def settle(self, turn_id: str) -> None:
        """A reply has ended by itself: heard to its end, or failed."""
        reply = self._reply
        if reply is None or reply.turn_id != turn_id:
            return
        self._machine.on(ReplyEnds(turn_id))
        self._reply = self._reply_task = None
        await self._conclude(reply)

    @property
    def is_free(self) -> bool:
        """Whether no reply is being made, held or heard."""
        return isinstance(self._machine.state, Listening)

    @property
    def _says(self) -> str:
        """What the partner is saying or was saying last; empty before it said anything."""
        latest = self._reply or self._cut
        return latest.text if latest else ""

    @property
    def _is_taken(self) -> bool:
        """Whether the partner speaks, or was cut off by a voice whose words are not known yet."""
        return isinstance(self._machine.state, Speaking | Hushed | Cut)

    def _start(self, turn_id: str, text: str, stages: LearnerStages) -> None:
        self._begin(turn_id, self._prompt(text), self._llm, stages)

    def _prompt(self, text: str) -> list[ChatMessage]:
        """What a reply to `text` is asked for with."""
        state = self._record.state
        return messages_for(
            self._record.turns,
            text,
            level=state.level,
            language=state.language,
            max_chars=self._options.history_max_chars,
        )

    def _continue(self, turn_id: str, rest: str) -> None:
        """Say what was left unheard of the reply that a noise has cut off."""
        metrics.FALSE_ALARMS.labels("cut").inc()
        self._began_early = False
        self._begin(turn_id, [], Recital(rest), LearnerStages(self._now()))

    def _begin(self, turn_id: str, messages: Sequence[ChatMessage], llm: Writer, stages: LearnerStages) -> None:
        self._prefill.stop()
        state, options = self._record.state, self._options
        manner = MANNERS[state.level]
        self._reply = Reply(
            turn_id,
            messages,
            llm=llm,
            tts=self._tts,
            voice=Voice(options.sample_rate_hz, state.voice, manner.speed, state.language),
            max_tokens=min(manner.max_tokens, options.max_tokens),
            stages=Stages(stages.last_sound_s),
            outbox=self._outbox,
            now=self._now,
        )
        turn_trace = stages.trace or TurnTrace(state.session_id, state.level)
        self._trace = turn_trace.reply(turn_id)
        self._reply_task = self._tasks.create_task(self._run(self._reply, self._trace))

    async def _run(self, reply: Reply, trace: ReplyTrace) -> None:
        with trace.current():
            await reply.run()
        await self._reply_over(reply.turn_id)

    def _release(self, stages: LearnerStages | None) -> None:
        assert self._reply is not None  # noqa: S101
        if stages and stages.eager_s is not None:
            self._reply.stages.mark("eager", stages.eager_s)
        if stages and stages.end_of_turn_s is not None:
            self._reply.stages.mark("end_of_turn", stages.end_of_turn_s)
        if self._began_early:
            metrics.EAGER_REPLIES.labels("used").inc()
        if self._trace:
            self._trace.turn.is_answered = True
        self._reply.release()

    async def _cancel(self, *, released: bool) -> None:
        """Once this returns, the reply's calls have ended and nothing of it is sent any more."""
        reply, task = self._reply, self._reply_task
        assert reply is not None  # noqa: S101
        assert task is not None  # noqa: S101
        self._reply = self._reply_task = None
        task.cancel()
        await asyncio.wait({task})
        if not released:
            self._count(reply, "discarded")
            self._count_waste(reply)
            return
        self._cut = reply
        if reply.is_over:  # it ended by itself just before
            await self._conclude(reply)
        else:
            self._count(reply, "interrupted")
            await self._keep_what_was_heard(reply, interrupted=True)
        if reply.is_over or not reply.unheard_text:
            self._machine.on(ReplyEnds(reply.turn_id))

    async def _conclude(self, reply: Reply) -> None:
        if reply.failure and not reply.is_released:  # the end of the turn will try again, and then it is told
            self._count(reply, "discarded")
            self._count_waste(reply)
            return
        if reply.failure:
            self._count(reply, "failed")
            await self._outbox.report(reply.failure)
            await self._keep_what_was_heard(reply, interrupted=True)
            return
        self._count(reply, "complete")
        for stage, ms in reply.stages.ms.items():
            metrics.STAGE_SECONDS.labels(stage).observe(ms / 1000)
        await self._keep_what_was_heard(reply, interrupted=False)
        await self._outbox.send(TurnComplete(turn_id=reply.turn_id, latency_ms=reply.stages.ms))

    def _count(self, reply: Reply, outcome: str) -> None:
        """A reply is over: in metrics, in its trace, and in the log."""
        metrics.TURNS.labels(outcome).inc()
        if self._trace:
            playing_s = None if reply.audio_began_s is None else self._now() - reply.audio_began_s
            with self._trace.current():
                logger.info("reply %s: %s", outcome, reply.stages.ms)
            self._trace.end(outcome, reply.stages.ms, playing_s=playing_s)
            self._trace = None

    def _count_waste(self, reply: Reply) -> None:
        self._began_early = False
        metrics.EAGER_REPLIES.labels("wasted").inc()
        metrics.WASTED_CHARACTERS.inc(len(reply.text))
        metrics.WASTED_AUDIO_SECONDS.inc(reply.made_samples / self._options.sample_rate_hz)

    async def _keep_what_was_heard(self, reply: Reply, *, interrupted: bool) -> None:
        """Into the history with it; if it was cut short, tell the learner how far it was heard."""
        audio_began_s = self._now() if reply.audio_began_s is None else reply.audio_began_s
        turn = reply.heard(
            started_s=max(0.0, self._record.elapsed_s() - (self._now() - audio_began_s)), interrupted=interrupted
        )
        if interrupted:
            await self._outbox.send(Interrupted(turn_id=turn.turn_id, heard_text=turn.text))
        if turn.text:
            await self._record.remember(turn)
