"""Limits how much sound a stream may contain for its size in bytes.

Compressed silence takes almost no bytes, and a frame may claim any rate. Without a limit, 72 bytes of FLAC would become
42 MB of PCM.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import av

from gateway.audio.errors import AudioError

MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 192_000  # the limits for WAV, too
MAX_CHANNELS = 8
FREE_S = 30.0  # this much is allowed in addition, whatever the size
MAX_S_PER_KIB = 20.0  # Opus of pure silence has up to 7 s in a KiB
FLAC_MAX_S_PER_KIB = 50.0  # FLAC of pure silence at 8 kHz has 38 s in a KiB


@dataclass
class ExpansionLimit:
    """The limit of one stream. name: the format, for the error. bytes_read: how many bytes of the stream have been
    read; the caller keeps it up to date."""

    name: str
    max_s_per_kib: float = MAX_S_PER_KIB
    bytes_read: int = 0
    _total_s: float = field(default=0.0, init=False)

    def check_rate(self, rate_hz: int) -> None:
        """Raises AudioError for a rate that no microphone has."""
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise AudioError(
                f"the {self.name} claims {rate_hz} Hz; send {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz",
                code="unsupported_audio",
            )

    def no_gap(self, frame: av.AudioFrame) -> float:
        """Count the next frame of a format without gaps. Returns the silence before it, which is always 0."""
        self.spend(frame)
        return 0.0

    def spend(self, frame: av.AudioFrame, gap_s: float = 0.0) -> None:
        """Take the next frame and the silence before it. Raises AudioError if the stream gives too much sound."""
        self.check_rate(frame.sample_rate)
        self._total_s += frame.samples / frame.sample_rate + gap_s
        if self._total_s > FREE_S + self.max_s_per_kib * self.bytes_read / 1024:
            raise AudioError(
                f"the {self.name} gives {self._total_s:.0f} s of sound for {self.bytes_read} bytes; "
                "record with an ordinary bit rate",
                code="unsupported_audio",
            )
