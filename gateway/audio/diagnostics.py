"""`[AUDIO DIAG]` log lines: they describe the sound of a session's microphone, in numbers and in plain words.

    [AUDIO DIAG] session=8c1f… codec=opus/webm rate=48000 seconds=10.0 rms=2310 peak=20311 verdict=speech

The first line comes after a second of audio, then one for every ten seconds, and a summary at the end.
"""

from __future__ import annotations

import logging

from gateway.audio.levels import Levels, verdict
from gateway.audio.types import DecodedAudio

logger = logging.getLogger(__name__)

FIRST_LINE_S = 1
LINE_EVERY_S = 10


class AudioDiagnostics:
    """Follows one session's decoded audio. sample_rate_hz: the rate of that audio."""

    def __init__(self, session_id: str, sample_rate_hz: int) -> None:
        self._session_id = session_id
        self._sample_rate_hz = sample_rate_hz
        self._total = Levels()
        self._since_line = Levels()
        self._next_line_samples = FIRST_LINE_S * sample_rate_hz
        self._latest: DecodedAudio | None = None

    def add(self, audio: DecodedAudio) -> None:
        """Take the next audio; log a line if one is due."""
        self._latest = audio
        heard = Levels()
        heard.add(audio.pcm)
        self._total.include(heard)
        self._since_line.include(heard)
        if self._total.samples >= self._next_line_samples:
            self._log("", self._since_line)
            self._since_line = Levels()
            every = LINE_EVERY_S * self._sample_rate_hz
            self._next_line_samples = (self._total.samples // every + 1) * every

    def summarize(self) -> None:
        """Log the last line; it says so if no audio ever came."""
        self._log("summary ", self._total)

    def _log(self, prefix: str, levels: Levels) -> None:
        """In the line, `seconds` is the length of all audio since the session began; `rms`, `peak` and
        `verdict` are for `levels`."""
        codec, rate = (self._latest.codec, self._latest.source_sample_rate_hz) if self._latest else ("none", 0)
        logger.info(
            "[AUDIO DIAG] %ssession=%s codec=%s rate=%d seconds=%.1f rms=%.0f peak=%d verdict=%s",
            prefix,
            self._session_id,
            codec,
            rate,
            self._total.samples / self._sample_rate_hz,
            levels.rms,
            levels.peak,
            verdict(levels.rms) if self._latest else "no audio arrived",
        )
