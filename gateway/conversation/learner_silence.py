"""Decides when a silence is so long that the partner should offer help. Pure; the session asks after each event."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.history import LearnerTurn, PartnerTurn, Turn


class LearnerSilence:
    """The silence between the end of a reply and the learner's next turn. Times are in seconds on one clock.

    Help is due once before the learner's first turn, and once after each spoken turn. It isn't due after a typed turn,
    because the learner may be typing the next one, which may take long.
    """

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._helped_at = -1  # how many turns the learner had when help was last offered

    def observe(self, turns: Sequence[Turn], *, nobody_speaks: bool, now_s: float) -> None:
        """Note an event. nobody_speaks: whether nobody speaks after it."""
        if not nobody_speaks or not turns or not isinstance(turns[-1], PartnerTurn):
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s

    def ends_at_s(self, turns: Sequence[Turn], longest_s: float) -> float | None:
        """When help is due, if nothing happens until then; None: never. longest_s: how long the silence may be; 0: help
        is never due."""
        learners = [turn for turn in turns if isinstance(turn, LearnerTurn)]
        if self._since_s is None or not longest_s or len(learners) == self._helped_at:
            return None
        return None if learners and learners[-1].typed else self._since_s + longest_s

    def note_offer(self, turns: Sequence[Turn]) -> None:
        """Note that help is offered now."""
        self._since_s = None
        self._helped_at = sum(isinstance(turn, LearnerTurn) for turn in turns)
