"""The conversation over time, turn by turn, for a page to draw."""

from __future__ import annotations

from gateway.analysis.document import TimelinePause, TimelineTurn
from gateway.analysis.fluency import word_count
from gateway.analysis.times import pauses_of, seconds, spoken_s
from gateway.analysis.words import Lexicon
from gateway.history import LearnerTurn, Turn


def timeline_turn(turn: Turn, lexicon: Lexicon) -> TimelineTurn:
    """The place of `turn` on the time axis, and how much was said in it."""
    return TimelineTurn(
        turn_id=turn.turn_id,
        role=turn.role,
        typed=isinstance(turn, LearnerTurn) and turn.typed,
        interrupted=not isinstance(turn, LearnerTurn) and turn.interrupted,
        started_s=round(seconds(turn.started_s), 2),
        duration_s=round(spoken_s(turn), 2),
        words=word_count(turn.text, lexicon),
        pauses=_pauses(turn) if isinstance(turn, LearnerTurn) and not turn.typed else (),
        language=(turn.language or None) if isinstance(turn, LearnerTurn) else None,
    )


def _pauses(turn: LearnerTurn) -> tuple[TimelinePause, ...]:
    started_s = seconds(turn.started_s)
    return tuple(
        TimelinePause(started_s=round(started_s + pause.start_s, 2), duration_s=round(pause.duration_s, 2))
        for pause in pauses_of(turn)
    )
