"""The parts of one session, and what connects them. `session.py` says what they do together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable

from gateway.analysis import Analysis
from gateway.audio import AudioInput, DecodedAudio
from gateway.conversation.beginning import Beginning
from gateway.conversation.client_control import ClientControl
from gateway.conversation.conduct import Conduct
from gateway.conversation.correction_lane import CorrectionLane
from gateway.conversation.ending import Ending
from gateway.conversation.event_handler import EventHandler
from gateway.conversation.events import CallsMade, HintReady, MemoryChanged, ReplyOver, SessionEvent
from gateway.conversation.hearing import Hearing
from gateway.conversation.help_offers import HelpOffers
from gateway.conversation.learner import Learner
from gateway.conversation.learner_turns import LearnerTurns
from gateway.conversation.open_turn import OpenTurn
from gateway.conversation.session_options import SessionOptions
from gateway.conversation.session_tools import SessionTools
from gateway.conversation_record import ConversationRecord
from gateway.echo import EchoGuard
from gateway.history import Memory
from gateway.outbox import Outbox
from gateway.ports import Patience, Ports
from gateway.reply.asides import Asides
from gateway.reply.floor_control import FloorControl
from gateway.reply.help import Hints
from gateway.reply.maker import ReplyMaker
from gateway.reply.outcome import Outcomes
from gateway.reply.partner import MANNERS
from gateway.reply.replies import Replies
from gateway.reply.reply import Reply


class SessionParts:
    """One object for each part of a session.

    inbox: the session's events. post: puts an event into `inbox`. subject: of the learner's token; empty if there is
    none. on_audio: gets each decoded piece of audio with the session's id. on_resumed: called with the session's id
    when a `start` resumes an earlier session. needs_no_seat: see `Ending`. conduct: the first configuration of
    turn-taking. now: a steady clock in seconds.
    """

    def __init__(
        self,
        ports: Ports,
        options: SessionOptions,
        record: ConversationRecord,
        outbox: Outbox,
        *,
        inbox: AsyncIterable[SessionEvent],
        post: Callable[[SessionEvent], Awaitable[None]],
        audio: AudioInput,
        on_audio: Callable[[str, DecodedAudio], None],
        on_resumed: Callable[[str], Awaitable[None]] | None,
        needs_no_seat: Callable[[], Awaitable[None]],
        subject: str,
        conduct: Conduct,
        now: Callable[[], float],
    ) -> None:
        self._ports = ports
        self._options = options
        self._record = record
        self._outbox = outbox
        self._post = post
        self._now = now
        self.learner = Learner(ports.store, ports.learners, subject)
        self._echo = EchoGuard(options.asr_sample_rate_hz, now) if options.cancels_echo else None
        if self._echo:
            outbox.on_sent = self._echo.note
        self.hearing = self._new_hearing(audio, on_audio)
        self.open_turn = OpenTurn(record, outbox, self.hearing, sample_rate_hz=options.asr_sample_rate_hz, now=now)
        self.beginning = self._new_beginning(audio, on_resumed)
        self.ending = Ending(
            inbox, post, record, outbox, audio, self.hearing, self.open_turn, ports.llm, needs_no_seat, self._keep
        )
        self.help = HelpOffers(record, options.help_after_s, patience=self._patience, now=now)
        self._control = ClientControl(record, self.hearing, outbox, conduct)
        self._tools = self._new_tools()
        self._corrections = CorrectionLane(ports.llm, record, outbox)

    def _new_hearing(self, audio: AudioInput, on_audio: Callable[[str, DecodedAudio], None]) -> Hearing:
        record, options = self._record, self._options
        return Hearing(
            audio,
            self._ports.asr,
            sample_rate_hz=options.asr_sample_rate_hz,
            language=lambda: record.state.language,
            patience=self._patience,
            interrupt_after_s=options.interrupt_after_s,
            on_audio=lambda heard: on_audio(record.state.session_id, heard),
            deliver=self._post,
            echo=self._echo,
        )

    def _new_beginning(self, audio: AudioInput, on_resumed: Callable[[str], Awaitable[None]] | None) -> Beginning:
        return Beginning(
            record=self._record,
            outbox=self._outbox,
            audio=audio,
            hearing=self.hearing,
            learner=self.learner,
            gateway_id=self._options.gateway_id,
            scenarios=self._options.scenarios,
            languages=self._ports.languages,
            on_resumed=on_resumed,
        )

    def _new_tools(self) -> SessionTools:
        return SessionTools(
            self._ports.tools,
            self._outbox,
            state=lambda: self._record.state,
            conduct=lambda: self._control.conduct,
            timeout_s=self._options.tool_timeout_s,
        )

    def floor_control(self, tasks: asyncio.TaskGroup) -> FloorControl:
        """Decides who speaks. tasks: those of the session."""

        async def reply_over(turn_id: str) -> None:
            await self._post(ReplyOver(turn_id))

        async def calls_made(reply: Reply) -> None:
            await self._post(CallsMade(reply))

        async def memory_changed(memory: Memory) -> None:
            await self._post(MemoryChanged(memory))

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
            Replies(Outcomes(record, outbox, now), record=record, tasks=tasks, reply_over=reply_over),
            record=record,
            may_speculate=self._options.may_speculate,
            now=now,
        )

    def hints(self, tasks: asyncio.TaskGroup) -> Hints:
        """Finds what the learner could say now."""

        async def ready(sentences: tuple[str, ...]) -> None:
            await self._post(HintReady(sentences))

        return Hints(self._ports.llm, self._record, tasks, ready)

    def event_handler(
        self, floor: FloorControl, hints: Hints, asides: Asides, tasks: asyncio.TaskGroup
    ) -> EventHandler:
        """Handles the events that don't end the conversation."""
        turns = LearnerTurns(
            floor,
            self.open_turn,
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
            beginning=self.beginning,
            hearing=self.hearing,
            control=self._control,
            tools=self._tools,
            hints=hints,
            asides=asides,
            floor=floor,
            turns=turns,
            tasks=tasks,
        )

    async def _keep(self, analysis: Analysis) -> None:
        await self.learner.keep(analysis, self._record.state.session_id, self._record.turns)

    def _patience(self) -> Patience:
        if patience := self._control.conduct.patience:
            return patience
        state = self._record.state
        return Patience(MANNERS[state.level].patience, state.usual_pause_ms or self.learner.usual_pause_ms)
