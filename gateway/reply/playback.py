"""Computes how much of a reply the learner has heard: from the reports of the learner's player or, if there are none,
from the time."""

from __future__ import annotations

# A player reports every 100–200 ms. After a report it is assumed to go on playing, but for no longer than this.
MAX_EXTRAPOLATION_S = 0.25


class PlaybackClock:
    """Follows one reply's audio. The caller passes times in seconds of any steady clock. Audio is counted in
    samples."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.sent_samples = 0
        self.reported = False
        self._heard_samples = 0.0
        self._at_s = 0.0

    def sent(self, samples: int, now_s: float) -> None:
        """Note samples that were sent now. If the player had nothing left to play, it starts again now."""
        self._advance(now_s)
        self.sent_samples += samples

    def report(self, played_ms: float, now_s: float) -> None:
        """Note how much the player has played in all. A report of more than was sent counts as everything that was
        sent."""
        self.reported = True
        played = min(played_ms / 1000 * self.sample_rate_hz, self.sent_samples)
        self._heard_samples = played
        self._at_s = now_s

    def heard_samples(self, now_s: float) -> int:
        """How many samples the learner has heard by now."""
        elapsed_s = max(0.0, now_s - self._at_s)
        if self.reported:
            elapsed_s = min(elapsed_s, MAX_EXTRAPOLATION_S)
        return round(min(self.sent_samples, self._heard_samples + elapsed_s * self.sample_rate_hz))

    def ahead_s(self, now_s: float) -> float:
        """Seconds of audio that are sent but not yet heard."""
        return (self.sent_samples - self.heard_samples(now_s)) / self.sample_rate_hz

    def _advance(self, now_s: float) -> None:
        self._heard_samples = self.heard_samples(now_s)
        self._at_s = now_s
