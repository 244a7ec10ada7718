"""The outcome of a reply: counted, traced and logged, told to the learner, and kept in the history."""

from __future__ import annotations

import logging
from collections.abc import Callable

from gateway import metrics
from gateway.conversation_record import ConversationRecord
from gateway.outbox import Outbox
from gateway.protocol import Interrupted, TurnComplete
from gateway.reply.reply import Reply
from gateway.reply.trace import ReplyTrace

logger = logging.getLogger(__name__)


class Outcomes:
    """Call one of its methods, once, when a reply's `run` is over."""

    def __init__(self, record: ConversationRecord, outbox: Outbox, now: Callable[[], float]) -> None:
        self._record = record
        self._outbox = outbox
        self._now = now

    async def ended(self, reply: Reply, trace: ReplyTrace) -> None:
        """It ended by itself: it was heard to its end, or it failed."""
        if reply.failure and not reply.is_released:  # the end of the turn tries again, and reports what fails then
            self.discarded(reply, trace)
        elif reply.failure:
            self._count(reply, trace, "failed")
            await self._outbox.report(reply.failure)
            await self._keep_what_was_heard(reply, interrupted=True)
        else:
            self._count(reply, trace, "complete")
            for stage, ms in reply.stages.ms.items():
                metrics.STAGE_SECONDS.labels(stage).observe(ms / 1000)
            await self._keep_what_was_heard(reply, interrupted=False)
            await self._outbox.send(TurnComplete(turn_id=reply.turn_id, latency_ms=reply.stages.ms))

    async def interrupted(self, reply: Reply, trace: ReplyTrace) -> None:
        """It was cancelled after its release."""
        self._count(reply, trace, "interrupted")
        await self._keep_what_was_heard(reply, interrupted=True)

    def discarded(self, reply: Reply, trace: ReplyTrace) -> None:
        """It was never released: the learner hears nothing of it."""
        self._count(reply, trace, "discarded")
        metrics.EAGER_REPLIES.labels("wasted").inc()
        metrics.WASTED_CHARACTERS.inc(len(reply.text))
        metrics.WASTED_AUDIO_SECONDS.inc(reply.speech.made_samples / reply.speech.sample_rate_hz)

    def _count(self, reply: Reply, trace: ReplyTrace, outcome: str) -> None:
        metrics.TURNS.labels(outcome).inc()
        playing_s = None if reply.speech.began_s is None else self._now() - reply.speech.began_s
        with trace.current():
            logger.info("reply %s: %s", outcome, reply.stages.ms)
        trace.end(outcome, reply.stages.ms, playing_s=playing_s)

    async def _keep_what_was_heard(self, reply: Reply, *, interrupted: bool) -> None:
        """Add it to the history. If the reply was cut short, tell the learner how much of it was heard."""
        audio_began_s = self._now() if reply.speech.began_s is None else reply.speech.began_s
        turn = reply.as_heard(
            started_s=max(0.0, self._record.elapsed_s() - (self._now() - audio_began_s)), interrupted=interrupted
        )
        if interrupted:
            await self._outbox.send(Interrupted(turn_id=turn.turn_id, heard_text=turn.text))
        if turn.text:
            await self._record.remember(turn)
