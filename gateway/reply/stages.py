"""The times at which a turn and its reply reach their stages, counted from the end of the learner's voice."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.reply.trace import TurnTrace


@dataclass(slots=True)
class LearnerStages:
    """The stages of the learner's turn, in seconds on the session's clock. Latencies count from voice_ended_s.

    trace: the turn's, if it has one.
    """

    voice_ended_s: float
    eager_s: float | None = None
    end_of_turn_s: float | None = None
    trace: TurnTrace | None = None


@dataclass(slots=True)
class Stages:
    """The stages of a reply, in milliseconds after `origin_s`, the end of the learner's voice."""

    origin_s: float
    ms: dict[str, float] = field(default_factory=dict)

    def mark(self, stage: str, at_s: float) -> None:
        """Note the first time that a stage is reached."""
        self.ms.setdefault(stage, round((at_s - self.origin_s) * 1000, 1))

    def mark_learners(self, learner: LearnerStages) -> None:
        """Note the stages of the learner's turn that this reply answers."""
        if learner.eager_s is not None:
            self.mark("eager", learner.eager_s)
        if learner.end_of_turn_s is not None:
            self.mark("end_of_turn", learner.end_of_turn_s)
