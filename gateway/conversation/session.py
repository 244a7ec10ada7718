"""One conversation from its beginning to its end.

All events come through one inbox, in order: the learner's messages, recognition's events, the end of a reply. Floor
control decides who speaks. A service that fails ends the turn with an `error`, never the session.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import anyio

from common.errors import UnavailableError, first_service_error
from gateway.analysis import Analysis
from gateway.audio import AudioInput, DecodedAudio
from gateway.closing import (
    ENDED,
    EXPELLED,
    IDLE,
    LEFT,
    MOVING,
    OUT_OF_TIME,
    TAKEN_OVER,
    Closing,
    HandOver,
    TimeUp,
    TimeUsedUpError,
)
from gateway.conversation.beginning import Beginning
from gateway.conversation.client_control import ClientControl
from gateway.conversation.conduct import Conduct
from gateway.conversation.correction_lane import CorrectionLane
from gateway.conversation.ending import Ending
from gateway.conversation.event_handler import EventHandler
from gateway.conversation.events import CallsMade, Expelled, HintReady, Left, MemoryChanged, ReplyOver, SessionEvent
from gateway.conversation.hearing import Hearing
from gateway.conversation.help_offers import HelpOffers
from gateway.conversation.learner import Learner
from gateway.conversation.learner_turns import LearnerTurns
from gateway.conversation.open_turn import OpenTurn
from gateway.conversation.session_options import SessionOptions
from gateway.conversation.session_tools import SessionTools
from gateway.conversation_record import ConversationRecord
from gateway.echo import EchoGuard
from gateway.history import Memory, SessionState, Turn
from gateway.outbox import Outbox
from gateway.ports import Patience, Ports, SessionTakenError
from gateway.protocol import (
    Connected,
    EndConversation,
    Playback,
    Start,
    Text,
)
from gateway.reply.asides import Asides
from gateway.reply.floor_control import FloorControl
from gateway.reply.help import Hints
from gateway.reply.maker import ReplyMaker
from gateway.reply.outcome import Outcomes
from gateway.reply.partner import MANNERS
from gateway.reply.reply import Reply
from gateway.reply.turn_machine import LearnerInterrupts

# How many events the inbox holds; while it is full, `post` waits.
INBOX_EVENTS = 8


async def _keep_seat() -> None:
    """The `needs_no_seat` of a session whose seat is not counted."""


class Session:
    """One learner's conversation on this gateway. `post` the learner's messages, and `run` it to its end.

    subject: of the learner's token; empty if there is none. needs_no_seat: called when nothing more will be said, while
    the rest of the analysis is still being written. conduct: the first configuration of turn-taking. resume_token: lets
    a client resume this session; empty: a new token is made.
    """

    def __init__(
        self,
        ports: Ports,
        options: SessionOptions,
        *,
        audio: AudioInput,
        outbox: Outbox,
        on_audio: Callable[[str, DecodedAudio], None],
        session_id: str = "",
        subject: str = "",
        on_resumed: Callable[[str], Awaitable[None]] | None = None,
        needs_no_seat: Callable[[], Awaitable[None]] = _keep_seat,
        conduct: Conduct | None = None,
        resume_token: str = "",
        now: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._ports = ports
        self._options = options
        self._outbox = outbox
        self._now = now
        self._record = self._new_record(session_id, wall_clock)
        self._learner = Learner(ports.store, ports.learners, subject)
        self._record.is_wanted = self._learner.may_be_stored
        # Small, so that a burst of messages waits in the socket and not here.
        self._posting, self._inbox = anyio.create_memory_object_stream[SessionEvent](INBOX_EVENTS)
        self._echo = EchoGuard(options.asr_sample_rate_hz, now) if options.cancels_echo else None
        if self._echo:
            outbox.on_sent = self._echo.note
        self._hearing = self._new_hearing(audio, on_audio)
        self._open_turn = OpenTurn(
            self._record, outbox, self._hearing, sample_rate_hz=options.asr_sample_rate_hz, now=now
        )
        self._beginning = self._new_beginning(audio, on_resumed)
        self._ending = self._new_ending(audio, needs_no_seat)
        self._control = ClientControl(self._record, self._hearing, outbox, conduct or Conduct())
        self._tools = self._new_tools()
        self._resume_token = resume_token or secrets.token_urlsafe(24)
        self._corrections = CorrectionLane(ports.llm, self._record, outbox)
        self._help = HelpOffers(self._record, options.help_after_s, patience=self._patience, now=now)
        self._ends_by: HandOver | TimeUp | None = None
        self._is_under_way: Callable[[str], bool] = lambda turn_id: False  # replaced by floor control
        self.is_leaving = False

    def _new_record(self, session_id: str, wall_clock: Callable[[], float]) -> ConversationRecord:
        session_id, owner = session_id or secrets.token_urlsafe(12), self._options.gateway_id
        state = SessionState(session_id=session_id, created_at=wall_clock(), owner=owner)
        return ConversationRecord(state, self._ports.store, self._outbox, wall_clock=wall_clock, now=self._now)

    def _new_hearing(self, audio: AudioInput, on_audio: Callable[[str, DecodedAudio], None]) -> Hearing:
        return Hearing(
            audio,
            self._ports.asr,
            sample_rate_hz=self._options.asr_sample_rate_hz,
            language=lambda: self._record.state.language,
            patience=self._patience,
            interrupt_after_s=self._options.interrupt_after_s,
            on_audio=lambda heard: on_audio(self.session_id, heard),
            deliver=self.post,
            clean=self._echo.clean if self._echo else None,
        )

    def _new_beginning(self, audio: AudioInput, on_resumed: Callable[[str], Awaitable[None]] | None) -> Beginning:
        return Beginning(
            record=self._record,
            outbox=self._outbox,
            audio=audio,
            hearing=self._hearing,
            learner=self._learner,
            gateway_id=self._options.gateway_id,
            scenarios=self._options.scenarios,
            languages=self._ports.languages,
            on_resumed=on_resumed,
        )

    def _new_ending(self, audio: AudioInput, needs_no_seat: Callable[[], Awaitable[None]]) -> Ending:
        return Ending(
            self._inbox,
            self.post,
            self._record,
            self._outbox,
            audio,
            self._hearing,
            self._open_turn,
            self._ports.llm,
            needs_no_seat,
            self._keep,
        )

    def _new_tools(self) -> SessionTools:
        return SessionTools(
            self._ports.tools,
            self._outbox,
            state=lambda: self._record.state,
            conduct=lambda: self._control.conduct,
            timeout_s=self._options.tool_timeout_s,
        )

    @property
    def session_id(self) -> str:
        """The id of the session. It changes when a `start` resumes an earlier session."""
        return self._record.state.session_id

    @property
    def state(self) -> SessionState:
        """The session's state, as it is stored."""
        return self._record.state

    @property
    def turns(self) -> Sequence[Turn]:
        """The turns so far."""
        return self._record.turns

    async def post(self, event: SessionEvent) -> None:
        """Put an event into the inbox; waits while the inbox is full. Has no effect once the session is over.

        Audio does not go through the inbox, so a `start` announces its audio here, before the next frame is read.
        Raises SequenceError or AudioError if the `start` is refused; the `start` then has no effect.
        """
        match event:
            case Start():
                self._beginning.announce(event)
            case Text():
                self._beginning.close()
            case Playback(turn_id=turn_id) if not self._is_under_way(turn_id):
                return  # a player that goes on reporting must not keep an idle session alive
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            await self._posting.send(event)

    # --- the conversation -----------------------------------------------------------------------

    async def run(self) -> Closing:
        """Converse until the conversation is over. Returns how it ended."""
        try:
            return await self._run()
        finally:
            self._posting.close()
            self._inbox.close()

    async def _run(self) -> Closing:
        await self._outbox.send(Connected(session_id=self.session_id, resume_token=self._resume_token))
        await self._record.create(self._resume_token)
        try:
            async with asyncio.TaskGroup() as tasks:
                floor = self._floor_control(tasks)
                self._is_under_way = floor.is_under_way
                self._hints = Hints(self._ports.llm, self._record, tasks, self._hint_ready)
                self._asides = Asides(floor.maker, self._outbox, tasks)
                tasks.create_task(self._beginning.recall_learner())
                hearing = tasks.create_task(self._hearing.run())
                try:
                    closing = await self._converse(floor, tasks)
                    floor.close()
                    self._hints.close()
                    self._asides.close()
                    await floor.on(LearnerInterrupts())
                    if closing is ENDED:
                        closing = await self._ending.end(tasks)
                    if closing is MOVING:
                        self.is_leaving = True
                        await self._ending.hand_over(self._options.reconnect(), tasks)
                finally:
                    hearing.cancel()
                    self._open_turn.end_trace("left")
                await self._learner.remember(self._record.state.usual_pause_ms)
            if closing is not MOVING:
                await self._record.leave()
        except* SessionTakenError as group:
            await self._outbox.report(first_service_error(group))
            closing = TAKEN_OVER
        return closing

    async def _keep(self, analysis: Analysis) -> None:
        await self._learner.keep(analysis, self._record.state.session_id, self._record.turns)

    async def _hint_ready(self, sentences: tuple[str, ...]) -> None:
        await self.post(HintReady(sentences))

    def _floor_control(self, tasks: asyncio.TaskGroup) -> FloorControl:
        async def reply_over(turn_id: str) -> None:
            await self.post(ReplyOver(turn_id))

        async def calls_made(reply: Reply) -> None:
            await self.post(CallsMade(reply))

        async def memory_changed(memory: Memory) -> None:
            await self.post(MemoryChanged(memory))

        record, outbox, now = self._record, self._outbox, self._now
        return FloorControl(
            ReplyMaker(
                self._ports.llm,
                self._ports.tts,
                self._options.reply,
                record=record,
                outbox=outbox,
                tasks=tasks,
                now=now,
                memory_changed=memory_changed,
                delivery=lambda: self._control.conduct.delivery,
                runner=self._tools,
                on_calls=calls_made,
                idle_jobs=[self._corrections.run],
            ),
            Outcomes(record, outbox, now),
            record=record,
            tasks=tasks,
            may_speculate=self._options.may_speculate,
            reply_over=reply_over,
            now=now,
        )

    def _event_handler(self, floor: FloorControl, tasks: asyncio.TaskGroup) -> EventHandler:
        turns = LearnerTurns(
            floor,
            self._open_turn,
            record=self._record,
            outbox=self._outbox,
            now=self._now,
            conduct=lambda: self._control.conduct,
            has_echo=lambda: self._echo is not None and self._echo.has_echo,
            revised=self._corrections.recheck,
        )
        return EventHandler(
            record=self._record,
            outbox=self._outbox,
            beginning=self._beginning,
            hearing=self._hearing,
            control=self._control,
            tools=self._tools,
            hints=self._hints,
            asides=self._asides,
            floor=floor,
            turns=turns,
            tasks=tasks,
        )

    async def _converse(self, floor: FloorControl, tasks: asyncio.TaskGroup) -> Closing:
        """Take events as they come, until one of them ends the conversation."""
        handler = self._event_handler(floor, tasks)
        while True:
            is_silent = self._is_between_turns(floor) and self._hearing.has_audio
            help_in_s = self._help.is_due_in_s(is_silent=is_silent)
            try:
                async with asyncio.timeout(min(help_in_s, self._options.idle_timeout_s)):
                    event = await self._inbox.receive()
            except TimeoutError:
                if help_in_s < self._options.idle_timeout_s:
                    if self._is_between_turns(floor):  # the learner may have begun to speak just now
                        await handler.attempt(self._help.offer(floor))
                    continue
                await self._outbox.report(UnavailableError(IDLE.reason, code="idle"))
                return IDLE
            match event:
                case EndConversation():
                    return ENDED
                case Left():
                    return LEFT
                case Expelled():
                    return EXPELLED
                case HandOver() | TimeUp():
                    self._ends_by = event
                case _:
                    await handler.on(event)
            if self._ends_by and (self._ends_by.at_once or self._is_between_turns(floor)):
                return await self._end_by(self._ends_by)

    async def _end_by(self, event: HandOver | TimeUp) -> Closing:
        if isinstance(event, HandOver):
            return MOVING
        await self._outbox.report(TimeUsedUpError(event.message))
        return OUT_OF_TIME

    def _patience(self) -> Patience:
        if patience := self._control.conduct.patience:
            return patience
        state = self._record.state
        return Patience(MANNERS[state.level].patience, state.usual_pause_ms or self._learner.usual_pause_ms)

    def _is_between_turns(self, floor: FloorControl) -> bool:
        return floor.is_free and not (self._open_turn.is_open or self._hearing.turn_is_open)
