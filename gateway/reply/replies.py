"""The partner's replies in one conversation, of which at most one is under way: being made, held or heard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway import metrics
from gateway.conversation_record import ConversationRecord
from gateway.reply.outcome import Outcomes
from gateway.reply.reply import Reply
from gateway.reply.stages import LearnerStages
from gateway.reply.trace import ReplyTrace, TurnTrace


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """is_eager: the reply was begun during a pause."""

    reply: Reply
    task: asyncio.Task[None]
    trace: ReplyTrace
    is_eager: bool


class Replies:
    """Runs one reply at a time as one of `tasks`, and knows the words that the partner says.

    cut: the latest reply that was interrupted. When a reply has ended without an interruption, `reply_over` is called
    with its turn's id.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        *,
        record: ConversationRecord,
        tasks: asyncio.TaskGroup,
        reply_over: Callable[[str], Awaitable[None]],
    ) -> None:
        self.cut: Reply | None = None
        self._outcomes = outcomes
        self._record = record
        self._tasks = tasks
        self._reply_over = reply_over
        self._under_way: _UnderWay | None = None
        self._ended: Reply | None = None  # the latest reply that ended without an interruption

    @property
    def partner_is_heard(self) -> bool:
        """Whether audio of the reply under way has been sent."""
        return self._under_way is not None and self._under_way.reply.speech.began_s is not None

    @property
    def partner_says(self) -> str:
        """The text of the reply under way, or else of the latest interrupted reply; empty if there is neither."""
        latest = self._under_way.reply if self._under_way else self.cut
        return latest.text.written if latest else ""

    @property
    def partner_said(self) -> str:
        """The text of the latest reply that ended without an interruption; empty if there is none."""
        return self._ended.text.written if self._ended else ""

    def is_under_way(self, turn_id: str) -> bool:
        """Whether this reply is being made, held or heard."""
        return self._under_way is not None and self._under_way.reply.turn_id == turn_id

    def played(self, turn_id: str, played_ms: float) -> None:
        """The learner's player has played this much of a reply. Has no effect unless that reply is under way."""
        if self._under_way and self.is_under_way(turn_id):
            self._under_way.reply.speech.played(played_ms)

    def begin(self, reply: Reply, turn_trace: TurnTrace | None = None, *, is_eager: bool = False) -> None:
        """Begin to make a reply while none is under way. is_eager: the learner may go on speaking."""
        state = self._record.state
        trace = (turn_trace or TurnTrace(state.session_id, state.level)).reply(reply.turn_id)
        self._under_way = _UnderWay(reply, self._tasks.create_task(self._run(reply, trace)), trace, is_eager)

    async def release(self, stages: LearnerStages, request_id: str = "") -> None:
        """Send the reply under way. request_id: the client's request that it answers; empty if there was none."""
        held = self._current
        await self._outcomes.began(held.reply, request_id)
        held.reply.stages.mark_learners(stages)
        if held.is_eager:
            metrics.EAGER_REPLIES.labels("used").inc()
        held.trace.turn.is_answered = True
        held.reply.release()

    def hush(self) -> None:
        """Send no more of the speech for now."""
        self._current.reply.speech.hush()

    def unhush(self) -> None:
        """Continue the speech."""
        self._current.reply.speech.unhush()

    async def cancel(self, *, released: bool) -> bool:
        """Cancel the reply under way. When this returns, its calls to the models have ended and no more of it is
        sent.

        Returns whether there is a part that the learner has not heard.
        """
        cancelled, self._under_way = self._current, None
        reply, trace = cancelled.reply, cancelled.trace
        await _stop(cancelled.task)
        if not released:
            self._outcomes.discarded(reply, trace)
            return True
        self.cut = reply
        if reply.is_over:  # the reply had just ended by itself
            await self._outcomes.ended(reply, trace)
        else:
            await self._outcomes.interrupted(reply, trace)
        return not (reply.is_over or (reply.text.written and not reply.unheard_text))

    async def stop_if_sent(self) -> str:
        """Stop the reply under way if all of it was sent: it counts as completely heard. Returns its turn's id, so
        that the caller settles it; empty if no reply was stopped."""
        over = self._under_way
        if over is None or not over.reply.is_sent:
            return ""
        over.reply.speech.count_as_heard()
        await _stop(over.task)
        return over.reply.turn_id

    async def settle(self) -> None:
        """The reply under way has ended without an interruption: the learner has heard all of it, or it failed."""
        over, self._under_way = self._current, None
        self._ended = over.reply
        await self._outcomes.ended(over.reply, over.trace)

    @property
    def _current(self) -> _UnderWay:
        assert self._under_way is not None  # noqa: S101  the turn machine has begun it, and not ended it
        return self._under_way

    async def _run(self, reply: Reply, trace: ReplyTrace) -> None:
        with trace.current():
            await reply.run()
        await self._reply_over(reply.turn_id)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
