"""Handles the outcome of a reply: counts, traces and logs it, tells the learner of it, and adds what the learner heard
to the history."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal

from gateway import metrics
from gateway.conversation_record import ConversationRecord
from gateway.history import Call, PartnerTurn
from gateway.notices import ReplyBegan, ReplyEnded
from gateway.outbox import Outbox
from gateway.protocol import Interrupted, TurnComplete
from gateway.reply.reply import Reply
from gateway.reply.trace import ReplyTrace
from gateway.tools import ToolCall

logger = logging.getLogger(__name__)

# The history keeps at most this many characters of a tool's result.
MAX_OUTPUT = 4000


class Outcomes:
    """Call `began` when a reply is released. When its `run` is over, call one of the other methods, once."""

    def __init__(self, record: ConversationRecord, outbox: Outbox, now: Callable[[], float]) -> None:
        self._record = record
        self._outbox = outbox
        self._now = now

    async def began(self, reply: Reply, request_id: str) -> None:
        """The reply was released. request_id: the request that it answers; empty: no client requested it."""
        reply.place = len(self._record.turns)
        await self._outbox.notify(ReplyBegan(reply.turn_id, request_id))

    async def ended(self, reply: Reply, trace: ReplyTrace) -> None:
        """The reply ended without an interruption: the learner has heard all of it, or it failed."""
        # An eager reply that failed is discarded. At the end of the turn another reply begins. If that one fails, too,
        # its failure is reported.
        if reply.failure and not reply.is_released:
            self.discarded(reply, trace)
        elif reply.failure:
            self._count(reply, trace, "failed")
            await self._outbox.report(reply.failure, is_in_notice=True)  # in ReplySent or ReplyEnded
            await self._keep_what_was_heard(reply, "failed")
        else:
            self._count(reply, trace, "complete")
            for stage, ms in reply.stages.ms.items():
                metrics.STAGE_SECONDS.labels(stage).observe(ms / 1000)
            await self._keep_what_was_heard(reply, "complete")
            await self._outbox.send(TurnComplete(turn_id=reply.turn_id, latency_ms=reply.stages.ms))

    async def interrupted(self, reply: Reply, trace: ReplyTrace) -> None:
        """The reply was cancelled after its release."""
        self._count(reply, trace, "interrupted")
        await self._keep_what_was_heard(reply, "interrupted")

    def discarded(self, reply: Reply, trace: ReplyTrace) -> None:
        """The reply was never released, so the learner hears nothing of it."""
        self._count(reply, trace, "discarded")
        metrics.EAGER_REPLIES.labels("wasted").inc()
        metrics.WASTED_CHARACTERS.inc(len(reply.text.written))
        metrics.WASTED_AUDIO_SECONDS.inc(reply.speech.made_samples / reply.speech.sample_rate_hz)

    def _count(self, reply: Reply, trace: ReplyTrace, outcome: str) -> None:
        metrics.TURNS.labels(outcome).inc()
        playing_s = None if reply.speech.began_s is None else self._now() - reply.speech.began_s
        with trace.current():
            logger.info("reply %s: %s", outcome, reply.stages.ms)
        trace.end(outcome, reply.stages.ms, playing_s=playing_s)

    async def _keep_what_was_heard(self, reply: Reply, outcome: Literal["complete", "interrupted", "failed"]) -> None:
        """Add the heard part to the history. If the reply was cut short, tell the learner how much was heard."""
        interrupted = outcome != "complete"
        audio_began_s = self._now() if reply.speech.began_s is None else reply.speech.began_s
        turn = reply.as_heard(
            started_s=max(0.0, self._record.elapsed_s() - (self._now() - audio_began_s)), interrupted=interrupted
        )
        if interrupted:
            await self._outbox.send(Interrupted(turn_id=turn.turn_id, heard_text=turn.text))
        await self._outbox.notify(ReplyEnded(turn.turn_id, outcome, turn.text, reply.failure))
        calls = [(one.call, one.result) for one in reply.rounds.answered]
        await remember_calls(self._record, reply, calls)
        if turn.text:
            await self._record.remember(turn, None if reply.place is None else reply.place + len(calls))


async def remember_calls(
    record: ConversationRecord, reply: Reply, calls: Sequence[tuple[ToolCall, str | None]]
) -> None:
    """Add the calls that a reply made, with their results, to the history."""
    for number, (made, result) in enumerate(calls):
        output = None if result is None else result[:MAX_OUTPUT]
        turn = PartnerTurn(
            turn_id=call_turn_id(reply.turn_id, number),
            text="",
            generated_text="",
            started_s=record.elapsed_s(),
            call=Call(id=made.id, name=made.name, arguments=made.arguments, output=output),
        )
        await record.remember(turn, None if reply.place is None else reply.place + number)


def call_turn_id(reply_id: str, number: int) -> str:
    """The id of the turn for a reply's call with this number."""
    return f"{reply_id}-{number}"
