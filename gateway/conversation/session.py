"""One conversation from its beginning to its end.

All events come through one inbox, in order: the learner's messages, recognition's events, the ends of replies, and so
on. Floor control decides who speaks. A service that fails ends the turn with an `error`, never the session.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import anyio

from common.errors import UnavailableError, first_service_error
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
from gateway.conversation.conduct import Conduct
from gateway.conversation.event_handler import EventHandler
from gateway.conversation.events import Expelled, Left, SessionEvent
from gateway.conversation.session_options import SessionOptions
from gateway.conversation.session_parts import SessionParts
from gateway.conversation_record import ConversationRecord
from gateway.history import SessionState, Turn
from gateway.outbox import Outbox
from gateway.ports import Ports, SessionTakenError
from gateway.protocol import (
    Connected,
    EndConversation,
    Playback,
    Start,
    Text,
)
from gateway.reply.asides import Asides
from gateway.reply.floor_control import FloorControl
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
        self._options = options
        self._outbox = outbox
        state = SessionState(
            session_id=session_id or secrets.token_urlsafe(12), created_at=wall_clock(), owner=options.gateway_id
        )
        self._record = ConversationRecord(state, ports.store, outbox, wall_clock=wall_clock, now=now)
        # Small, so that a burst of messages waits in the socket and not here.
        self._posting, self._inbox = anyio.create_memory_object_stream[SessionEvent](INBOX_EVENTS)
        self._parts = SessionParts(
            ports,
            options,
            self._record,
            outbox,
            inbox=self._inbox,
            post=self.post,
            audio=audio,
            on_audio=on_audio,
            on_resumed=on_resumed,
            needs_no_seat=needs_no_seat,
            subject=subject,
            conduct=conduct or Conduct(),
            now=now,
        )
        self._record.is_wanted = self._parts.learner.may_be_stored
        self._record.on_said = self._parts.learner.keep_for_long
        self._resume_token = resume_token or secrets.token_urlsafe(24)
        self._ends_by: HandOver | TimeUp | None = None
        self._is_under_way: Callable[[str], bool] = lambda turn_id: False  # replaced by floor control
        self.is_leaving = False

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

        Audio does not go through the inbox. So the audio's format, which `start` names, is set here, before the next
        frame is read.
        Raises SequenceError or AudioError if the `start` is refused; the `start` then has no effect.
        """
        match event:
            case Start():
                self._parts.beginning.announce(event)
            case Text():
                self._parts.beginning.close()
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
            await self._record.save()

    async def _run(self) -> Closing:
        parts = self._parts
        await self._outbox.send(Connected(session_id=self.session_id, resume_token=self._resume_token))
        await self._record.create(self._resume_token)
        try:
            async with asyncio.TaskGroup() as tasks:
                floor, hints = parts.floor_control(tasks), parts.hints(tasks)
                asides = Asides(floor.maker, self._outbox, tasks)
                self._is_under_way = floor.replies.is_under_way
                tasks.create_task(parts.beginning.recall_learner())
                hearing = tasks.create_task(parts.hearing.run())
                try:
                    closing = await self._converse(floor, parts.event_handler(floor, hints, asides, tasks))
                    floor.close()
                    hints.close()
                    asides.close()
                    await floor.on(LearnerInterrupts())
                    if closing is ENDED:
                        closing = await parts.ending.end(tasks)
                    if closing is MOVING:
                        self.is_leaving = True
                        await parts.ending.hand_over(self._options.reconnect(), tasks)
                finally:
                    hearing.cancel()
                    parts.open_turn.end_trace("left")
                await parts.learner.remember(self._record.state.usual_pause_ms)
            if closing is not MOVING:
                await self._record.leave()
        except* SessionTakenError as group:
            await self._outbox.report(first_service_error(group))
            closing = TAKEN_OVER
        return closing

    async def _converse(self, floor: FloorControl, handler: EventHandler) -> Closing:
        """Take events as they come, until one of them ends the conversation, or none has come for too long."""
        help_offers = self._parts.help
        while True:
            help_offers.observe(is_silent=self._is_between_turns(floor) and self._parts.hearing.has_audio)
            help_in_s = help_offers.due_in_s()
            try:
                async with asyncio.timeout(min(help_in_s, self._options.idle_timeout_s)):
                    event = await self._inbox.receive()
            except TimeoutError:
                if help_in_s < self._options.idle_timeout_s:
                    if self._is_between_turns(floor):  # the learner may have begun to speak just now
                        await handler.attempt(help_offers.offer(floor))
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

    def _is_between_turns(self, floor: FloorControl) -> bool:
        return floor.is_free and not (self._parts.open_turn.is_open or self._parts.hearing.turn_is_open)
