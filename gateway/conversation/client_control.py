"""Carries out the decisions of a client that leads the conversation itself; see `conduct`."""

from __future__ import annotations

from common.errors import InvalidInputError
from gateway.conversation.conduct import (
    AddTurn,
    CancelReply,
    Conduct,
    ConductEvent,
    Configure,
    DeleteTurn,
    SetResult,
    TruncateTurn,
)
from gateway.conversation.hearing import Hearing
from gateway.conversation_record import ConversationRecord
from gateway.history import PartnerTurn, call_in
from gateway.notices import TurnTruncated
from gateway.outbox import Outbox
from gateway.reply.asides import Asides
from gateway.reply.floor_control import FloorControl
from gateway.reply.outcome import MAX_OUTPUT
from gateway.reply.request import ReplyRequest
from gateway.reply.turn_machine import LearnerInterrupts


class ClientControl:
    """Controls one conversation for its client. conduct: the client's latest configuration."""

    def __init__(self, record: ConversationRecord, hearing: Hearing, outbox: Outbox, conduct: Conduct) -> None:
        self.conduct = conduct
        self._outbox = outbox
        self._record = record
        self._hearing = hearing

    async def on(self, event: ConductEvent, floor: FloorControl, asides: Asides) -> None:
        """Carry out `event`. If it raises ServiceError, the event has no effect."""
        match event:
            case Configure(conduct, changes):
                self.conduct = conduct
                await self._record.change(**changes)
                self._hearing.patience_changed()
            case ReplyRequest(is_aside=True):
                asides.begin(event)
            case ReplyRequest():
                await floor.answer(event)
            case CancelReply(request_id) if request_id:
                asides.cancel(request_id)
            case CancelReply():
                await floor.on(LearnerInterrupts())
            case AddTurn(turn, after, is_last):
                if is_last:
                    await self._record.remember(turn)
                else:
                    await self._record.insert(turn, after=after)
            case DeleteTurn(turn_id):
                await self._record.forget(turn_id)
            case SetResult(call_id, output):
                await self._set_result(call_id, output)
            case TruncateTurn(turn_id, heard_ms):
                await self._truncate(turn_id, heard_ms, floor)

    async def _set_result(self, call_id: str, output: str | None) -> None:
        for turn in reversed(self._record.turns):
            if (call := call_in(turn)) and call.id == call_id:
                kept = None if output is None else output[:MAX_OUTPUT]
                await self._record.replace(turn.model_copy(update={"call": call.model_copy(update={"output": kept})}))
                return
        raise InvalidInputError("there is no such call in this conversation")

    async def _truncate(self, turn_id: str, heard_ms: float, floor: FloorControl) -> None:
        if floor.replies.is_under_way(turn_id):
            floor.replies.played(turn_id, heard_ms)
            await floor.on(LearnerInterrupts())
        turn = next((turn for turn in self._record.turns if turn.turn_id == turn_id), None)
        text = ""
        if isinstance(turn, PartnerTurn) and not turn.call:
            shorter = truncated(turn, heard_ms / 1000)
            text = shorter.text
            if not text:
                await self._record.forget(turn_id)
            elif shorter != turn:
                await self._record.replace(shorter)
        elif turn is not None:
            raise InvalidInputError(
                "only what the partner has said can be truncated; this turn is the learner's, or a call"
            )
        await self._outbox.notify(TurnTruncated(turn_id, text))


def truncated(turn: PartnerTurn, heard_s: float) -> PartnerTurn:
    """The heard part of the turn: up to the last word that was heard at least half. The turn never gets longer."""
    words = tuple(word for word in turn.words if (word.start_s + word.end_s) / 2 <= heard_s)
    if len(words) == len(turn.words):
        return turn
    end = 0
    for word in words:
        end = turn.text.index(word.text, end) + len(word.text)
    return turn.model_copy(
        update={"text": turn.text[:end], "words": words, "duration_s": round(heard_s, 3), "interrupted": True}
    )
