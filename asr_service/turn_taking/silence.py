"""The silence in which a turn may end: when to ask whether the learner is done, and how much silence is enough.
Pure."""

from __future__ import annotations

from asr_service.turn_taking.endpointing import Endpointing
from asr_service.turn_taking.pauses import Pauses
from asr_service.turn_taking.voice_clock import VoiceClock

PREPARE_MS = 64  # VoicePaused is sent after this much silence; hardly any gap within a phrase is that long
EAGER_PROBABILITY = 0.5  # EagerEndOfTurn is sent if the probability is at least this
EAGER_LEAD_MS = 320  # it is also sent this long before the turn ends: time to begin the reply


class Silence:
    """One silence within a turn. It began at `begin` (in samples) and lasts until now, by `clock`.

    With a fixed `end_silence_ms`, nothing is asked. Otherwise it is not known before the first answer how much silence
    is enough.
    """

    def __init__(self, begin: int, settings: Endpointing, pauses: Pauses, clock: VoiceClock) -> None:
        self.begin = begin
        self.is_prepared = False  # whether VoicePaused was sent
        self._settings = settings
        self._pauses = pauses
        self._clock = clock
        self._probability: float | None = None  # the last answer: the probability that the learner is done
        self._ask_at_ms: float = settings.eager_silence_ms

    def must_prepare(self) -> bool:
        """Whether it is time to report the pause."""
        return not self.is_prepared and self._lasted_ms >= min(PREPARE_MS, self._settings.eager_silence_ms)

    def must_ask(self) -> bool:
        """Whether it is time to ask (again) whether the learner is done."""
        return not self._settings.end_silence_ms and self._lasted_ms >= self._ask_at_ms

    def ask(self) -> None:
        """Note that the question is asked now. It is asked again when the silence is twice as long."""
        self._ask_at_ms *= 2

    def answer(self, probability: float) -> None:
        """Take the answer: the probability that the learner is done."""
        self._probability = probability

    def is_settled(self, least: float, most: float) -> bool:
        """Whether every probability from `least` to `most` leads to the same decisions."""
        same_side = (least < EAGER_PROBABILITY) == (most < EAGER_PROBABILITY)
        return self._wait_ms(least) == self._wait_ms(most) and same_side

    def eager_probability(self) -> float | None:
        """The probability for EagerEndOfTurn, 0 to 1; None: it is too early for that event."""
        enough_ms = self._enough_ms()
        if enough_ms is None:
            return None
        if self._probability is None:  # the silence that ends the turn is fixed
            eager_ms = self._settings.eager_silence_ms
            return eager_ms / enough_ms if self._lasted_ms >= eager_ms else None
        if self._probability >= EAGER_PROBABILITY or self._lasted_ms >= enough_ms - EAGER_LEAD_MS:
            return self._probability
        return None

    def is_enough(self) -> bool:
        """Whether the silence ends the turn."""
        enough_ms = self._enough_ms()
        return enough_ms is not None and self._lasted_ms >= enough_ms

    @property
    def _lasted_ms(self) -> float:
        return self._clock.ms_since(self.begin)

    def _enough_ms(self) -> float | None:
        """The silence that ends the turn; None: not known yet."""
        if self._settings.end_silence_ms:
            return self._settings.end_silence_ms
        return None if self._probability is None else self._wait_ms(self._probability)

    def _wait_ms(self, probability: float) -> float:
        return self._settings.wait_ms(probability, self._pauses.usual_ms)
