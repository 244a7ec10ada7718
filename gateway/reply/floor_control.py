"""Floor control: the turn machine decides who speaks, and `FloorControl` has the partner's replies carry that out."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from common.errors import SequenceError
from gateway import metrics
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn
from gateway.reply.maker import ReplyMaker
from gateway.reply.replies import Replies
from gateway.reply.request import ReplyRequest
from gateway.reply.stages import LearnerStages
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


class FloorControl:
    """Pass each event of the turn machine to `on`. When `on` returns, all consequences of the event have been carried
    out.

    When one of the `replies` has ended without an interruption, call `settle`.
    """

    def __init__(
        self,
        maker: ReplyMaker,
        replies: Replies,
        *,
        record: ConversationRecord,
        may_speculate: Callable[[], bool],
        now: Callable[[], float],
    ) -> None:
        self.maker = maker
        self.replies = replies
        self._record = record
        self._may_speculate = may_speculate
        self._now = now
        self._machine = TurnMachine(lambda: secrets.token_hex(6))

    @property
    def is_free(self) -> bool:
        """Whether no reply is under way, and none was cut off by a voice whose words are not known yet."""
        return isinstance(self._machine.state, Listening)

    @property
    def is_taken(self) -> bool:
        """Whether the partner speaks, or was cut off by a voice whose words are not known yet."""
        return isinstance(self._machine.state, Speaking | Hushed | Cut)

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
        if heard := await self.replies.stop_if_sent():
            await self.settle(heard)
        if not isinstance(self._machine.state, Listening):
            raise SequenceError("a reply is under way; wait until it is done, or cancel it first")
        await self.on(PartnerBegins(""), request=request)

    def prefill(self, text: str) -> None:
        """Have the model read the learner's words so far, unless a reply is under way or the model is busy."""
        if isinstance(self._machine.state, Listening | Cut) and self._may_speculate():
            self.maker.prefill(text)

    def close(self) -> None:
        """The conversation is over: stop the prefill and the idle work."""
        self.maker.stop_background_work()

    async def settle(self, turn_id: str) -> None:
        """A reply has ended without an interruption: the learner has heard all of it, or it failed."""
        if self.replies.is_under_way(turn_id):
            self._machine.on(ReplyEnds(turn_id))
            await self.replies.settle()

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
                self.replies.begin(self.maker.answer(request, turn_id))
            case Begin(turn_id, text):
                reply = self.maker.reply_to(text, turn_id, voice_ended_s=stages.voice_ended_s)
                self.replies.begin(reply, stages.trace, is_eager=is_eager)
            case Say(turn_id, text):
                self.replies.begin(self.maker.say(text, turn_id, voice_ended_s=self._now()))
            case Continue(turn_id):
                self._continue(turn_id)
            case Release():
                if learner_turn:
                    await self._record.remember(learner_turn)
                await self.replies.release(stages, request.id if request else "")
            case Hush():
                self.replies.hush()
            case Unhush():
                metrics.FALSE_ALARMS.labels("hushed").inc()
                self.replies.unhush()
            case Cancel(turn_id, released):
                if not await self.replies.cancel(released=released):
                    self._machine.on(ReplyEnds(turn_id))

    def _continue(self, turn_id: str) -> None:
        """Begin a reply that says what the learner has not heard of the one that was cut off."""
        cut = self.replies.cut
        assert cut is not None  # noqa: S101  a Continue follows the Cancel of a released reply
        metrics.FALSE_ALARMS.labels("cut").inc()
        if cut.text.written:
            self.replies.begin(self.maker.say(cut.unheard_text, turn_id, voice_ended_s=self._now()))
        else:  # no text of the reply had been written
            self.replies.begin(self.maker.again(cut, turn_id, voice_ended_s=self._now()))
