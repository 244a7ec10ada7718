"""The learner's open turn: when its voice began and paused, its trace, and its words as the learner sees them."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable

from gateway import metrics
from gateway.conversation.hearing import Hearing
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn, Word
from gateway.outbox import Outbox
from gateway.ports import SpeechStarted, Transcript
from gateway.protocol import SpeechStoppedMessage, TranscriptMessage, TranscriptRevised, TranscriptWord
from gateway.reply.stages import LearnerStages
from gateway.reply.trace import TurnTrace

REVISABLE_TURNS = 8
"""This many of the learner's latest turns may still get other words."""


class OpenTurn:
    """One turn at a time: it begins, pauses, goes on, and ends or is lost. Sample positions count as in `Heard`."""

    def __init__(
        self,
        record: ConversationRecord,
        outbox: Outbox,
        hearing: Hearing,
        *,
        sample_rate_hz: int,
        now: Callable[[], float],
    ) -> None:
        self._record = record
        self._outbox = outbox
        self._hearing = hearing
        self._sample_rate_hz = sample_rate_hz
        self._now = now
        self._trace: TurnTrace | None = None
        self.turn_id = ""  # the turn's id in the history
        self.stages: LearnerStages | None = None  # set during a pause
        self._shown: deque[tuple[int, str]] = deque(maxlen=REVISABLE_TURNS)  # start_sample, turn_id
        self.is_open = False  # stays True until EndOfTurn has been handled, which may still be in the inbox

    def begin(self, said: SpeechStarted) -> None:
        """A new turn: a voice was heard."""
        self.end_trace("lost")
        self.turn_id = secrets.token_hex(6)
        state, ago_s = self._record.state, self._hearing.seconds_since(said.start_sample)
        self._trace = TurnTrace(state.session_id, state.level, traceparent=said.traceparent, ago_s=ago_s)
        self.go_on()

    def go_on(self) -> None:
        """The learner goes on speaking, so the pause was not the end of the turn."""
        self.stages, self.is_open = None, True

    async def pause(self, transcript: Transcript) -> LearnerStages:
        """The turn may be over. Tells the learner."""
        now = self._now()
        ended_s = now - self._hearing.seconds_since(transcript.end_sample)
        stages = self.stages = LearnerStages(ended_s, eager_s=now, trace=self._trace)
        await self._outbox.send(SpeechStoppedMessage())
        return stages

    async def end(self, transcript: Transcript) -> LearnerStages:
        """The turn is over. Call `end_trace` once it is known whether the turn gets a reply."""
        self.is_open = False
        # A turn may end without a pause before: at the greatest length of a turn, or at the end of the audio.
        stages = self.stages or await self.pause(transcript)
        self.stages = None
        stages.end_of_turn_s = self._now()
        return stages

    def lose(self) -> None:
        """The turn is lost: recognition failed, or the client has cleared the audio."""
        self.stages, self.is_open = None, False
        self.end_trace("lost")

    def end_trace(self, outcome: str) -> None:
        """Close the turn's trace, unless a reply to the turn was released. In that case the end of the reply closes
        it."""
        if self._trace and not self._trace.is_answered:
            self._trace.close(outcome)
        self._trace = None

    def position_s(self, sample: int) -> float:
        """Where a sample is, in seconds of audio since the connection began."""
        return self._hearing.position_s(sample)

    def span_s(self, transcript: Transcript) -> tuple[float, float]:
        """Where the voice of a turn begins and ends, as in `position_s`."""
        return self.position_s(transcript.start_sample), self.position_s(transcript.end_sample)

    async def show(self, transcript: Transcript, turn_id: str = "") -> LearnerTurn:
        """Show the learner the recognised words. Returns the turn for the history."""
        turn = _learner_turn(
            transcript,
            turn_id=turn_id or self.turn_id,
            sample_rate_hz=self._sample_rate_hz,
            started_s=self._record.elapsed_s() - self._hearing.seconds_since(transcript.start_sample),
        )
        self._shown.append((transcript.start_sample, turn.turn_id))
        await self._outbox.send(
            TranscriptMessage(text=turn.text, is_final=True, words=_shown_words(turn), language=turn.language or None)
        )
        return turn

    async def revise(self, transcript: Transcript) -> LearnerTurn | None:
        """Put the words that were really said into an earlier turn, and show it. None: the turn is not in the history
        (any more), or was revised already.

        Prompts still contain the words that the partner has answered.
        """
        turn_id = next((turn_id for start, turn_id in reversed(self._shown) if start == transcript.start_sample), "")
        before = next((turn for turn in self._record.turns if turn.turn_id == turn_id), None)
        if not isinstance(before, LearnerTurn) or before.answered_text:
            return None
        heard = _learner_turn(
            transcript, turn_id=turn_id, sample_rate_hz=self._sample_rate_hz, started_s=before.started_s
        )
        turn = heard.model_copy(update={"answered_text": before.text, "language": before.language})
        await self._record.replace(turn)
        metrics.REVISED_TURNS.inc()
        await self._outbox.send(
            TranscriptRevised(turn_id=turn_id, was=before.text, text=turn.text, words=_shown_words(turn))
        )
        return turn


def _learner_turn(transcript: Transcript, *, turn_id: str, sample_rate_hz: int, started_s: float) -> LearnerTurn:
    """The turn for the history: sample positions in the stream become seconds from the start of the turn."""

    def seconds(sample: int) -> float:
        return round(max(0, sample - transcript.start_sample) / sample_rate_hz, 3)

    return LearnerTurn(
        turn_id=turn_id,
        text=transcript.text,
        started_s=round(max(0.0, started_s), 3),
        duration_s=seconds(transcript.end_sample),
        words=tuple(
            Word(
                text=word.text,
                start_s=seconds(word.start_sample),
                end_s=seconds(word.end_sample),
                confidence=round(word.confidence, 3),
            )
            for word in transcript.words
        ),
        language=transcript.language,
    )


def _shown_words(turn: LearnerTurn) -> tuple[TranscriptWord, ...]:
    """The words of a turn as a `transcript` message carries them."""
    return tuple(
        TranscriptWord(
            text=word.text,
            start_ms=round(word.start_s * 1000),
            end_ms=round(word.end_s * 1000),
            confidence=word.confidence,
        )
        for word in turn.words
    )
