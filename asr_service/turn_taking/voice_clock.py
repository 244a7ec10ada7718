"""Counts how much of a stream was heard, and notes since when there has been a voice. Pure."""

from __future__ import annotations

VOICE_PROBABILITY = 0.5  # a window with this or more has a voice
# A silence within a turn (`endpointer`) begins below this and ends at VOICE_PROBABILITY, as in Silero's own code.
SILENCE_PROBABILITY = 0.35
ONSET_MS = 96  # a voice that lasts this long is speech rather than a click


class VoiceClock:
    """Counts windows of one stream. `position` is the number of samples heard so far.

    window: samples in a window. rate_hz: samples a second.
    """

    def __init__(self, window: int, rate_hz: int) -> None:
        self.position = 0
        self.onset: int | None = None  # where the present run of voiced windows began
        self._window = window
        self._samples_per_ms = rate_hz // 1000

    def hear(self, probability: float) -> int:
        """Count the next window, which contains a voice with this probability. Returns where the window begins."""
        begin = self.position
        self.position += self._window
        if probability < VOICE_PROBABILITY:
            self.onset = None
        elif self.onset is None:
            self.onset = begin
        return begin

    def forget_onset(self) -> None:
        """Forget the voice so far, because it belongs to a turn that is over."""
        self.onset = None

    @property
    def confirmed_onset(self) -> int | None:
        """Where the present voice began; None: there is none, or it may still be a click."""
        return self.onset if self.onset is not None and self.ms_since(self.onset) >= ONSET_MS else None

    def ms_since(self, position: int) -> float:
        """Milliseconds of audio since `position`."""
        return self.ms_between(position, self.position)

    def ms_between(self, begin: int, end: int) -> float:
        """Milliseconds of audio from `begin` to `end`."""
        return (end - begin) / self._samples_per_ms
