"""Floor control decides who speaks. It performs the turn machine's decisions on the one reply that may be under way."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from common.errors import SequenceError
from gateway import metrics
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn
from gateway.reply.maker import ReplyMaker
from gateway.reply.outcome import Outcomes
from gateway.reply.reply import Reply
from gateway.reply.request import ReplyRequest
from gateway.reply.stages import LearnerStages
from gateway.reply.trace import ReplyTrace, TurnTrace
from gateway.reply.turn_machine import (
    Begin,
    Cancel,
    Continue,
    Cut,
    Decision,
    Event,
    Hush,
    Hushed,
    LearnerPauses,
    LearnerSpeaks,
    Listening,
    PartnerBegins,
    Release,
    ReplyEnds,
    Say,
    Speaking,
    TurnMachine,
    Unhush,
)


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """The reply that is being made, held or heard. is_eager: it was begun during a pause."""

    reply: Reply
    task: asyncio.Task[None]
    trace: ReplyTrace
    is_eager: bool


class FloorControl:
    """Pass each event of the turn machine to `on`. When `on` returns, all consequences of the event have been carried
    out.

    When a reply has ended without an interruption, `reply_over` is called with its turn's id. Then call `settle`.
    """

    def __init__(
        self,
        maker: ReplyMaker,
        outcomes: Outcomes,
        *,
        record: ConversationRecord,
        tasks: asyncio.TaskGroup,
        may_speculate: Callable[[], bool],
        reply_over: Callable[[str], Awaitable[None]],
        now: Callable[[], float],
    ) -> None:
        self.maker = maker
        self._outcomes = outcomes
        self._record = record
        self._tasks = tasks
        self._may_speculate = may_speculate
        self._reply_over = reply_over
        self._now = now
        self._machine = TurnMachine(lambda: secrets.token_hex(6))
        self._under_way: _UnderWay | None = None
        self._cut: Reply | None = None  # the latest reply that was interrupted
        self._ended: Reply | None = None  # the latest reply that was not interrupted

    @property
    def is_free(self) -> bool:
        """Whether no reply is under way, and no reply was cut off by a voice that is still heard."""
        return isinstance(self._machine.state, Listening)

    @property
    def is_taken(self) -> bool:
        """Whether the partner speaks, or was cut off by a voice whose words are not known yet."""
        return isinstance(self._machine.state, Speaking | Hushed | Cut)

    @property
    def partner_is_heard(self) -> bool:
        """Whether audio of the current reply has been sent."""
        return self._under_way is not None and self._under_way.reply.speech.began_s is not None

    @property
    def partner_says(self) -> str:
        """The words that the partner is saying, or was saying when last interrupted; otherwise empty."""
        latest = self._under_way.reply if self._under_way else self._cut
        return latest.text if latest else ""

    @property
    def partner_said(self) -> str:
        """The words of the latest reply that was not interrupted; empty if there is none."""
        return self._ended.text if self._ended else ""

    async def on(
        self,
        event: Event,
        *,
        stages: LearnerStages | None = None,
        learner_turn: LearnerTurn | None = None,
        request: ReplyRequest | None = None,
    ) -> None:
        """Carry out the consequences of `event`.

        stages: the stages of the learner's turn. learner_turn: added to the history just before the reply to it is
        released. request: the client's request for a reply without a turn.
        """
        if isinstance(event, LearnerSpeaks):
            self.maker.give_way()
        is_eager = isinstance(event, LearnerPauses)
        if isinstance(event, LearnerPauses) and event.text and not (self.is_taken or self._may_speculate()):
            metrics.EAGER_REPLIES.labels("skipped").inc()
            return
        for decision in self._machine.on(event):
            await self._perform(
                decision, stages or LearnerStages(self._now()), learner_turn, request, is_eager=is_eager
            )

    async def answer(self, request: ReplyRequest) -> None:
        """Have the partner give the reply that a client requests. Raises SequenceError while another reply is under
        way."""
        await self._count_as_heard()
        if not isinstance(self._machine.state, Listening):
            raise SequenceError("a reply is under way; wait until it is done, or cancel it first")
        await self.on(PartnerBegins(""), request=request)

    def prefill(self, text: str) -> None:
        """Have the model read the learner's words so far, unless a reply is under way or the model is busy."""
        if isinstance(self._machine.state, Listening | Cut) and self._may_speculate():
            self.maker.prefill(text)

    def is_under_way(self, turn_id: str) -> bool:
        """Whether this reply is being made, held or heard."""
        return self._under_way is not None and self._under_way.reply.turn_id == turn_id

    def played(self, turn_id: str, played_ms: float) -> None:
        """The learner's player has played this much of a reply. Reports about other replies have no effect."""
        if self._under_way and self.is_under_way(turn_id):
            self._under_way.reply.speech.played(played_ms)

    def close(self) -> None:
        """The conversation is over: stop the background work for its next turns."""
        self.maker.stop_background_work()

    async def settle(self, turn_id: str) -> None:
        """A reply has ended without an interruption: the learner has heard all of it, or it failed."""
        over = self._under_way
        if over is None or over.reply.turn_id != turn_id:
            return
        self._machine.on(ReplyEnds(turn_id))
        self._under_way = None
        self._ended = over.reply
        await self._outcomes.ended(over.reply, over.trace)

    async def _count_as_heard(self) -> None:
        """End the current reply if all of it was sent: it counts as completely heard."""
        over = self._under_way
        if over and over.reply.is_sent:
            over.reply.speech.count_as_heard()
            over.task.cancel()
            await asyncio.wait({over.task})
            await self.settle(over.reply.turn_id)

    # --- the machine's decisions ----------------------------------------------------------------

    async def _perform(
        self,
        decision: Decision,
        stages: LearnerStages,
        learner_turn: LearnerTurn | None,
        request: ReplyRequest | None,
        *,
        is_eager: bool,
    ) -> None:
        match decision:
            case Begin(turn_id) if request:
                self._begin(self.maker.answer(request, turn_id))
            case Begin(turn_id, text):
                reply = self.maker.reply_to(text, turn_id, voice_ended_s=stages.voice_ended_s)
                self._begin(reply, stages.trace, is_eager=is_eager)
            case Say(turn_id, text):
                self._begin(self.maker.say(text, turn_id, voice_ended_s=self._now()))
            case Continue(turn_id):
                assert self._cut is not None  # noqa: S101  it follows a Cancel of a released reply
                metrics.FALSE_ALARMS.labels("cut").inc()
                if self._cut.text:
                    self._begin(self.maker.say(self._cut.unheard_text, turn_id, voice_ended_s=self._now()))
                else:  # no text of the reply had been written
                    self._begin(self.maker.again(self._cut, turn_id, voice_ended_s=self._now()))
            case Release():
                if learner_turn:
                    await self._record.remember(learner_turn)
                await self._outcomes.began(self._current.reply, request.id if request else "")
                self._release(self._current, stages)
            case Hush():
                self._current.reply.speech.hush()
            case Unhush():
                metrics.FALSE_ALARMS.labels("hushed").inc()
                self._current.reply.speech.unhush()
            case Cancel(_, released):
                await self._cancel(self._current, released=released)

    @property
    def _current(self) -> _UnderWay:
        """The reply that the machine's decision applies to."""
        assert self._under_way is not None  # noqa: S101  the machine has begun it, and not ended it
        return self._under_way

    def _begin(self, reply: Reply, turn_trace: TurnTrace | None = None, *, is_eager: bool = False) -> None:
        state = self._record.state
        trace = (turn_trace or TurnTrace(state.session_id, state.level)).reply(reply.turn_id)
        self._under_way = _UnderWay(reply, self._tasks.create_task(self._run(reply, trace)), trace, is_eager)

    async def _run(self, reply: Reply, trace: ReplyTrace) -> None:
        with trace.current():
            await reply.run()
        await self._reply_over(reply.turn_id)

    def _release(self, held: _UnderWay, stages: LearnerStages) -> None:
        held.reply.stages.mark_learners(stages)
        if held.is_eager:
            metrics.EAGER_REPLIES.labels("used").inc()
        held.trace.turn.is_answered = True
        held.reply.release()

    async def _cancel(self, cancelled: _UnderWay, *, released: bool) -> None:
        """Cancel the reply. When this returns, its calls have ended and no more of it is sent."""
        reply, trace = cancelled.reply, cancelled.trace
        self._under_way = None
        cancelled.task.cancel()
        await asyncio.wait({cancelled.task})
        if not released:
            self._outcomes.discarded(reply, trace)
            return
        self._cut = reply
        if reply.is_over:  # the reply had just ended by itself
            await self._outcomes.ended(reply, trace)
        else:
            await self._outcomes.interrupted(reply, trace)
        if reply.is_over or (reply.text and not reply.unheard_text):
            self._machine.on(ReplyEnds(reply.turn_id))
