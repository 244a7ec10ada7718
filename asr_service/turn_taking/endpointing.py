"""The settings of endpointing, and the silence with which they end a turn. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from common.errors import InvalidInputError
from common.speech import AVERAGE_PAUSE_MS, EAGER_SILENCE_MS, LONGEST_SILENCE_MS, MAX_TURN_MS, MIN_TURN_MS

MIN_PATIENCE, MAX_PATIENCE = 0.25, 4.0

# How the wait depends on the probability that the learner is done:
_SURE = 0.9  # at or above this: the shortest wait
# at or above the first value, the second is the share of the longest wait; preparing a reply takes that long anyway
_NEARLY_SURE, _NEARLY_SHARE = 0.75, 0.3
# at or above the first value, the second is the share of the longest wait; less would cut off most hesitations
_LIKELY, _LIKELY_SHARE = 0.35, 0.65
_NOT_DONE = 0.1  # at or below this: the longest wait; between _NOT_DONE and _LIKELY the wait is interpolated
# The longest wait is multiplied by the learner's usual pause divided by the average one, within these bounds:
_LEAST_STRETCH, _MOST_STRETCH = 0.8, 2.0


@dataclass(frozen=True, slots=True)
class Endpointing:
    """The settings for the end of a turn; see the proto message of the same name.

    With `end_silence_ms` 0, the silence that ends a turn is between `min_silence_ms` and `max_silence_ms`, depending on
    the probability that the learner is done. Both are multiplied by `patience`. The learner's usual pause, too, changes
    the longer one.
    """

    eager_silence_ms: int = EAGER_SILENCE_MS
    end_silence_ms: int = 0
    max_turn_ms: int = 60_000
    min_silence_ms: int = 256
    max_silence_ms: int = 1_600
    patience: float = 1.0
    usual_pause_ms: int = 0

    def wait_ms(self, probability: float, usual_pause_ms: float = 0.0) -> float:
        """The silence in ms that ends the turn, if the learner is done with this probability.

        usual_pause_ms: this learner's usual pause; 0: unknown.
        """
        most = self.max_silence_ms * self.patience
        if usual_pause_ms:
            most *= min(max(usual_pause_ms / AVERAGE_PAUSE_MS, _LEAST_STRETCH), _MOST_STRETCH)
        least = min(self.min_silence_ms * self.patience, LONGEST_SILENCE_MS)
        if probability >= _SURE:
            return least
        if probability >= _NEARLY_SURE:
            return max(least, min(most * _NEARLY_SHARE, LONGEST_SILENCE_MS))
        doubt = min(max((_LIKELY - probability) / (_LIKELY - _NOT_DONE), 0.0), 1.0)
        return max(least, min(most * (_LIKELY_SHARE + (1 - _LIKELY_SHARE) * doubt), LONGEST_SILENCE_MS))

    def overridden(
        self,
        *,
        eager_silence_ms: int = 0,
        end_silence_ms: int = 0,
        max_turn_ms: int = 0,
        min_silence_ms: int = 0,
        max_silence_ms: int = 0,
        patience: float = 0.0,
        usual_pause_ms: int = 0,
    ) -> Endpointing:
        """These settings, with the given values in place of their own; 0 means: not given. If only the silence that
        ends a turn is given, and it is shorter than `eager_silence_ms`, it is used for both.

        Raises InvalidInputError if a value is out of range, or if the resulting settings contradict one another.
        """
        given = (
            eager_silence_ms,
            end_silence_ms,
            max_turn_ms,
            min_silence_ms,
            max_silence_ms,
            patience,
            usual_pause_ms,
        )
        if min(given) < 0:
            raise InvalidInputError("endpointing: a length is negative; give milliseconds, or 0 for the default")
        own_eager_ms = min(self.eager_silence_ms, end_silence_ms or self.eager_silence_ms)
        new = Endpointing(
            eager_silence_ms or own_eager_ms,
            end_silence_ms or self.end_silence_ms,
            max_turn_ms or self.max_turn_ms,
            min_silence_ms or self.min_silence_ms,
            max_silence_ms or self.max_silence_ms,
            patience or self.patience,
            usual_pause_ms or self.usual_pause_ms,
        )
        new.check()
        return new

    def check(self, called: Callable[[str], str] = lambda name: f"endpointing: {name}") -> None:
        """Raises InvalidInputError if settings contradict one another, or one is out of range. called: gives the name
        of a setting for the error's message."""
        pairs = [("end_silence_ms", "eager_silence_ms")]
        if not self.end_silence_ms:  # otherwise the shortest and the longest silence have no effect
            pairs += [("max_silence_ms", "min_silence_ms"), ("max_silence_ms", "eager_silence_ms")]
        for longer, shorter in pairs:
            more, less = getattr(self, longer), getattr(self, shorter)
            if 0 < more < less:
                both = f"{called(longer)} ({more}) is less than {called(shorter)} ({less})"
                raise InvalidInputError(f"{both}; raise the one or lower the other")
        for name, least, most in (("max_turn_ms", MIN_TURN_MS, MAX_TURN_MS), ("patience", MIN_PATIENCE, MAX_PATIENCE)):
            value = getattr(self, name)
            if not least <= value <= most:  # true for NaN, too
                raise InvalidInputError(f"{called(name)} is {value}; it must be from {least} to {most}")
