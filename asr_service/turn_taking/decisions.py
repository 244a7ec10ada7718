"""The endpointer's decisions. Each has the name of the proto's event that it leads to.

All positions are samples of the stream at 16 kHz.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias


class EndReason(enum.Enum):
    """Why a turn ended."""

    SILENCE = "silence"
    MAX_LENGTH = "max_length"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """A turn begins; its voice began at `start`."""

    start: int


@dataclass(frozen=True, slots=True)
class VoicePaused:
    """The voice stopped at `end`. It may be only a gap between two words.

    VoiceContinued, EagerEndOfTurn or EndOfTurn follows.
    """

    end: int


@dataclass(frozen=True, slots=True)
class VoiceContinued:
    """The voice goes on after a VoicePaused that no EagerEndOfTurn followed."""


@dataclass(frozen=True, slots=True)
class EagerEndOfTurn:
    """The turn is probably over; its voice ended at `end`.

    probability: the probability that the learner is done, 0 to 1. With a fixed `end_silence_ms`: the share of that
    silence that has passed.
    """

    end: int
    probability: float


@dataclass(frozen=True, slots=True)
class TurnResumed:
    """The voice began again at `start`, so the last EagerEndOfTurn no longer holds."""

    start: int


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """The turn is over; its voice ended at `end`."""

    end: int
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Assess:
    """A question rather than a decision: how probable is it that the learner is done?

    The caller answers with `Endpointer.judge` before it gives the next window. If it has a first guess before that, it
    first calls `Endpointer.suppose` with the guess.
    """


Decision: TypeAlias = SpeechStarted | VoicePaused | VoiceContinued | EagerEndOfTurn | TurnResumed | EndOfTurn
DecisionOrQuestion: TypeAlias = Decision | Assess
