"""From what recognition says to what is kept of a learner's turn, and to what the learner is shown."""

from __future__ import annotations

from gateway.history import LearnerTurn, Word
from gateway.ports import Transcript
from gateway.protocol import TranscriptWord


def learner_turn(transcript: Transcript, *, turn_id: str, sample_rate_hz: int, started_s: float) -> LearnerTurn:
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
    )


def shown_words(turn: LearnerTurn) -> tuple[TranscriptWord, ...]:
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
