"""Handles all events of one conversation except those that end it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from common.errors import ServiceError
from gateway import metrics
from gateway.closing import TimeRunsOut
from gateway.conversation.beginning import Beginning
from gateway.conversation.client_control import ClientControl
from gateway.conversation.conduct import AddTurn, CancelReply, Configure, DeleteTurn, SetResult, TruncateTurn
from gateway.conversation.events import CallsMade, HintReady, MemoryChanged, ReplyOver, SessionEvent
from gateway.conversation.hearing import Hearing
from gateway.conversation.hearing_events import (
    AudioRefused,
    Heard,
    HearingFailed,
    HearingIsSlow,
    TurnCut,
    VoiceLasts,
)
from gateway.conversation.learner_turns import LearnerTurns
from gateway.conversation.session_tools import SessionTools
from gateway.conversation_record import ConversationRecord
from gateway.outbox import Outbox
from gateway.ports import SessionTakenError
from gateway.protocol import Hint, HintMessage, Interrupt, Playback, SetLevel, Start, Text, TimeLeft, ToolResult
from gateway.reply.asides import Asides
from gateway.reply.floor_control import FloorControl
from gateway.reply.help import Hints
from gateway.reply.outcome import remember_calls
from gateway.reply.partner import partner_of
from gateway.reply.request import ReplyRequest
from gateway.reply.turn_machine import LearnerInterrupts, PartnerBegins


class EventHandler:
    """`on` handles one event after the other. If a service fails, this ends only the handling of that event, not the
    session.

    tasks: runs what goes on after an event has been handled. The other arguments belong to the session.
    """

    def __init__(
        self,
        *,
        record: ConversationRecord,
        outbox: Outbox,
        beginning: Beginning,
        hearing: Hearing,
        control: ClientControl,
        tools: SessionTools,
        hints: Hints,
        asides: Asides,
        floor: FloorControl,
        turns: LearnerTurns,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._record = record
        self._outbox = outbox
        self._beginning = beginning
        self._hearing = hearing
        self._control = control
        self._tools = tools
        self._hints = hints
        self._asides = asides
        self._floor = floor
        self._turns = turns
        self._tasks = tasks

    async def on(self, event: SessionEvent) -> None:
        """Handle an event. Raises SessionTakenError."""
        match event:
            case Start():
                await self.attempt(self._beginning.perform(event, self._tasks))
                await self.attempt(self._let_partner_begin())
            case Configure() | AddTurn() | DeleteTurn() | TruncateTurn() | SetResult():
                await self.attempt(self._control.on(event, self._floor, self._asides))
            case ToolResult() | CallsMade():
                await self.attempt(self._on_tools(event))
            case CancelReply() | ReplyRequest():
                await self.attempt(self._control.on(event, self._floor, self._asides))
            case _:
                await self.attempt(self._handle(event))

    async def attempt(self, handling: Awaitable[None]) -> None:
        """Run `handling`. If a service fails, this ends only `handling`, not the session. Raises SessionTakenError."""
        try:
            await handling
        except SessionTakenError:
            raise
        except ServiceError as error:
            await self._outbox.report(error)

    async def _let_partner_begin(self) -> None:
        """Have the partner open the conversation, if the session asks for it and nothing has been said yet."""
        if self._record.state.partner_begins and not self._record.turns:
            self._beginning.close()
            await self._floor.on(PartnerBegins(partner_of(self._record.state).opening))

    async def _handle(self, event: SessionEvent) -> None:
        match event:
            case Heard(said):
                self._beginning.close()
                await self._turns.on_heard(said)
            case VoiceLasts():
                await self._turns.on_lasting_voice()
            case HearingFailed(error):
                await self._turns.on_lost(error)
                await self._outbox.report(error)
            case TurnCut(keep, turn_id):
                await self._turns.on_cut(turn_id, keep=keep)
            case AudioRefused(error) | HearingIsSlow(error):
                await self._outbox.report(error)
            case ReplyOver(turn_id):
                await self._floor.settle(turn_id)
            case MemoryChanged(memory):
                await self._record.change(memory=memory)
            case Playback(turn_id=turn_id, played_ms=played_ms):
                self._floor.replies.played(turn_id, played_ms)
            case Interrupt():
                await self._floor.on(LearnerInterrupts())
            case Text(text=text):
                await self._turns.on_typed(text)
            case Hint():
                self._hints.ask()
            case HintReady() | TimeRunsOut():
                await self._outbox.send(_message(event))
            case SetLevel(level=level):
                await self._record.change(level=level)
                self._hearing.patience_changed()

    async def _on_tools(self, event: ToolResult | CallsMade) -> None:
        match event:
            case ToolResult():
                self._tools.answer(event)
            case CallsMade(reply):
                metrics.TOOL_CALLS.labels("client", "handed_over").inc(len(reply.rounds.calls))
                await remember_calls(self._record, reply, [(call, None) for call in reply.rounds.calls])


def _message(event: HintReady | TimeRunsOut) -> HintMessage | TimeLeft:
    """The message that tells the learner about an event."""
    match event:
        case HintReady(sentences):
            return HintMessage(sentences=sentences)
        case TimeRunsOut(seconds):
            return TimeLeft(seconds=seconds)
