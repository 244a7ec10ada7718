"""One conversation, told from top to bottom.

Everything that happens comes through one inbox, in order: the learner's messages, what was heard, the end of a reply.
The floor decides and performs whose turn it is. A service that fails ends the turn with an `error`, never the session.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable

from common.errors import InvalidInputError, SequenceError, ServiceError, UnavailableError, first_service_error
from common.ids import session_renamed
from gateway import metrics
from gateway.audio import AudioInput, DecodedAudio
from gateway.closing import ENDED, EXPELLED, IDLE, LEFT, MOVING, TAKEN_OVER, Closing, HandOver
from gateway.conversation.ending import Ending
from gateway.conversation.events import Expelled, Left, Ports, ReplyOver, SessionEvent, SessionOptions
from gateway.conversation.hearing import AudioRefused, Heard, Hearing, HearingFailed, VoiceGoesOn
from gateway.conversation.learner import Learner
from gateway.conversation.open_turn import OpenTurn
from gateway.history import LearnerTurn, SessionState
from gateway.mailbox import Mailbox
from gateway.outbox import Outbox
from gateway.ports import (
    AsrEvent,
    EagerEndOfTurn,
    EndOfTurn,
    Partial,
    Patience,
    SessionTakenError,
    SpeechStarted,
    Transcript,
    TurnResumed,
)
from gateway.protocol import (
    Connected,
    EndConversation,
    Interrupt,
    Playback,
    Resumed,
    SetLevel,
    SpeechStartedMessage,
    Start,
    Text,
    TranscriptMessage,
)
from gateway.record import ConversationRecord
from gateway.reply.floor_control import FloorControl, LearnerStages
from gateway.reply.prompt import MANNERS
from gateway.reply.turn_machine import (
    LearnerEnds,
    LearnerInterrupts,
    LearnerPauses,
    LearnerSpeaks,
    LearnerTypes,
    TurnLost,
)

logger = logging.getLogger(__name__)


class Session:
    """One learner's conversation on this gateway. `post` what the learner sends, `run` it to its end.

    subject: of the learner's token; empty: none.
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
        now: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.session_id = session_id or secrets.token_urlsafe(12)
        self._on_resumed = on_resumed
        self._partners = ports
        self._options = options
        self._audio = audio
        self._outbox = outbox
        self._now = now
        fresh = SessionState(session_id=self.session_id, created_at=wall_clock(), owner=options.gateway_id)
        self._record = ConversationRecord(fresh, ports.store, outbox, wall_clock)
        self._learner = Learner(ports.store, subject)
        # Small: a burst of messages waits in the socket, not here.
        self._inbox: Mailbox[SessionEvent] = Mailbox(8)
        self._hearing = Hearing(
            audio,
            ports.asr,
            sample_rate_hz=options.asr_sample_rate_hz,
            language=lambda: self._record.state.language,
            patience=self._patience,
            insist_after_s=options.interrupt_after_s,
            on_audio=lambda heard: on_audio(self.session_id, heard),
            deliver=self.post,
        )
        self._turn = OpenTurn(self._record, outbox, self._hearing, sample_rate_hz=options.asr_sample_rate_hz, now=now)
        self._ending = Ending(self._inbox, self.post, self._record, outbox, audio, self._turn, ports.llm)
        self._has_begun = False
        self._has_resumed = False
        self._handing_over: HandOver | None = None
        self.is_leaving = False

    def announce(self, start: Start) -> None:
        """Prepare for the audio that a `start` message announces. Raises SequenceError or AudioError; drop it then."""
        if self._has_begun:
            raise SequenceError("`start` must come first, before audio and text; this one was ignored")
        self._audio.announce(start.audio.encoding, start.audio.sample_rate)

    async def post(self, event: SessionEvent) -> None:
        """Put an event into the inbox; waits while it is full. Once the session is over it means nothing."""
        self._has_begun |= isinstance(event, Text)
        await self._inbox.put(event)

    # --- the conversation -----------------------------------------------------------------------

    async def run(self) -> Closing:
        """Converse until the learner ends it, leaves, or falls silent for too long."""
        try:
            return await self._run()
        finally:
            self._inbox.close()

    async def _run(self) -> Closing:
        resume_token = secrets.token_urlsafe(24)
        await self._outbox.send(Connected(session_id=self.session_id, resume_token=resume_token))
        await self._record.create(resume_token)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                floor = self._take_the_floor(tasks)
                tasks.create_task(self._recall_learner())
                hearing = tasks.create_task(self._hearing.run())
                try:
                    closing = await self._converse(floor)
                    await floor.on(LearnerInterrupts())
                    if closing is ENDED:
                        closing = await self._ending.end(tasks)
                    if closing is MOVING:
                        await self._move(tasks)
                finally:
                    hearing.cancel()
                    self._turn.end_trace("left")
                await self._learner.remember(self._record.state.usual_pause_ms)
        except* SessionTakenError as group:
            await self._outbox.report(first_service_error(group))
            closing = TAKEN_OVER
        return closing

    def _take_the_floor(self, tasks: asyncio.TaskGroup) -> FloorControl:
        async def reply_over(turn_id: str) -> None:
            await self.post(ReplyOver(turn_id))

        return FloorControl(
            self._partners.llm,
            self._partners.tts,
            self._options.reply,
            record=self._record,
            outbox=self._outbox,
            tasks=tasks,
            may_speculate=self._options.may_speculate,
            reply_over=reply_over,
            now=self._now,
        )

    async def _converse(self, floor: FloorControl) -> Closing:
        """Take events as they come, until one of them ends the conversation."""
        while True:
            try:
                async with asyncio.timeout(self._options.idle_timeout_s):
                    event = await anext(self._inbox)
            except TimeoutError:
                await self._outbox.report(UnavailableError(IDLE.reason, code="idle"))
                return IDLE
            match event:
                case EndConversation():
                    return ENDED
                case Left():
                    return LEFT
                case Expelled():
                    return EXPELLED
                case HandOver():
                    self._handing_over = event
                case _:
                    await self._handle(event, floor)
            if self._handing_over and (self._handing_over.at_once or self._is_between_turns(floor)):
                return MOVING

    async def _handle(self, event: SessionEvent, floor: FloorControl) -> None:
        try:
            match event:
                case Heard(said):
                    await self._on_heard(said, floor)
                case VoiceGoesOn():
                    await floor.on_long_voice()
                case HearingFailed(error):
                    self._turn.lose()
                    await floor.on(TurnLost())
                    await self._outbox.report(error)
                case AudioRefused(error):
                    await self._outbox.report(error)
                case ReplyOver(turn_id):
                    await floor.settle(turn_id)
                case Playback(turn_id=turn_id, played_ms=played_ms):
                    floor.played(turn_id, played_ms)
                case Interrupt():
                    await floor.on(LearnerInterrupts())
                case Text(text=text):
                    await self._on_typed(text.strip(), floor)
                case SetLevel(level=level):
                    await self._record.change(level=level)
                    self._hearing.patience_changed()
                case Start():
                    await self._on_start(event)
        except SessionTakenError:
            raise
        except ServiceError as error:
            await self._outbox.report(error)

    # --- what the learner does ------------------------------------------------------------------

    async def _on_start(self, start: Start) -> None:
        """The first message, if any: which session to carry on, and how to speak."""
        if start.session_id is not None or start.resume_token is not None:
            if self._has_resumed:
                raise SequenceError("this connection has resumed a session already; connect anew for another one")
            await self._record.resume(start.session_id or "", start.resume_token or "", self._options.gateway_id)
            self._has_resumed = True
            self.session_id, turns = self._record.state.session_id, len(self._record.turns)
            session_renamed(self.session_id)
            if self._on_resumed:
                await self._on_resumed(self.session_id)
            logger.info("session %s resumed with %d turns", self.session_id, turns)
            await self._outbox.send(Resumed(session_id=self.session_id, turns=turns, level=self._record.state.level))
        if start.learner is not None:
            self._learner.is_called(start.learner)
            self._tasks.create_task(self._recall_learner())
        wanted = {"level": start.level, "language": start.language, "voice": start.voice}
        await self._record.change(**{name: value for name, value in wanted.items() if value is not None})
        self._hearing.patience_changed()

    async def _on_typed(self, text: str, floor: FloorControl) -> None:
        if not text:
            raise InvalidInputError("`text` holds only white space; write something to the partner")
        turn = LearnerTurn(turn_id=secrets.token_hex(6), text=text, started_s=self._record.elapsed_s(), typed=True)
        await floor.on(LearnerTypes(text), stages=LearnerStages(self._now()), learner_turn=turn)

    async def _on_heard(self, said: AsrEvent, floor: FloorControl) -> None:
        self._has_begun = True
        match said:
            case SpeechStarted() | TurnResumed():
                if isinstance(said, SpeechStarted):
                    self._turn.begin(said)
                else:
                    self._turn.go_on()
                await floor.on(LearnerSpeaks())
                floor.read_ahead("")
                await self._outbox.send(SpeechStartedMessage())
            case Partial(stable, unstable):
                text = (stable + unstable).strip()
                await self._outbox.send(TranscriptMessage(text=text, is_final=False))
                await floor.on_partial(text)
                floor.read_ahead(text)
            case EagerEndOfTurn(transcript):
                await self._turn.pause(transcript)
                pauses = LearnerPauses(transcript.text, floor.is_sound(transcript))
                await floor.on(pauses, stages=self._turn.stages)
            case EndOfTurn(transcript, usual_pause_ms):
                await self._on_end_of_turn(transcript, floor)
                if usual_pause_ms not in {0, self._record.state.usual_pause_ms}:
                    await self._record.change(usual_pause_ms=usual_pause_ms)

    async def _on_end_of_turn(self, transcript: Transcript, floor: FloorControl) -> None:
        stages = await self._turn.end(transcript)
        is_sound = floor.is_sound(transcript)
        if is_sound or not transcript.text:
            await self._outbox.send(TranscriptMessage(text="", is_final=True))  # partials may have shown something
            turn = None
        else:
            turn = await self._turn.say_back(transcript)
        await floor.on(LearnerEnds(transcript.text, is_sound), stages=stages, learner_turn=turn)
        self._turn.end_trace("no_words")

    def _patience(self) -> Patience:
        state = self._record.state
        return Patience(MANNERS[state.level].patience, state.usual_pause_ms or self._learner.usual_pause_ms)

    async def _recall_learner(self) -> None:
        """Of this learner's earlier conversations; this one need not wait for it."""
        await self._learner.recall()
        self._hearing.patience_changed()

    def _is_between_turns(self, floor: FloorControl) -> bool:
        return floor.is_free and not (self._turn.is_open or self._hearing.turn_is_open)

    # --- the end --------------------------------------------------------------------------------

    async def _move(self, tasks: asyncio.TaskGroup) -> None:
        """Another gateway carries on. The learner is told first, and keeps what is said from then on for it."""
        self.is_leaving = True
        await self._outbox.send(self._options.reconnect())
        metrics.HANDOVERS.labels("in_turn" if self._hearing.turn_is_open else "between_turns").inc()
        if self._hearing.turn_is_open:
            await self._ending.hear_last_words(tasks)
