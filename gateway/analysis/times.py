"""Cleans the times for the analysis: finite, not negative, and within bounds, whatever a model or a client reports."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gateway.history import LearnerTurn, Turn

MIN_PAUSE_S = 0.25
"""The shortest silence that counts as a pause (De Jong & Bosker, 2013): a shorter one may be part of a consonant."""

_MAX_S = 1e6  # twelve days


@dataclass(frozen=True, slots=True)
class Pause:
    """A silence between two words; `start_s` counts from the start of the turn."""

    start_s: float
    duration_s: float


def seconds(value: float) -> float:
    """`value` as a time in seconds. An impossible value becomes the nearest possible one, infinity and NaN become 0."""
    return min(max(value, 0.0), _MAX_S) if math.isfinite(value) else 0.0


def pauses_of(turn: LearnerTurn) -> list[Pause]:
    """The silences of at least MIN_PAUSE_S between the words of a turn, in order."""
    found = []
    words = sorted((seconds(word.start_s), seconds(word.end_s)) for word in turn.words)
    end_s = words[0][1] if words else 0.0
    for start_s, word_end_s in words[1:]:
        gap_s = round(start_s - end_s, 3)  # word times are hundredths: without rounding, 0.25 might become 0.2499999
        if gap_s >= MIN_PAUSE_S:
            found.append(Pause(end_s, gap_s))
        end_s = max(end_s, word_end_s)
    return found


def spoken_s(turn: Turn) -> float:
    """How long a turn was spoken: the longer of its duration and the span of its words; 0 for a typed turn."""
    if isinstance(turn, LearnerTurn) and turn.typed:
        return 0.0
    first_s = min((seconds(word.start_s) for word in turn.words), default=0.0)
    last_s = max((seconds(word.end_s) for word in turn.words), default=0.0)
    return max(seconds(turn.duration_s), last_s - first_s)
