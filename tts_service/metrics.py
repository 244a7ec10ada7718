"""Prometheus metrics of the speech synthesis."""

from __future__ import annotations

import time

from prometheus_client import Counter, Gauge, Histogram

from common.metrics import CONVERSATION_BUCKETS_S

FIRST_AUDIO_SECONDS = Histogram(
    "aitalk_tts_first_audio_seconds",
    "From a reply's first speakable text to its first audio.",
    buckets=CONVERSATION_BUCKETS_S,
)
REAL_TIME_FACTOR = Histogram(
    "aitalk_tts_real_time_factor",
    "Synthesis time per second of speech, for each piece that the engine makes.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 3.0),
)
AUDIO_SECONDS = Counter("aitalk_tts_audio_seconds_total", "Speech synthesised.")
CHARACTERS = Counter("aitalk_tts_characters_total", "Characters whose speech was synthesised.")
BACKLOG = Gauge("aitalk_tts_backlog", "Syntheses that wait for a thread.")
CANCELLED = Counter("aitalk_tts_cancelled_total", "Replies cancelled by the caller.")


class FirstAudioTimer:
    """Times one reply, from its first speakable text to its first sound."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._done = False

    def text_came(self) -> None:
        """Speakable text has arrived; only the first call counts."""
        if self._began is None:
            self._began = time.monotonic()

    def sound_made(self) -> bool:
        """Note that a sound was made. Returns whether it was the reply's first; if so, the time that the reply took is
        recorded."""
        if self._began is None or self._done:
            return False
        self._done = True
        FIRST_AUDIO_SECONDS.observe(time.monotonic() - self._began)
        return True
