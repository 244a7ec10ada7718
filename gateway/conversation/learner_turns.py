"""Makes turns from what the learner says and types: shows them to the learner, gives them to floor control, and records
them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from common.errors import InvalidInputError, ServiceError
from gateway import metrics
from gateway.conversation.conduct import Conduct
from gateway.conversation.cut_turns import CutTurn
from gateway.conversation.open_turn import OpenTurn
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn
from gateway.notices import TurnDropped, TurnOver, VoiceBegan, WordsHeard
from gateway.outbox import Outbox
from gateway.ports import (
    AsrEvent,
    EagerEndOfTurn,
    EndOfTurn,
    Partial,
    SpeechStarted,
    Transcript,
    TurnResumed,
    VerbatimTranscript,
)
from gateway.protocol import SpeechStartedMessage, TranscriptMessage
from gateway.reply.backchannels import Sound, is_echo, may_become_sound, sound_in
from gateway.reply.floor_control import FloorControl
from gateway.reply.stages import LearnerStages
from gateway.reply.turn_machine import (
    LearnerBargesIn,
    LearnerEnds,
    LearnerInterrupts,
    LearnerPauses,
    LearnerSpeaks,
    LearnerTypes,
    TurnLost,
)


async def _ignore(turn: LearnerTurn) -> None: ...


class LearnerTurns:
    """Call one of its methods for each event of the learner.

    When the method returns, all consequences have been carried out. revised: called with a turn of the history whose
    words have changed.
    """

    def __init__(
        self,
        floor: FloorControl,
        open_turn: OpenTurn,
        *,
        record: ConversationRecord,
        outbox: Outbox,
        now: Callable[[], float],
        conduct: Callable[[], Conduct] = Conduct,
        has_echo: Callable[[], bool] = lambda: False,
        revised: Callable[[LearnerTurn], Awaitable[None]] = _ignore,
    ) -> None:
        self._floor = floor
        self._open_turn = open_turn
        self._record = record
        self._outbox = outbox
        self._now = now
        self._conduct = conduct
        self._revised = revised
        self._cut_turn = CutTurn()
        self._has_echo = False  # recognition has heard the partner's own words
        self._microphone_has_echo = has_echo
        self._began_over_partner = False  # whether the partner was speaking when the learner's voice began

    async def on_typed(self, text: str) -> None:
        """Handle a typed turn. Raises InvalidInputError if it contains only white space, or if the conversation is
        full."""
        text = text.strip()
        if not text:
            raise InvalidInputError("`text` contains only white space; write something to the partner")
        self._record.check_room()
        turn = LearnerTurn(turn_id=secrets.token_hex(6), text=text, started_s=self._record.elapsed_s(), typed=True)
        await self._floor.on(LearnerTypes(text), stages=LearnerStages(self._now()), learner_turn=turn)

    async def on_heard(self, said: AsrEvent) -> None:
        """Handle an event of recognition."""
        if not self._conduct().detects_turns:
            self._cut_turn.on_heard(said)
            return
        match said:
            case SpeechStarted(start):
                self._open_turn.begin(said)
                self._began_over_partner = self._floor.replies.partner_is_heard
                await self._on_voice(start)
            case TurnResumed(start):
                self._open_turn.go_on()
                await self._on_voice(start)
            case Partial(stable, unstable):
                await self._outbox.notify(WordsHeard(self._open_turn.turn_id, stable.strip()))
                await self._on_partial((stable + unstable).strip())
            case EagerEndOfTurn(transcript):
                await self._on_pause(transcript)
            case EndOfTurn(transcript, usual_pause_ms):
                await self._on_end(transcript)
                if usual_pause_ms not in {0, self._record.state.usual_pause_ms}:
                    await self._record.change(usual_pause_ms=usual_pause_ms)
            case VerbatimTranscript(transcript):
                if turn := await self._open_turn.revise(transcript):
                    await self._revised(turn)

    async def on_lasting_voice(self) -> None:
        """A voice has lasted long enough: it interrupts the partner, unless the client forbids that, or recognition has
        already heard the partner's own words."""
        if self._may_interrupt and not self._has_echo:
            await self._floor.on(LearnerBargesIn())

    async def on_lost(self, failure: ServiceError | None = None) -> None:
        """The learner's open turn is lost: recognition failed, or the client has cleared its audio."""
        self._cut_turn.failure = failure
        self._open_turn.lose()
        await self._outbox.notify(TurnDropped())
        await self._floor.on(TurnLost())

    async def on_cut(self, turn_id: str, *, keep: bool) -> None:
        """The client has ended the turn. turn_id: the turn's id, if the client marks the ends of turns. keep: whether
        to keep the turn."""
        if self._conduct().detects_turns:  # recognition has ended the turn at the cut
            if not keep:
                await self.on_lost()
            return
        failure, transcript = self._cut_turn.failure, self._cut_turn.take()
        if not keep:
            return
        if transcript is None:
            await self._outbox.notify(TurnOver(turn_id, None, failure=failure))
            return
        turn = await self._open_turn.show(transcript, turn_id)
        await self._outbox.notify(TurnOver(turn_id, turn, *self._open_turn.span_s(transcript)))
        await self._record.remember(turn)

    @property
    def _may_interrupt(self) -> bool:
        """Whether the learner's voice may stop the partner; always True while the partner is silent."""
        return self._conduct().is_interruptible or not self._floor.is_taken

    async def _on_voice(self, start_sample: int) -> None:
        if self._may_interrupt:
            await self._floor.on(LearnerSpeaks(over_partner=self._floor.replies.partner_is_heard))
        self._floor.prefill("")
        await self._outbox.send(SpeechStartedMessage())
        await self._outbox.notify(VoiceBegan(self._open_turn.turn_id, self._open_turn.position_s(start_sample)))

    async def _on_partial(self, text: str) -> None:
        await self._outbox.send(TranscriptMessage(text=text, is_final=False))
        says = self._floor.replies.partner_says
        if self._may_interrupt and not may_become_sound(text, self._record.state.language, says):
            await self._floor.on(LearnerBargesIn())
        self._floor.prefill(text)

    async def _on_pause(self, transcript: Transcript) -> None:
        await self._open_turn.pause(transcript)
        sound = self._sound_in(transcript)
        self._has_echo |= sound is Sound.ECHO
        if sound or (self._may_interrupt and self._conduct().answers_turns):
            text = self._answered_text(transcript, sound)
            await self._floor.on(LearnerPauses(text, sound is not None), stages=self._open_turn.stages)

    async def _on_end(self, transcript: Transcript) -> None:
        stages = await self._open_turn.end(transcript)
        sound = self._sound_in(transcript)
        self._has_echo |= sound is Sound.ECHO
        if sound is Sound.ECHO:
            metrics.ECHO_TURNS.inc()
        if sound or not transcript.text:
            await self._outbox.send(TranscriptMessage(text="", is_final=True))  # partials may have shown something
            turn = None
        else:
            turn = await self._open_turn.show(transcript)
        await self._outbox.notify(TurnOver(self._open_turn.turn_id, turn, *self._open_turn.span_s(transcript)))
        if turn is None or (self._may_interrupt and self._conduct().answers_turns):
            text = self._answered_text(transcript, sound)
            await self._floor.on(LearnerEnds(text, sound is not None), stages=stages, learner_turn=turn)
        else:
            await self._keep_unanswered(turn)
        self._open_turn.end_trace("no_words")

    async def _keep_unanswered(self, turn: LearnerTurn) -> None:
        """Keep a turn that gets no reply, because the client requests replies itself, or the partner speaks on."""
        if self._may_interrupt:
            await self._floor.on(LearnerInterrupts())
        await self._record.remember(turn)

    def _answered_text(self, transcript: Transcript, sound: Sound | None) -> str:
        """The words for the turn machine. It knows sounds only while the partner speaks; at other times a sound counts
        as no words."""
        return "" if sound and not self._floor.is_taken else transcript.text

    def _sound_in(self, transcript: Transcript) -> Sound | None:
        """The sound, if the words are no turn but "mhm", a cough or an echo of the partner; otherwise None.

        Words are a sound only while the partner speaks, with one exception: if the microphone picks up the partner's
        voice, an echo may be recognised when the partner has already fallen silent. So words of the partner still count
        as an echo if the voice began while the partner spoke.
        """
        if not self._floor.is_taken:
            may_be_echo = self._began_over_partner and (self._has_echo or self._microphone_has_echo())
            return Sound.ECHO if may_be_echo and is_echo(transcript.text, self._floor.replies.partner_said) else None
        return sound_in(transcript, self._record.state.language, self._floor.replies.partner_says)
