"""Measures how long this learner's pauses usually are. Only pauses after which the turn went on count. Pure.

Old pauses count less and less, so that the wait gets shorter for a learner who becomes fluent. The usual pause of an
earlier session counts like three pauses before the first one of this session, and fades with them.
"""

from __future__ import annotations

from dataclasses import dataclass

PAUSE_MS = 250
"""A shorter silence within a turn is part of the rhythm of speech and does not count as a pause."""
_QUANTILE = 0.8
_FADE = 0.9  # weight of a pause, relative to the next one
_PRIOR_WEIGHT = 3.0  # an earlier session counts as much as this many pauses of this one
_KEPT = 32


@dataclass(frozen=True, slots=True)
class PauseStatistics:
    """The statistics that a client keeps for the learner's next session, in milliseconds; 0: no pause is known."""

    usual_ms: int = 0
    longest_ms: int = 0


NO_PAUSES = PauseStatistics()


class Pauses:
    """The pauses of one stream. earlier_ms: the usual pause of an earlier session, or 0."""

    def __init__(self, earlier_ms: float = 0.0) -> None:
        self.earlier_ms = earlier_ms
        self._pauses: list[float] = []
        self._longest_ms = 0.0

    def add(self, pause_ms: float) -> None:
        """Add a silence after which the learner went on."""
        if pause_ms >= PAUSE_MS:
            self._pauses = [*self._pauses, pause_ms][-_KEPT:]
            self._longest_ms = max(self._longest_ms, pause_ms)

    @property
    def statistics(self) -> PauseStatistics:
        """The usual pause, to which the earlier session contributes, and the longest one of this session."""
        return PauseStatistics(round(self.usual_ms), round(self._longest_ms))

    @property
    def usual_ms(self) -> float:
        """The length that four out of five pauses do not exceed; 0: no pause is known."""
        weighted = [(pause, _FADE**age) for age, pause in enumerate(reversed(self._pauses))]
        if self.earlier_ms:
            weighted.append((self.earlier_ms, _PRIOR_WEIGHT * _FADE ** len(self._pauses)))
        enough = _QUANTILE * sum(weight for _, weight in weighted)
        for pause, weight in sorted(weighted):
            enough -= weight
            if enough <= 1e-9:
                return pause
        return 0.0
